/* Decision state: what the sequencer needs to decide, committed in the same transaction as the
 * records. It never authorises by itself. All calls on the writer, inside db_log_begin/commit where
 * they change something. */
#ifndef DB_LOG_DB_STATE_H
#define DB_LOG_DB_STATE_H

#include "db/log/db_log.h"

struct db_release {
    uint64_t id; /* index of its release.submitted record */
    enum hm_release_state state;
    enum hm_release_state stored; /* as it was read or last written; of db/log alone */
    uint64_t version_tag;         /* grows with every change: the ETag */
    char product[HM_NAME_MAX + 1];
    char version[HM_NAME_MAX + 1];
    char channel[HM_NAME_MAX + 1];
    char environment[HM_NAME_MAX + 1];
    char submitter[HM_NAME_MAX + 1];
    uint64_t sequence;
    int64_t expires_s;
    struct hm_digest submitted_leaf;
    struct hm_digest manifest;
    struct hm_digest statement;
    struct hm_digest policy;
    uint64_t intent;     /* open intention, 0 = none (record 0 is never one) */
    uint64_t unknown;    /* sign.unknown record whose intention may be repeated, 0 = none */
    uint64_t signed_idx; /* release.signed record, 0 = none */
    uint64_t last_idx;   /* newest record about this release */
};
enum hm_err HM_MUST_USE db_state_release_get(struct db_log *log, uint64_t id,
                                             struct db_release *out, struct hm_why *why);
enum hm_err HM_MUST_USE db_state_release_insert(struct db_log *log, struct db_release *r,
                                                struct hm_why *why);
/* Writes state, version_tag + 1, intent, unknown, signed_idx, last_idx of a release that was read
 * (or inserted) before. HM_E_STATE: not a legal step. HM_E_CONFLICT: changed since. HM_E_NOT_FOUND.
 */
enum hm_err HM_MUST_USE db_state_release_update(struct db_log *log, struct db_release *r,
                                                struct hm_why *why);
/* A release of this product+version+channel that is neither refused, rejected, cancelled nor
 * expired. HM_E_NOT_FOUND. */
enum hm_err HM_MUST_USE db_state_release_by_version(struct db_log *log, const char *product,
                                                    const char *version, const char *channel,
                                                    uint64_t *id, struct hm_why *why);
/* A signed release of this product+version in any channel. HM_E_NOT_FOUND. */
enum hm_err HM_MUST_USE db_state_signed_version(struct db_log *log, const char *product,
                                                const char *version, uint64_t *id,
                                                struct hm_why *why);
/* Ids of releases that are open (submitted, approved) with expires_s <= now, at most max. */
enum hm_err HM_MUST_USE db_state_expired(struct db_log *log, int64_t now_s, uint64_t *ids,
                                         size_t max, size_t *count, struct hm_why *why);
/* Ids of releases in state signing (at start: orphan intentions), at most max, id > after. */
enum hm_err HM_MUST_USE db_state_signing(struct db_log *log, uint64_t after, uint64_t *ids,
                                         size_t max, size_t *count, struct hm_why *why);

struct db_approval {
    uint64_t record; /* index of its approval.recorded record */
    char principal[HM_NAME_MAX + 1];
    struct hm_digest key;
};
/* HM_E_CONFLICT if this person or this key has approved the release already. */
enum hm_err HM_MUST_USE db_state_approval_insert(struct db_log *log, uint64_t release,
                                                 const struct db_approval *a, struct hm_why *why);
enum hm_err HM_MUST_USE db_state_approvals(struct db_log *log, uint64_t release,
                                           struct db_approval out[static HM_APPROVALS_MAX],
                                           size_t *count, struct hm_why *why);

/* Bytes already released: artifact digest -> the product and version it was signed as (first one).
 * HM_E_NOT_FOUND. */
enum hm_err HM_MUST_USE db_state_artifact_get(struct db_log *log, const struct hm_digest *artifact,
                                              char product[static HM_NAME_MAX + 1],
                                              char version[static HM_NAME_MAX + 1],
                                              struct hm_why *why);
enum hm_err HM_MUST_USE db_state_artifact_put(struct db_log *log, const struct hm_digest *artifact,
                                              uint64_t release, struct hm_why *why);
/* Highest sequence number signed (or intended) for a class; 0 = none. */
enum hm_err HM_MUST_USE db_state_class_get(struct db_log *log, const struct hm_uuid *class_id,
                                           uint64_t *sequence, struct hm_why *why);
enum hm_err HM_MUST_USE db_state_class_put(struct db_log *log, const struct hm_uuid *class_id,
                                           uint64_t sequence, struct hm_why *why);
/* Next manifest sequence number: strictly increasing over the whole log, from 1. */
enum hm_err HM_MUST_USE db_state_next_sequence(struct db_log *log, uint64_t *out,
                                               struct hm_why *why);
/* Remembers a request digest until expires_s (then forgotten by db_state_forget). HM_E_CONFLICT if
 * seen; *release then names the record that answered it. */
enum hm_err HM_MUST_USE db_state_request_seen(struct db_log *log, const struct hm_digest *request,
                                              int64_t expires_s, uint64_t record,
                                              uint64_t *seen_record, struct hm_why *why);

/* The record that answered this request digest. HM_E_NOT_FOUND. */
enum hm_err HM_MUST_USE db_state_request_find(struct db_log *log, const struct hm_digest *request,
                                              uint64_t *record, struct hm_why *why);
/* The same for tokens: hm_oidc_id, spent by a record until forget_s. HM_E_CONFLICT: spent already.
 */
enum hm_err HM_MUST_USE db_state_token_spend(struct db_log *log, const struct hm_digest *token,
                                             int64_t forget_s, uint64_t record, struct hm_why *why);
/* HM_E_NOT_FOUND: not spent. */
enum hm_err HM_MUST_USE db_state_token_spent(struct db_log *log, const struct hm_digest *token,
                                             uint64_t *record, struct hm_why *why);

/* Idempotency: key = SHA-256(principal, route, Idempotency-Key), body = SHA-256 of the request
 * body. */
struct db_answer {
    struct hm_digest body;
    uint32_t status;  /* HTTP-like status of the stored answer */
    uint64_t release; /* UINT64_MAX = none */
    uint64_t record;  /* record the answer was made from; UINT64_MAX = none */
    int64_t at_s;
};
enum hm_err HM_MUST_USE db_state_answer_get(struct db_log *log, const struct hm_digest *key,
                                            struct db_answer *out,
                                            struct hm_why *why); /* HM_E_NOT_FOUND */
enum hm_err HM_MUST_USE db_state_answer_put(struct db_log *log, const struct hm_digest *key,
                                            const struct db_answer *a, struct hm_why *why);
/* Drops answers older than before_s and request digests that expired before now_s. */
enum hm_err HM_MUST_USE db_state_forget(struct db_log *log, int64_t before_s, int64_t now_s,
                                        struct hm_why *why);

/* Small named values: active policy digest, its record index, trust store epochs. */
enum hm_err HM_MUST_USE db_state_meta_get(struct db_log *log, const char *name, struct hm_buf *out,
                                          struct hm_why *why);
enum hm_err HM_MUST_USE db_state_meta_put(struct db_log *log, const char *name,
                                          struct hm_bytes value, struct hm_why *why);

/* What readers may see of it: a committed state that may be older than the writer's. */
enum hm_err HM_MUST_USE db_reader_release(struct db_reader *r, uint64_t id, struct db_release *out,
                                          struct hm_why *why);
/* The record that answered a request with this digest, or spent the token. HM_E_NOT_FOUND. */
enum hm_err HM_MUST_USE db_reader_request(struct db_reader *r, const struct hm_digest *request,
                                          uint64_t *record, struct hm_why *why);
enum hm_err HM_MUST_USE db_reader_approvals(struct db_reader *r, uint64_t release,
                                            struct db_approval out[static HM_APPROVALS_MAX],
                                            size_t *count, struct hm_why *why);

/* Where each release stands, and what was submitted, held against the records of this file. They
 * are believed: whoever asks has verified them. HM_E_HISTORY: something else is stored. */
enum hm_err HM_MUST_USE db_state_check(const char *path, struct hm_why *why);

/* A named value. HM_E_NOT_FOUND. */
enum hm_err HM_MUST_USE db_reader_meta(struct db_reader *r, const char *name, struct hm_buf *out,
                                       struct hm_why *why);

/* Where the document of a policy stands: the newest policy.activated record of this digest. The
 * record and its evidence are what counts; this only finds them. */
enum hm_err HM_MUST_USE db_state_policy_put(struct db_log *log, const struct hm_digest *policy,
                                            uint64_t record, struct hm_why *why);
/* HM_E_NOT_FOUND: never activated (or only by the genesis). */
enum hm_err HM_MUST_USE db_reader_policy(struct db_reader *r, const struct hm_digest *policy,
                                         uint64_t *record, struct hm_why *why);

/* Rosters: the newest serial number of a release key's list of approvers (0: none was recorded),
 * and the roster.changed record of each. serial is below 10^12. */
enum hm_err HM_MUST_USE db_state_roster_put(struct db_log *log, const struct hm_digest *key,
                                            uint64_t serial, uint64_t record, struct hm_why *why);
enum hm_err HM_MUST_USE db_state_roster_serial(struct db_log *log, const struct hm_digest *key,
                                               uint64_t *serial, struct hm_why *why);
enum hm_err HM_MUST_USE db_reader_roster_serial(struct db_reader *r, const struct hm_digest *key,
                                                uint64_t *serial, struct hm_why *why);
enum hm_err HM_MUST_USE db_reader_roster(struct db_reader *r, const struct hm_digest *key,
                                         uint64_t serial, uint64_t *record, struct hm_why *why);

/* The newest guards.changed record, 0: none. */
enum hm_err HM_MUST_USE db_state_guards_put(struct db_log *log, uint64_t record,
                                            struct hm_why *why);
enum hm_err HM_MUST_USE db_state_guards(struct db_log *log, uint64_t *record, struct hm_why *why);
enum hm_err HM_MUST_USE db_reader_guards(struct db_reader *r, uint64_t *record, struct hm_why *why);

#endif
