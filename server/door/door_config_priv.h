/* Shared by the files that read the configuration. */
#ifndef SERVER_DOOR_DOOR_CONFIG_PRIV_H
#define SERVER_DOOR_DOOR_CONFIG_PRIV_H

#include "server/door/door_config.h"
#include "server/ipc/proc_config.h"

/* A text of our own; NULL of NULL. Latches HM_E_MEMORY. */
char *door_config_copy(struct proc_config *f, const char *member, const char *value);
void door_config_read_alerts(struct proc_config *f, struct door_config *c);
void door_config_read_webhooks(struct proc_config *f, struct door_config *c);
void door_config_free_webhooks(struct door_config *c);
void door_config_read_out(struct proc_config *f, struct door_config *c);
void door_config_free_out(struct door_config *c);

#endif
