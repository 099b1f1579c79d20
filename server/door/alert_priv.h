/* What the alerts' files share. */
#ifndef SERVER_DOOR_ALERT_PRIV_H
#define SERVER_DOOR_ALERT_PRIV_H

#include "server/door/alert_streak.h"
#include "server/door/alert_usage.h"

struct alerts {
    struct alert_config c;
    struct alert_usage *usage;
    struct alert_streaks *streaks;
    uint64_t seq;
    size_t begin, count; /* of the ring */
    struct alert list[ALERT_LIST_MAX];
};

/* Something that happened: folded into the alert of the same kind, subject and stretch of time, or
 * a new one. */
struct alert_news {
    enum alert_kind kind;
    enum alert_severity severity;
    const char *subject;
    uint64_t t_ms;
    const uint64_t *idx; /* records, oldest first; the last one is what raised it */
    size_t idx_count;    /* 0: no record */
};
void alert_raise(struct alerts *a, const struct alert_news *n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
