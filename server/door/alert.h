/* Alerts: what in the record stream, and in facts that stand beside it, somebody should look at.
 * Facts go in, alerts come out; no clock, no I/O, no locks (docs/operations.md says what each kind
 * means). Alerts from records are a function of the records of the last weeks and the thresholds,
 * so anybody can compute them again, and a restart does. One thread at a time. */
#ifndef SERVER_DOOR_ALERT_H
#define SERVER_DOOR_ALERT_H

#include "schema/log/hm_record.h"

enum alert_kind {
    ALERT_KEY_HOURS,           /* a key used at an hour of the week at which it is not used */
    ALERT_KEY_RATE,            /* a key used far more often than it usually is */
    ALERT_REFUSALS,            /* refusals in a row: of one actor, about one product */
    ALERT_SIGN_FAILED,         /* sign.failed */
    ALERT_SIGN_UNKNOWN,        /* sign.unknown */
    ALERT_BREAK_GLASS,         /* a release that was submitted over a break-glass rule */
    ALERT_POLICY_CHANGED,      /* policy.activated, but for the first one */
    ALERT_GUARDS_CHANGED,      /* guards.changed */
    ALERT_ROSTER_CHANGED,      /* roster.changed */
    ALERT_WITNESS,             /* a witness has seen another log */
    ALERT_CERTIFICATE_EXPIRES, /* of the door, a client, an approver */
    ALERT_CRL_EXPIRES,         /* the client CA's revocation lists */
    ALERT_KEY_EXPIRES,         /* a key of a trust store */
    ALERT_CLOCK,               /* a clock that jumped, records from the future */
    ALERT_KINDS
};
enum alert_severity { ALERT_INFO, ALERT_WARNING, ALERT_CRITICAL, ALERT_SEVERITIES };
const char *alert_kind_name(enum alert_kind k); /* "key_hours" */
bool alert_kind_parse(const char *name, enum alert_kind *out);
const char *alert_severity_name(enum alert_severity s); /* "warning" */
bool alert_severity_parse(const char *name, enum alert_severity *out);

/* Thresholds; alert_config_default() has the usual ones. */
struct alert_config {
    uint64_t history_weeks;    /* how far back a key's use is looked at, 1..26 */
    uint64_t min_weeks;        /* a key is judged once its use goes back so far, 1..history_weeks */
    uint64_t min_uses;         /* and holds so many */
    uint64_t usual_weeks;      /* an hour is usual where so many of the weeks had a use at it */
    uint64_t rate_factor;      /* times its mean, and */
    uint64_t rate_floor;       /* more than so many uses in one hour */
    uint64_t refusals;         /* in a row, */
    uint64_t refusals_gap_s;   /* with no longer pause between two of them */
    uint64_t fold_s;           /* repeats within such a stretch of time are one alert */
    uint64_t certificate_days; /* before the end of a certificate; a quarter of it: critical */
    uint64_t key_days;         /* of a trust store's key */
    uint64_t crl_hours;        /* before the revocation lists are stale */
    uint64_t clock_s;          /* how far off a clock may be */
    uint64_t keep_days;        /* how long alerts are shown */
};
struct alert_config alert_config_default(void);
/* The same by name, as the configuration has them, with what is accepted. */
struct alert_option {
    const char *name;
    size_t at; /* of the uint64_t in struct alert_config */
    uint64_t min, max;
};
#define ALERT_OPTIONS (sizeof(struct alert_config) / sizeof(uint64_t))
extern const struct alert_option alert_options[ALERT_OPTIONS];
uint64_t *alert_option_at(struct alert_config *c, const struct alert_option *o);

#define ALERT_INDEXES 8     /* first records of an alert that are named */
#define ALERT_LIST_MAX 4096 /* alerts that are remembered; the oldest go first */
#define ALERT_SUBJECT_MAX 160
#define ALERT_TEXT_MAX 256
#define ALERT_NO_RECORD UINT64_MAX

struct alert {
    uint64_t seq; /* 1, 2, … in the order in which this process raised them */
    char id[17];  /* of kind, subject and stretch of time: the same after a restart */
    enum alert_kind kind;
    enum alert_severity severity;
    char subject[ALERT_SUBJECT_MAX + 1]; /* "key:HEX", "actor:alice", "release:r17", … */
    char text[ALERT_TEXT_MAX + 1];       /* for people, printable ASCII */
    uint64_t idx[ALERT_INDEXES];
    size_t idx_count;
    uint64_t raised_idx; /* the record that raised it, or ALERT_NO_RECORD */
    uint64_t last_idx;   /* the newest one */
    uint64_t first_ms, last_ms;
    uint64_t count; /* occurrences that were folded into it */
};

struct alerts;
struct alerts *alerts_new(const struct alert_config *c); /* NULL: no memory */
void alerts_free(struct alerts *a);

/* --- facts --- */

/* The next record of the log, in order. HM_E_MEMORY: a key or subject could not be remembered. */
enum hm_err HM_MUST_USE alerts_record(struct alerts *a, const struct hm_record *r);
/* Something that ends. kind: one of the three that expire. Call again and again. */
struct alert_expiry {
    enum alert_kind kind;
    const char *subject; /* "certificate:door" */
    int64_t not_after_s;
};
void alerts_expiry(struct alerts *a, uint64_t now_ms, const struct alert_expiry *e);
/* A witness whose last word about this log is that it saw another one. Call again while it lasts.
 */
void alerts_witness(struct alerts *a, uint64_t now_ms, const char *name, const char *text);
/* How far a clock is off; subject: "clock:door", "clock:records". */
void alerts_clock(struct alerts *a, uint64_t now_ms, const char *subject, int64_t off_ms);

/* --- alerts --- */

size_t alerts_count(const struct alerts *a);
/* i = 0: the oldest that is remembered. They stand in the order of seq. */
const struct alert *alerts_at(const struct alerts *a, size_t i);
/* Did it happen, or last, less than fold_s (a condition: a day) ago? */
bool alerts_is_open(const struct alerts *a, const struct alert *x, uint64_t now_ms);
/* Raised by a state that lasts, not by a record. */
bool alert_is_condition(enum alert_kind k);
/* Appends {"id":…,"kind":…,…} (schema/openapi.json, Alert). */
void alerts_write(const struct alerts *a, const struct alert *x, uint64_t now_ms,
                  struct hm_buf *out);
/* How far back the records have to be taken in, so that everything since then is what it would be
 * had all of them been. */
uint64_t alerts_history_ms(const struct alert_config *c);

#endif
