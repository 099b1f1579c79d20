/* When keys are used: uses per hour (UTC) of the last weeks, for each key. What is usual follows
 * from these numbers alone. Pure. */
#ifndef SERVER_DOOR_ALERT_USAGE_H
#define SERVER_DOOR_ALERT_USAGE_H

#include "server/door/alert.h"

#define ALERT_KEYS_MAX 256 /* keys watched; beyond it the one that rested longest is forgotten */
#define ALERT_WEEK_HOURS UINT64_C(168)

struct alert_usage;
struct alert_usage *
alert_usage_new(const struct alert_config *c); /* c is borrowed; NULL: no memory */
void alert_usage_free(struct alert_usage *u);

struct alert_use {
    bool judged;       /* the key's history is long enough */
    bool unusual_hour; /* weeks < usual_weeks */
    bool unusual_rate; /* in_hour > floor, and in_hour * hours > factor * uses */
    uint64_t weeks;    /* of the weeks before, how many had a use at this hour, or one beside it */
    uint64_t in_hour;  /* uses in this hour so far, this one included */
    uint64_t uses;     /* in the weeks before this hour */
    uint64_t hours;    /* from the oldest of those to this hour */
};
/* One use. Times never fall. HM_E_MEMORY. */
enum hm_err HM_MUST_USE alert_usage_add(struct alert_usage *u, const struct hm_digest *key,
                                        uint64_t t_ms, struct alert_use *out);

#endif
