/* Who a certificate stands for, as the registrar says, remembered for a short while per
 * fingerprint (the policy may change); and how many requests each principal may make. */
#ifndef SERVER_DOOR_DOOR_PEOPLE_H
#define SERVER_DOOR_DOOR_PEOPLE_H

#include "schema/core/hm_hash.h"
#include "schema/core/hm_limits.h"
#include "server/ipc/ipc_pool.h"

#define DOOR_WHO_MS 2000 /* how long an identification is believed */

struct door_who {
    char id[HM_NAME_MAX + 1]; /* "": nobody */
    uint64_t roles;
    int64_t until_ms; /* monotonic */
};

struct door_people;
struct door_people *door_people_new(uint64_t requests_per_minute);
void door_people_free(struct door_people *p);
/* caller: CALLER fields whose first is fp, or zero with a token after it whose SHA-256 fp is.
 * Leaves *who untouched while it is fresh. HM_E_NOT_FOUND: no principal has this certificate or
 * token. HM_E_UNAVAILABLE, HM_E_TIMEOUT, … */
enum hm_err HM_MUST_USE door_people_find(struct door_people *p, struct ipc_pool *registrar,
                                         int64_t timeout_ms, const struct hm_digest *fp,
                                         struct hm_bytes caller, struct door_who *who,
                                         struct hm_why *why);
/* Takes one request from the principal's allowance. 0: granted; else seconds until there is one. */
uint64_t door_people_take(struct door_people *p, const char *id);

#endif
