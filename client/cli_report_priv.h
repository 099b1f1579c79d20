/* The parts of a report: each takes the records in order, and gives its part of the document. */
#ifndef CLIENT_CLI_REPORT_PRIV_H
#define CLIENT_CLI_REPORT_PRIV_H

#include "client/cli_report.h"

/* A record that the report refers to: it stands in the appendix. */
struct report_mention {
    uint64_t idx, t_ms;
    enum hm_event event;
    struct hm_digest leaf;
};
struct report_mentions {
    struct report_mention *list;
    size_t count, cap;
};

/* One release, while it may still be of the period. */
struct report_release {
    uint64_t id, submitted_ms;
    bool in_period; /* a record about it is */
    bool ended;
    enum hm_release_state state;
    json_t *doc; /* owned */
    struct report_mentions records;
};
struct report_releases {
    struct report_release *list; /* by ascending id */
    size_t count, cap, dropped;
};

/* One signature by a key. */
struct report_use {
    uint64_t t_ms, idx;
    bool wanted;
};
/* One release key. */
struct report_key {
    struct hm_digest id;
    uint64_t intended, made, failed, unknown; /* in the period, and of the product */
    uint64_t first_ms, last_ms;               /* signatures of those */
    struct report_use *uses;                  /* every signature in the log, in order */
    size_t count, cap;
    unsigned hours[24], days[7];                              /* UTC; days from Monday */
    char name[HM_NAME_MAX + 1], environment[HM_NAME_MAX + 1]; /* as the last policy says */
    json_t *asked;                                            /* owned: id -> {"person", "count"} */
    json_t *peak; /* owned: nearest to a limit in the period; NULL: no limit */
    uint64_t peak_percent;
};
/* An intention without a result. */
struct report_intent {
    uint64_t idx, t_ms, release;
    bool wanted;
    struct hm_digest keys[HM_SIGN_KEYS_MAX];
    size_t key_count;
};
struct report_keys {
    struct report_key *list;
    size_t count, cap;
    struct report_intent *intents;
    size_t intent_count, intent_cap;
};

/* Refusals of one actor without anything else between them. */
struct report_run {
    char actor[HM_NAME_MAX + 1];
    uint64_t count, first, last, last_ms;
};

struct report {
    struct cli_source *source;
    const struct cli_report_input *in;
    struct cli_papers papers;
    struct report_releases releases;
    struct report_keys keys;
    struct report_run *runs;
    size_t run_count, run_cap;
    struct report_mentions mentions;
    json_t *refusals, *changes, *anomalies; /* owned arrays */
    json_t *lists;                          /* owned: release key -> ids of its approvers */
    json_t *proposals;                      /* owned: index -> who approved it */
    struct hm_digest in_force;              /* policy before this record */
    bool has_policy;
    uint64_t unrecorded; /* refusals without records, in the period */
    /* The period's records. */
    uint64_t count, first, last;
    /* The clock. */
    uint64_t before_ms, same, silence_ms, silence_idx, ahead, ahead_first;
};

/* One record that the report looks at. */
struct report_record {
    const struct hm_record *r;
    struct hm_digest leaf;
    bool in_period;
    bool wanted;                     /* in the period, and of the product where one was asked for */
    const struct cli_policy *policy; /* that it names; NULL: not to be had */
};

/* ---- shared: cli_report_parts.c ---- */

bool report_in_period(const struct report *p, uint64_t t_ms);
bool report_of_product(const struct report *p, const char *product);
enum hm_err HM_MUST_USE report_mention(struct report_mentions *m, const struct report_record *x,
                                       struct hm_why *why);
/* {"id", "name"?, "proven"?}; null for nobody. proven: 0 no, 1 yes, -1 not said. */
json_t *report_person(const struct cli_policy *policy, const char *id, int proven);
/* {"id": hex, "name"?} */
json_t *report_key_of(const struct cli_policy *policy, const struct hm_digest *id);
json_t *report_time(uint64_t t_ms); /* text with milliseconds */
json_t *report_hex(const struct hm_digest *d);
/* Appends to an array; HM_E_LIMIT above CLI_REPORT_ROWS_MAX, HM_E_MEMORY. Takes v. */
enum hm_err HM_MUST_USE report_append(json_t *list, json_t *v, struct hm_why *why);
/* An anomaly; idx UINT64_MAX: about no record. */
enum hm_err HM_MUST_USE report_anomaly(struct report *p, const char *kind, uint64_t idx,
                                       uint64_t t_ms, struct hm_why *why, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));

/* ---- the parts ---- */

enum hm_err HM_MUST_USE report_release(struct report *p, const struct report_record *x,
                                       struct hm_why *why);
struct report_release *report_release_find(struct report *p, uint64_t id);
void report_releases_free(struct report_releases *l);

enum hm_err HM_MUST_USE report_key(struct report *p, const struct report_record *x,
                                   struct hm_why *why);
/* Signatures at unusual times, keys near a limit, intentions without a result. Called when all
 * records were seen. */
enum hm_err HM_MUST_USE report_key_anomalies(struct report *p, struct hm_why *why);
/* Holds this signature against the limits of the policy that it was made under. */
void report_limits(struct report *p, const struct report_record *x, struct report_key *k);
json_t *report_keys_json(const struct report *p);
void report_keys_free(struct report_keys *l);

enum hm_err HM_MUST_USE report_refusal(struct report *p, const struct report_record *x,
                                       struct hm_why *why);
enum hm_err HM_MUST_USE report_run_anomalies(struct report *p, struct hm_why *why);

enum hm_err HM_MUST_USE report_change(struct report *p, const struct report_record *x,
                                      struct hm_why *why);

enum hm_err HM_MUST_USE report_clock(struct report *p, const struct report_record *x,
                                     struct hm_why *why);
enum hm_err HM_MUST_USE report_clock_anomalies(struct report *p, struct hm_why *why);

/* The document, when all records were seen. */
enum hm_err HM_MUST_USE report_document(struct report *p, json_t **out, struct hm_why *why);

#endif
