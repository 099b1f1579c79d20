/* The intention: what it says is what was submitted and approved, and both policies say allow. And
 * its result: the envelope holds. */
#include "client/cli_deep_priv.h"

#include "policy/policy_identity.h"
#include "schema/attest/hm_cert.h"
#include "schema/cose/hm_authwrap.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- approvals ---- */

/* Exactly the statement, signed by a key that the policy of the submission gives to the person
 * whom the record names. */
static enum hm_err check_document(struct cli_deep *d, const struct deep_claim *k,
                                  const struct hm_record *r, bool *user_verified,
                                  struct hm_why *why)
{
    HM_BUF_AUTO doc = {.limit = HM_SIGNED_MAX + 1};
    __attribute__((cleanup(hm_signed_free))) struct hm_signed s = {0};
    const struct hm_key *key = policy_approval_key(k->policy, r->actor, &r->approver_key);
    if (!r->has_approver_key || key == NULL)
        return hm_fail(why, HM_E_DENIED, "the policy gives no such key to %s", r->actor);
    d->step = CLI_DEEP_EVIDENCE;
    enum hm_err err = deep_fetch(d, r, 0, HM_SIGNED_MAX, &doc, why);
    if (err != HM_OK)
        return err;
    d->step = CLI_DEEP_APPROVAL;
    err = hm_signed_parse(hm_buf_bytes(&doc), HM_SIGNED_MAX, &s, why);
    if (err == HM_OK)
        err = hm_signed_verify(&s, HM_SIGNED_APPROVAL, key, why);
    if (err == HM_OK && !hm_bytes_eq(hm_signed_payload(&s), hm_buf_bytes(&k->statement)))
        err = hm_fail(why, HM_E_DENIED, "%s signed another statement", r->actor);
    *user_verified = err == HM_OK && hm_signed_user_verified(&s);
    return err;
}

/* A key that a policy names by a certificate counts while that holds. What revocation lists said
 * then is not in the log. */
static enum hm_err holds(struct cli_deep *d, const struct policy *p, const struct hm_key *key,
                         int64_t at_s, bool *yes, struct hm_why *why)
{
    struct hm_why no = {""};
    const char *pem = policy_key_certificate(p, key);
    if (pem == NULL)
        return HM_OK;
    if (d->in.client_ca.len == 0) {
        d->step = CLI_DEEP_NOT_CHECKED;
        return hm_fail(why, HM_E_DENIED, "by a certificate: --client-ca says who issues those");
    }
    enum hm_err err = hm_cert_verify_chain(hm_bytes_str(pem), d->in.client_ca, at_s, &no);
    *yes = *yes && err == HM_OK;
    if (deep_is_machine(err))
        return hm_fail(why, err, "%s", no.text);
    return HM_OK;
}

static enum hm_err count_approval(struct cli_deep *d, struct deep_claim *k,
                                  const struct hm_record *r, int64_t at_s, bool user_verified,
                                  struct hm_why *why)
{
    bool yes = true;
    const struct hm_key *key = policy_approval_key(k->policy, r->actor, &r->approver_key);
    enum hm_err err = holds(d, k->policy, key, at_s, &yes, why);
    if (err == HM_OK)
        err = holds(d, deep_in_force(d)->policy, key, at_s, &yes, why);
    d->sums.approvals += err == HM_OK;
    return err == HM_OK && yes
               ? cli_explain_approval(k->e, r->actor, &r->approver_key, r->idx, user_verified, why)
               : err;
}

/* Keeps the key for the guards, which ask for keys and not for people. */
static enum hm_err keep_key(const struct deep_claim *k, const struct hm_record *r,
                            struct deep_release *o, struct hm_why *why)
{
    const struct hm_key *key = policy_approval_key(k->policy, r->actor, &r->approver_key);
    if (o->approved == NULL)
        o->approved = calloc(HM_APPROVALS_MAX, sizeof *o->approved);
    if (o->approved == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    if (key != NULL && o->approved_count < HM_APPROVALS_MAX)
        o->approved[o->approved_count++] = *key;
    return HM_OK;
}

static enum hm_err check_approval(struct cli_deep *d, struct deep_claim *k, struct deep_release *o,
                                  struct hm_bytes bytes, int64_t at_s, struct hm_why *why)
{
    struct hm_record r;
    bool user_verified = false;
    struct hm_digest statement = hm_sha256(hm_buf_bytes(&k->statement));
    d->step = CLI_DEEP_APPROVAL;
    enum hm_err err = hm_record_parse(bytes, &r, why);
    if (err != HM_OK)
        return err;
    if (!r.has_statement || !hm_digest_eq(&r.statement, &statement) || !r.has_manifest ||
        !hm_digest_eq(&r.manifest, &k->submitted.manifest))
        err = hm_fail(why, HM_E_DENIED, "it names another statement or manifest");
    if (err == HM_OK)
        err = check_document(d, k, &r, &user_verified, why);
    if (err == HM_OK)
        err = keep_key(k, &r, o, why);
    if (err == HM_OK)
        err = count_approval(d, k, &r, at_s, user_verified, why);
    return err == HM_OK ? HM_OK : hm_fail_in(why, err, "approval in record %" PRIu64, r.idx);
}

/* ---- the intention ---- */

static bool same_names(const struct hm_record *a, const struct hm_record *b)
{
    return strcmp(a->product, b->product) == 0 && strcmp(a->version, b->version) == 0 &&
           strcmp(a->channel, b->channel) == 0 && strcmp(a->environment, b->environment) == 0 &&
           a->sequence == b->sequence;
}

static bool same_key(const struct hm_record_key *a, const struct hm_record_key *b)
{
    return hm_digest_eq(&a->spki, &b->spki) && hm_digest_eq(&a->tbs, &b->tbs) &&
           strcmp(a->mechanism, b->mechanism) == 0;
}

/* An intention names all keys that were submitted; a result, in the same order, those that signed.
 */
static bool same_keys(const struct hm_record *submitted, const struct hm_record *r)
{
    size_t n = 0;
    for (size_t i = 0; i < submitted->key_count && n < r->key_count; i++)
        n += same_key(&submitted->keys[i], &r->keys[n]);
    return n > 0 && n == r->key_count &&
           (n == submitted->key_count || r->event == HM_EV_RELEASE_SIGNED);
}

static enum hm_err check_same(const struct deep_claim *k, const struct hm_record *r,
                              struct hm_why *why)
{
    if (!same_names(&k->submitted, r))
        return hm_fail(why, HM_E_DENIED,
                       "product, version, channel, environment or sequence are "
                       "not those of the submission");
    if (!r->has_manifest || !hm_digest_eq(&r->manifest, &k->submitted.manifest))
        return hm_fail(why, HM_E_DENIED, "its manifest is not the one of the submission");
    if (!same_keys(&k->submitted, r))
        return hm_fail(why, HM_E_DENIED,
                       "its keys or the bytes to sign are not those that were "
                       "submitted");
    return HM_OK;
}

static enum hm_err check_intention(struct cli_deep *d, const struct deep_claim *k,
                                   const struct hm_record *r, struct hm_why *why)
{
    struct hm_digest statement = hm_sha256(hm_buf_bytes(&k->statement));
    d->step = CLI_DEEP_INTENTION;
    enum hm_err err = check_same(k, r, why);
    if (err != HM_OK)
        return err;
    if (!r->has_statement || !hm_digest_eq(&r->statement, &statement))
        return hm_fail(why, HM_E_DENIED, "its statement is not the one that the evidence gives");
    if (k->submitted.expires_s <= r->t_ms / 1000)
        return hm_fail(why, HM_E_DENIED, "the release had expired");
    for (size_t i = 0; i < k->class_count; i++) {
        struct hm_digest id = hm_sha256(hm_bytes_of(k->classes[i].b, sizeof k->classes[i].b));
        if (deep_map_get(&d->history.classes, &id) > r->sequence)
            return hm_fail(why, HM_E_DENIED,
                           "a higher sequence number was signed for the same hardware");
    }
    return HM_OK;
}

static enum hm_err mark_classes(struct cli_deep *d, const struct deep_claim *k, struct hm_why *why)
{
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < k->class_count; i++) {
        struct hm_digest id = hm_sha256(hm_bytes_of(k->classes[i].b, sizeof k->classes[i].b));
        if (deep_map_get(&d->history.classes, &id) < k->submitted.sequence)
            err = deep_map_put(&d->history.classes, &id, k->submitted.sequence, why);
    }
    return err;
}

static enum hm_err ask(struct cli_deep *d, const struct policy *p, struct policy_facts *f,
                       const char *which, size_t *threshold, struct hm_why *why)
{
    HM_FREE struct policy_verdict *v = calloc(1, sizeof *v);
    if (v == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    d->step = CLI_DEEP_VERDICT_SIGNING;
    deep_history_facts(&d->history, p, f, d->past);
    policy_evaluate(p, f, v);
    if (!v->allow || v->matched == NULL)
        return hm_fail(why, HM_E_DENIED, "the policy %s refuses it: %s", which,
                       policy_first_failed(v));
    if (v->matched->key_threshold > *threshold)
        *threshold = v->matched->key_threshold;
    return HM_OK;
}

/* Which guards are content now. The signer asks them when it signs, before the result is recorded;
 * a list that changes in between may have been the former one still. */
static enum hm_err ask_guards(const struct cli_deep *d, const struct deep_claim *k,
                              struct deep_release *o, struct hm_why *why)
{
    o->guarded = 0;
    for (size_t i = 0; i < k->submitted.key_count; i++) {
        struct hm_why no = {""};
        enum hm_err err =
            deep_guards_allow(d, &k->submitted.keys[i].spki, k->submitted.environment, o, &no);
        if (deep_is_machine(err))
            return hm_fail(why, err, "%s", no.text);
        o->guarded |= err == HM_OK ? 1u << i : 0;
    }
    return HM_OK;
}

enum hm_err deep_judge_intention(struct cli_deep *d, struct deep_claim *k, struct deep_release *r,
                                 const struct hm_record *intended, struct hm_why *why)
{
    struct policy_facts *f = &k->e->facts;
    const struct deep_policy *now = deep_in_force(d);
    enum hm_err err = check_intention(d, k, intended, why);
    enum hm_err marked = mark_classes(d, k, err == HM_OK ? why : NULL);
    if (err == HM_OK)
        err = marked;
    f->approval_count = 0;
    r->approved_count = 0;
    f->now_s = (int64_t)(intended->t_ms / 1000);
    for (size_t i = 0; err == HM_OK && i < r->approval_count; i++)
        err = check_approval(d, k, r, hm_buf_bytes(&r->approvals[i]), f->now_s, why);
    if (err == HM_OK)
        err = ask_guards(d, k, r, why);
    if (err != HM_OK)
        return err;
    f->stage = POLICY_AT_SIGNING;
    for (size_t i = 0; i < k->submitted.key_count; i++)
        k->key_ids[i] = k->submitted.keys[i].spki;
    f->key = k->key_ids;
    f->more_keys = k->submitted.key_count - 1; /* there is one: the claim was checked */
    r->threshold = 1;
    err = ask(d, k->policy, f, "of the submission", &r->threshold, why);
    return err == HM_OK && now->policy != k->policy
               ? ask(d, now->policy, f, "in force", &r->threshold, why)
               : err;
}

/* ---- the result ---- */

static enum hm_err check_record(const struct deep_claim *k, const struct hm_record *r,
                                struct hm_why *why)
{
    bool same = r->artifact_count == k->submitted.artifact_count;
    for (size_t i = 0; same && i < r->artifact_count; i++)
        same = hm_digest_eq(&r->artifacts[i], &k->submitted.artifacts[i]);
    if (!same || strcmp(r->outcome, "ok") != 0)
        return hm_fail(why, HM_E_DENIED, "other artifacts than those of the submission, or not ok");
    return check_same(k, r, why);
}

/* Bytes that became another release between the intention and now. */
static enum hm_err check_prior(const struct cli_deep *d, const struct hm_record *r,
                               struct hm_why *why)
{
    for (size_t i = 0; i < r->artifact_count; i++) {
        struct deep_list l = deep_lists_get(&d->history.by_artifact, &r->artifacts[i]);
        const struct deep_signed *s = l.count > 0 ? &d->history.list[l.v[0] - 1] : NULL;
        if (s != NULL &&
            (strcmp(s->product, r->product) != 0 || strcmp(s->version, r->version) != 0))
            return hm_fail(why, HM_E_DENIED, "the same bytes were signed as %s %s before",
                           s->product, s->version);
    }
    return HM_OK;
}

/* The record names who signed; each must have, nobody else, and enough of them. */
static enum hm_err check_signatures(const struct deep_claim *k, const struct hm_record *r,
                                    const struct hm_auth_view *view, size_t threshold,
                                    struct hm_why *why)
{
    struct hm_key keys[HM_SIGN_KEYS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < r->key_count; i++)
        for (size_t at = 0; at < k->rule->key_count; at++)
            if (hm_digest_eq(&r->keys[i].spki, &k->rule->keys[at]->key_id))
                keys[n++] = k->rule->keys[at]->key;
    if (n != r->key_count || n < threshold || view->count != n)
        return hm_fail(
            why, HM_E_DENIED,
            "%zu keys are named, the envelope holds %zu signatures, the policies ask for "
            "%zu",
            r->key_count, view->count, threshold);
    return hm_auth_verify(view, keys, n, n, why);
}

/* An intention may ask in vain; a signature means that the signer was content. */
static enum hm_err check_guards(struct cli_deep *d, const struct deep_claim *k,
                                const struct deep_release *o, const struct hm_record *r,
                                struct hm_why *why)
{
    d->step = CLI_DEEP_GUARD;
    for (size_t i = 0; i < r->key_count; i++) {
        bool content = false;
        for (size_t n = 0; n < k->submitted.key_count; n++)
            content = content || ((o->guarded >> n & 1) != 0 &&
                                  hm_digest_eq(&k->submitted.keys[n].spki, &r->keys[i].spki));
        enum hm_err err =
            content ? HM_OK
                    : deep_guards_allow(d, &r->keys[i].spki, k->submitted.environment, o, why);
        if (err != HM_OK)
            return err;
    }
    return HM_OK;
}

enum hm_err deep_judge_result(struct cli_deep *d, struct deep_claim *k,
                              const struct deep_release *o, const struct hm_record *r,
                              struct hm_why *why)
{
    HM_BUF_AUTO envelope = {.limit = HM_ENVELOPE_MAX + 1};
    struct hm_auth_view view;
    d->step = CLI_DEEP_RESULT;
    enum hm_err err = check_record(k, r, why);
    if (err == HM_OK)
        err = check_prior(d, r, why);
    if (err != HM_OK)
        return err;
    d->step = CLI_DEEP_EVIDENCE;
    err = deep_fetch(d, r, 0, HM_ENVELOPE_MAX, &envelope, why);
    if (err != HM_OK)
        return err;
    d->step = CLI_DEEP_RESULT;
    err = hm_auth_parse(hm_buf_bytes(&envelope), true, &view, why);
    if (err == HM_OK && !hm_bytes_eq(view.payload, hm_buf_bytes(&k->manifest)))
        err = hm_fail(why, HM_E_DENIED, "the envelope holds another manifest");
    if (err == HM_OK)
        err = check_signatures(k, r, &view, o->threshold, why);
    return err == HM_OK ? check_guards(d, k, o, r, why) : err;
}
