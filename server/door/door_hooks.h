/* Webhooks: verified records and alerts, delivered to addresses of the configuration alone, signed
 * (door_hook_sign.h). One thread for each, one delivery at a time and in order, at least once: what
 * was delivered stands in a file beside query.db. A receiver that is away holds up its own hook
 * only. */
#ifndef SERVER_DOOR_DOOR_HOOKS_H
#define SERVER_DOOR_DOOR_HOOKS_H

#include "server/door/door_alerts.h"
#include "server/door/door_config.h"

struct door_hooks;
/* Reads the secrets and starts the threads. Everything is borrowed. HM_E_CONFIG: a secret;
 * HM_E_MALFORMED: a damaged file beside query.db. */
enum hm_err HM_MUST_USE door_hooks_start(const struct door_config *c, struct door_model *model,
                                         struct door_alerts *alerts, struct door_hooks **out,
                                         struct hm_why *why);
/* After door_model_wake, before the alerts and the model are stopped. NULL allowed. */
void door_hooks_stop(struct door_hooks *h);
/* For /metrics. */
void door_hooks_metrics(struct door_hooks *h, struct hm_buf *out);

#endif
