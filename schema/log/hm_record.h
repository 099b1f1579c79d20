/* One log record (docs/formats/record.md): a description, its canonical bytes, and a strict view of
 * bytes. */
#ifndef SCHEMA_LOG_HM_RECORD_H
#define SCHEMA_LOG_HM_RECORD_H

#include "schema/core/hm_hash.h"
#include "schema/core/hm_limits.h"
#include "schema/log/hm_release_state.h"

enum hm_event {
    HM_EV_NONE = 0,
    HM_EV_LOG_CREATED,
    HM_EV_POLICY_ACTIVATED,
    HM_EV_TRUST_STORE_PUBLISHED,
    HM_EV_REGISTRAR_STARTED,
    HM_EV_RELEASE_SUBMITTED,
    HM_EV_RELEASE_REFUSED,
    HM_EV_APPROVAL_RECORDED,
    HM_EV_APPROVAL_REFUSED,
    HM_EV_REQUEST_REFUSED,
    HM_EV_RELEASE_REJECTED,
    HM_EV_RELEASE_CANCELLED,
    HM_EV_RELEASE_EXPIRED,
    HM_EV_RELEASE_SUPERSEDED,
    HM_EV_SIGN_REFUSED,
    HM_EV_SIGN_INTENDED,
    HM_EV_RELEASE_SIGNED,
    HM_EV_SIGN_FAILED,
    HM_EV_SIGN_UNKNOWN,
    HM_EV_REFUSALS_SUMMARISED,
    HM_EV_POLICY_PROPOSED,
    HM_EV_POLICY_APPROVED,
    HM_EV_POLICY_REFUSED,
    HM_EV_ROSTER_CHANGED,
    HM_EV_ROSTER_REFUSED,
    HM_EV_GUARDS_CHANGED,
    HM_EV_GUARDS_REFUSED,
    HM_EV_DETAIL_ERASED,
    HM_EV_DETAIL_REFUSED,
    HM_EV_DETAIL_RETIRED,
};
#define HM_EVENT_LAST HM_EV_DETAIL_RETIRED
const char *hm_event_name(enum hm_event e);         /* "release.signed" */
enum hm_event hm_event_parse(struct hm_bytes name); /* HM_EV_NONE if unknown */
/* Something that was asked for and not granted: release.refused, policy.refused, … */
bool hm_event_is_refusal(enum hm_event e);

#define HM_RECORD_EVIDENCE_MAX (3 + HM_ATTESTATIONS_MAX)
#define HM_OUTCOME_MAX 48
#define HM_TOKEN_SERIAL_MAX 32

struct hm_record_key {
    struct hm_digest spki; /* key id */
    char mechanism[16];
    struct hm_digest tbs;
    char token[HM_TOKEN_SERIAL_MAX + 1]; /* serial; "" is left out */
};

/* Members that are absent: empty strings, count 0, or has_* false. `idx`, `prev`, `t_ms` are given
 * by the log. */
struct hm_record {
    uint64_t idx;
    struct hm_digest prev;
    uint64_t t_ms;
    enum hm_event event;
    char req[33];
    char actor[HM_NAME_MAX + 1];
    bool has_release;
    uint64_t release;
    char product[HM_NAME_MAX + 1];
    char version[HM_NAME_MAX + 1];
    char channel[HM_NAME_MAX + 1];
    char environment[HM_NAME_MAX + 1];
    uint64_t sequence;           /* 0 = absent */
    enum hm_release_state state; /* NONE = absent */
    struct hm_digest artifacts[HM_ARTIFACTS_MAX];
    size_t artifact_count;
    bool has_manifest, has_statement, has_policy, has_approver_key, has_detail, has_random;
    struct hm_digest manifest, statement, policy, approver_key, detail, random;
    uint64_t store_epoch; /* 0 = absent */
    struct hm_record_key keys[HM_SIGN_KEYS_MAX];
    size_t key_count;
    uint64_t expires_s; /* 0 = absent */
    bool has_intent, has_retry_of, has_proposal;
    uint64_t intent, retry_of, proposal;
    char outcome[HM_OUTCOME_MAX + 1];
    struct hm_digest evidence[HM_RECORD_EVIDENCE_MAX];
    size_t evidence_count;
    uint64_t count; /* 0 = absent */
    bool has_guard;
    struct hm_digest guard; /* key id of the release key whose guard it is */
    uint64_t serial;        /* 0 = absent */
    bool has_first, has_last, has_archive;
    uint64_t first, last;     /* records whose private detail was retired */
    struct hm_digest archive; /* SHA-256 of the file it went into */
};

/* Appends the canonical bytes. HM_E_LIMIT above HM_RECORD_MAX (release.signed:
 * HM_RECORD_SIGNED_MAX). */
enum hm_err HM_MUST_USE hm_record_write(const struct hm_record *r, struct hm_buf *out,
                                        struct hm_why *why);
/* Strict: canonical, known members with the right types and limits, v 1, known event. What it
 * accepts, hm_record_write writes again byte for byte. Allocation-free. HM_E_MALFORMED names the
 * member. */
enum hm_err HM_MUST_USE hm_record_parse(struct hm_bytes bytes, struct hm_record *out,
                                        struct hm_why *why);

#endif
