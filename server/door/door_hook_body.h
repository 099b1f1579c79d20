/* What is delivered: payloads as the Standard Webhooks specification recommends them. */
#ifndef SERVER_DOOR_DOOR_HOOK_BODY_H
#define SERVER_DOOR_DOOR_HOOK_BODY_H

#include "server/door/door_alerts.h"

#define DOOR_HOOK_ID_MAX 64 /* characters of a webhook-id */

struct door_hook_message {
    char id[DOOR_HOOK_ID_MAX + 1]; /* the same at every attempt, also after a restart */
    uint64_t t_ms;                 /* when it happened */
    struct hm_buf body;            /* JSON; the caller frees it */
};
/* {"type":EVENT,"timestamp":…,"data":{"origin":…,"index":n,"leaf":…,"record":{…}}} */
enum hm_err HM_MUST_USE door_hook_record(const char *origin, uint64_t idx, struct hm_bytes record,
                                         const struct hm_record *r, struct door_hook_message *out);
/* {"type":"alert.KIND","timestamp":…,"data":{"origin":…,"alert":{…}}} */
enum hm_err HM_MUST_USE door_hook_alert(const char *origin, struct door_alerts *alerts,
                                        const struct alert *x, struct door_hook_message *out);

#endif
