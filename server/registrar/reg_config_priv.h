/* The parts of the configuration that stand in files of their own. */
#ifndef SERVER_REGISTRAR_REG_CONFIG_PRIV_H
#define SERVER_REGISTRAR_REG_CONFIG_PRIV_H

#include "server/ipc/proc_config.h"
#include "server/registrar/reg_config.h"

void reg_config_read_oidc(struct proc_config *c, struct reg_config *out); /* latches errors */
void reg_config_free_oidc(struct reg_config *c);
void reg_config_read_keep(struct proc_config *c, struct reg_config *out);
void reg_config_free_keep(struct reg_config *c);

#endif
