/* Private detail that was erased: did the administrators of the policy that was in force then sign
 * for just that? */
#include "client/cli_deep_priv.h"

#include "schema/attest/hm_erasure.h"

#include <inttypes.h>
#include <string.h>

/* One of them, by a key of theirs, over just this statement. */
static enum hm_err check_signature(struct cli_deep *d, const struct policy *p,
                                   const struct hm_record *r, size_t n, struct hm_bytes statement,
                                   const struct policy_principal **who, struct hm_digest *key_id,
                                   struct hm_why *why)
{
    HM_BUF_AUTO doc = {.limit = HM_SIGNED_MAX + 1};
    __attribute__((cleanup(hm_signed_free))) struct hm_signed s = {0};
    const struct policy_principal *a;
    size_t key = 0;
    enum hm_err err = deep_fetch(d, r, n, HM_SIGNED_MAX, &doc, why);
    if (err == HM_OK)
        err = hm_signed_parse(hm_buf_bytes(&doc), HM_SIGNED_MAX, &s, why);
    if (err == HM_OK && !hm_bytes_eq(hm_signed_payload(&s), statement))
        err = hm_fail(why, HM_E_DENIED, "signature %zu is over another statement", n);
    if (err != HM_OK)
        return err;
    for (size_t i = 0; (a = policy_administrator_at(p, i)) != NULL; i++) {
        if (hm_signed_find(&s, HM_SIGNED_ERASURE, a->approval_keys, a->approval_key_count, &key,
                           NULL) != HM_OK)
            continue;
        *who = a;
        *key_id = hm_key_id(&a->approval_keys[key]);
        return HM_OK;
    }
    return hm_fail(why, HM_E_DENIED, "signature %zu is by no administrator", n);
}

static enum hm_err check_quorum(struct cli_deep *d, const struct policy *p,
                                const struct hm_record *r, struct hm_bytes statement,
                                struct hm_why *why)
{
    const struct policy_principal *people[HM_RECORD_EVIDENCE_MAX];
    struct hm_digest keys[HM_RECORD_EVIDENCE_MAX];
    size_t count = 0;
    size_t asked = policy_admin_count(p);
    enum hm_err err = HM_OK;
    for (size_t n = 1; err == HM_OK && n < r->evidence_count; n++) {
        bool again = false;
        err = check_signature(d, p, r, n, statement, &people[count], &keys[count], why);
        for (size_t i = 0; err == HM_OK && i < count; i++)
            again = again || people[i] == people[count] || hm_digest_eq(&keys[i], &keys[count]);
        count += err == HM_OK && !again;
    }
    if (err == HM_OK && (asked == 0 || count < asked))
        err = hm_fail(why, HM_E_DENIED, "signed by %zu of %zu administrators", count, asked);
    return err;
}

static enum hm_err check_statement(const struct cli_deep *d, const struct hm_record *r,
                                   struct hm_bytes statement, struct hm_why *why)
{
    struct hm_erasure e;
    struct hm_digest digest = hm_sha256(statement);
    enum hm_err err = hm_erasure_parse(statement, &e, why);
    if (err != HM_OK)
        return err;
    if (strcmp(e.origin, d->in.log_key->name) != 0)
        return hm_fail(why, HM_E_DENIED, "its statement is for another log");
    if (!r->has_statement || !hm_digest_eq(&r->statement, &digest) || r->count != e.count)
        return hm_fail(why, HM_E_DENIED, "it does not name the statement that is its evidence");
    if (e.expires_s <= (int64_t)(r->t_ms / 1000))
        return hm_fail(why, HM_E_DENIED, "its statement had expired");
    for (size_t i = 0; i < e.count; i++)
        if (deep_map_get(&d->details, &e.items[i].detail) != e.items[i].idx + 1)
            return hm_fail(why, HM_E_DENIED, "record %" PRIu64 " has no such detail",
                           e.items[i].idx);
    return HM_OK;
}

static enum hm_err check_erasure(struct cli_deep *d, const struct hm_record *r, struct hm_why *why)
{
    const struct deep_policy *p = deep_in_force(d);
    HM_BUF_AUTO statement = {.limit = HM_STATEMENT_MAX + 1};
    if (p == NULL || p->fault != NULL || p->policy == NULL || !r->has_policy ||
        !hm_digest_eq(&r->policy, &p->digest))
        return hm_fail(why, HM_E_DENIED, "it does not rest on the policy in force");
    enum hm_err err = deep_fetch(d, r, 0, HM_STATEMENT_MAX, &statement, why);
    if (err == HM_OK)
        err = check_statement(d, r, hm_buf_bytes(&statement), why);
    if (err == HM_OK)
        err = check_quorum(d, p->policy, r, hm_buf_bytes(&statement), why);
    d->sums.erasures += err == HM_OK;
    return err;
}

enum hm_err deep_erasure_record(struct cli_deep *d, const struct hm_record *r, struct hm_why *why)
{
    d->step = CLI_DEEP_ERASURE;
    enum hm_err err = r->event == HM_EV_DETAIL_ERASED ? check_erasure(d, r, why) : HM_OK;
    if (err == HM_OK && r->has_detail)
        err = deep_map_put(&d->details, &r->detail, r->idx + 1, why);
    return err;
}
