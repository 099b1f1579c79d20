/* The members and events of log records. Pure; any thread. */
#include "schema/log/hm_record_priv.h"

#include <string.h>

#define AT(field) offsetof(struct hm_record, field)
#define PLAIN(name, kind, field, max, required)                                                    \
    {                                                                                              \
        name, sizeof(name) - 1, kind, AT(field), HM_RECORD_NO_FLAG, max, required                  \
    }
#define FLAGGED(name, kind, field, flag_field, max)                                                \
    {                                                                                              \
        name, sizeof(name) - 1, kind, AT(field), AT(flag_field), max, false                        \
    }

const struct hm_member hm_record_members[HM_RECORD_MEMBERS] = {
    PLAIN("actor", HM_MEMBER_NAME, actor, HM_NAME_MAX, false),
    FLAGGED("approver_key", HM_MEMBER_DIGEST, approver_key, has_approver_key, 0),
    FLAGGED("archive", HM_MEMBER_DIGEST, archive, has_archive, 0),
    FLAGGED("artifacts", HM_MEMBER_DIGESTS, artifacts, artifact_count, HM_ARTIFACTS_MAX),
    PLAIN("channel", HM_MEMBER_NAME, channel, HM_NAME_MAX, false),
    PLAIN("count", HM_MEMBER_COUNTER, count, 0, false),
    FLAGGED("detail", HM_MEMBER_DIGEST, detail, has_detail, 0),
    PLAIN("environment", HM_MEMBER_NAME, environment, HM_NAME_MAX, false),
    PLAIN("event", HM_MEMBER_EVENT, event, 0, true),
    FLAGGED("evidence", HM_MEMBER_DIGESTS, evidence, evidence_count, HM_RECORD_EVIDENCE_MAX),
    PLAIN("expires_s", HM_MEMBER_COUNTER, expires_s, 0, false),
    FLAGGED("first", HM_MEMBER_UINT, first, has_first, 0),
    FLAGGED("guard", HM_MEMBER_DIGEST, guard, has_guard, 0),
    PLAIN("idx", HM_MEMBER_UINT, idx, 0, true),
    FLAGGED("intent", HM_MEMBER_UINT, intent, has_intent, 0),
    FLAGGED("keys", HM_MEMBER_KEYS, keys, key_count, HM_SIGN_KEYS_MAX),
    FLAGGED("last", HM_MEMBER_UINT, last, has_last, 0),
    FLAGGED("manifest", HM_MEMBER_DIGEST, manifest, has_manifest, 0),
    PLAIN("outcome", HM_MEMBER_NAME, outcome, HM_OUTCOME_MAX, false),
    FLAGGED("policy", HM_MEMBER_DIGEST, policy, has_policy, 0),
    PLAIN("prev", HM_MEMBER_DIGEST, prev, 0, true),
    PLAIN("product", HM_MEMBER_NAME, product, HM_NAME_MAX, false),
    FLAGGED("proposal", HM_MEMBER_UINT, proposal, has_proposal, 0),
    FLAGGED("random", HM_MEMBER_DIGEST, random, has_random, 0),
    FLAGGED("release", HM_MEMBER_RELEASE, release, has_release, 0),
    PLAIN("req", HM_MEMBER_REQ, req, 32, false),
    FLAGGED("retry_of", HM_MEMBER_UINT, retry_of, has_retry_of, 0),
    PLAIN("sequence", HM_MEMBER_COUNTER, sequence, 0, false),
    PLAIN("serial", HM_MEMBER_COUNTER, serial, 0, false),
    PLAIN("state", HM_MEMBER_STATE, state, 0, false),
    FLAGGED("statement", HM_MEMBER_DIGEST, statement, has_statement, 0),
    PLAIN("store_epoch", HM_MEMBER_COUNTER, store_epoch, 0, false),
    PLAIN("t_ms", HM_MEMBER_UINT, t_ms, 0, true),
    {"v", 1, HM_MEMBER_VERSION, 0, HM_RECORD_NO_FLAG, 0, true},
    PLAIN("version", HM_MEMBER_NAME, version, HM_NAME_MAX, false),
};

/* Names with their lengths: a record is compared with most of them. */
#define NAME(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
static const struct event_name {
    const char *text;
    size_t len;
} events[] = {
    [HM_EV_LOG_CREATED] = NAME("log.created"),
    [HM_EV_POLICY_ACTIVATED] = NAME("policy.activated"),
    [HM_EV_TRUST_STORE_PUBLISHED] = NAME("trust_store.published"),
    [HM_EV_REGISTRAR_STARTED] = NAME("registrar.started"),
    [HM_EV_RELEASE_SUBMITTED] = NAME("release.submitted"),
    [HM_EV_RELEASE_REFUSED] = NAME("release.refused"),
    [HM_EV_APPROVAL_RECORDED] = NAME("approval.recorded"),
    [HM_EV_APPROVAL_REFUSED] = NAME("approval.refused"),
    [HM_EV_REQUEST_REFUSED] = NAME("request.refused"),
    [HM_EV_RELEASE_REJECTED] = NAME("release.rejected"),
    [HM_EV_RELEASE_CANCELLED] = NAME("release.cancelled"),
    [HM_EV_RELEASE_EXPIRED] = NAME("release.expired"),
    [HM_EV_RELEASE_SUPERSEDED] = NAME("release.superseded"),
    [HM_EV_SIGN_REFUSED] = NAME("sign.refused"),
    [HM_EV_SIGN_INTENDED] = NAME("sign.intended"),
    [HM_EV_RELEASE_SIGNED] = NAME("release.signed"),
    [HM_EV_SIGN_FAILED] = NAME("sign.failed"),
    [HM_EV_SIGN_UNKNOWN] = NAME("sign.unknown"),
    [HM_EV_REFUSALS_SUMMARISED] = NAME("refusals.summarised"),
    [HM_EV_POLICY_PROPOSED] = NAME("policy.proposed"),
    [HM_EV_POLICY_APPROVED] = NAME("policy.approved"),
    [HM_EV_POLICY_REFUSED] = NAME("policy.refused"),
    [HM_EV_ROSTER_CHANGED] = NAME("roster.changed"),
    [HM_EV_ROSTER_REFUSED] = NAME("roster.refused"),
    [HM_EV_GUARDS_CHANGED] = NAME("guards.changed"),
    [HM_EV_GUARDS_REFUSED] = NAME("guards.refused"),
    [HM_EV_DETAIL_ERASED] = NAME("detail.erased"),
    [HM_EV_DETAIL_REFUSED] = NAME("detail.refused"),
    [HM_EV_DETAIL_RETIRED] = NAME("detail.retired"),
};
#define EVENT_COUNT (sizeof events / sizeof events[0])
_Static_assert(EVENT_COUNT == HM_EVENT_LAST + 1, "every event has its name");

const char *hm_event_name(enum hm_event e)
{
    return e != HM_EV_NONE && (unsigned)e < EVENT_COUNT ? events[e].text : "none";
}

bool hm_event_is_refusal(enum hm_event e)
{
    return e == HM_EV_RELEASE_REFUSED || e == HM_EV_APPROVAL_REFUSED ||
           e == HM_EV_REQUEST_REFUSED || e == HM_EV_SIGN_REFUSED || e == HM_EV_POLICY_REFUSED ||
           e == HM_EV_ROSTER_REFUSED || e == HM_EV_GUARDS_REFUSED || e == HM_EV_DETAIL_REFUSED;
}

enum hm_event hm_event_parse(struct hm_bytes name)
{
    for (unsigned i = HM_EV_NONE + 1; i < EVENT_COUNT; i++)
        if (events[i].len == name.len && memcmp(events[i].text, name.data, name.len) == 0)
            return (enum hm_event)i;
    return HM_EV_NONE;
}

bool hm_record_text_ok(const char *text, size_t max)
{
    size_t n = strnlen(text, max + 1);
    for (size_t i = 0; i < n; i++)
        if (text[i] < ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\\')
            return false;
    return n > 0 && n <= max;
}

size_t hm_record_limit(enum hm_event event)
{
    return event == HM_EV_RELEASE_SIGNED ? HM_RECORD_SIGNED_MAX : HM_RECORD_MAX;
}
