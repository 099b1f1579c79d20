/* What the files about alerts share. */
#ifndef SERVER_DOOR_DOOR_ALERTS_PRIV_H
#define SERVER_DOOR_DOOR_ALERTS_PRIV_H

#include "server/door/door_alerts.h"
#include "server/door/door_cursor.h"

#include <pthread.h>

#define DOOR_SEEN_MAX 256  /* client certificates that end soon */
#define DOOR_ENDS_MAX 1024 /* certificates and keys that the registrar told of */

/* Something that ends, for alerts_expiry(). */
struct door_end {
    enum alert_kind kind;
    char subject[ALERT_SUBJECT_MAX + 1];
    int64_t not_after_s;
};
struct door_seen {
    struct hm_digest fingerprint;
    struct door_end end;
    int64_t seen_ms; /* monotonic */
};
struct door_witnessed {
    char name[HM_ORIGIN_MAX + 1];
    char text[ALERT_TEXT_MAX + 1];
    bool disagrees;
};

struct door_alerts {
    struct door_alerts_config c;
    pthread_t thread;
    char *path; /* of the cursor: what was reported */

    pthread_mutex_t lock; /* until the thread's own part */
    struct alerts *engine;
    uint64_t taken; /* records that the engine has taken in, or that are too old */
    uint64_t reported[ALERT_KINDS];
    struct door_seen seen[DOOR_SEEN_MAX];
    size_t seen_count;
    struct door_witnessed witness[HM_WITNESSES_MAX];
    size_t witness_count;

    /* The thread's own. */
    struct door_cursor cursor;
    bool has_cursor;
    uint64_t seq; /* of the last alert that was looked at for the journal */
    struct door_end own;
    struct door_end *ends; /* DOOR_ENDS_MAX places */
    size_t end_count;
    char trouble[HM_WHY_MAX]; /* with them, as it was told */
    bool ask_now;             /* policy or trust stores have changed */
    int64_t ask_ms;           /* monotonic: when the registrar is asked next */
    int64_t tick_ms;          /* monotonic: when conditions are looked at next */
    int64_t wall_ms, mono_ms; /* of the last look at the clocks; 0: none yet */
};

/* The door's own certificate. */
void door_ends_own(struct door_alerts *d);
/* Certificates in the policy and keys of trust stores, asked of the registrar; what it does not
 * answer leaves what was there. HM_E_UNAVAILABLE, HM_E_TIMEOUT, … */
enum hm_err HM_MUST_USE door_ends_ask(struct door_alerts *d, struct hm_why *why);
/* Everything that lasts, held against the clock now. */
void door_conditions(struct door_alerts *d);

#endif
