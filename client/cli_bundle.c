#include "client/cli_bundle.h"

#include "policy/policy_verdict.h"
#include "schema/attest/hm_signed.h"
#include "schema/core/hm_text.h"
#include "schema/cose/hm_authwrap.h"
#include "schema/json/hm_json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct cli_bundle *cli_bundle_new(void)
{
    struct cli_bundle *b = calloc(1, sizeof *b);
    if (b == NULL)
        return NULL;
    b->envelope.limit = HM_ENVELOPE_MAX;
    b->trust_store.limit = HM_TRUST_STORE_MAX;
    for (size_t i = 0; i < HM_APPROVALS_MAX; i++)
        b->approvals[i].limit = HM_SIGNED_MAX + 1;
    return b;
}

void cli_bundle_free_ptr(struct cli_bundle **b)
{
    if (*b == NULL)
        return;
    hm_buf_free(&(*b)->envelope);
    hm_buf_free(&(*b)->trust_store);
    cli_record_free(&(*b)->signed_record);
    for (size_t i = 0; i < HM_APPROVALS_MAX; i++)
        hm_buf_free(&(*b)->approvals[i]);
    free(*b);
}

static enum hm_err same_text(struct hm_json_in *in, const char *member, const struct hm_buf *text,
                             struct hm_why *why)
{
    const char *value = hm_json_str(in, member);
    if (value == NULL || hm_bytes_eq_str(hm_buf_bytes(text), value))
        return in->err;
    return hm_fail(why, HM_E_DENIED, "bundle: '%s' is not what the log's evidence holds", member);
}

static enum hm_err same_attestations(struct hm_json_in *in, const struct cli_facts *f,
                                     struct hm_why *why)
{
    const json_t *list = hm_json_array(in, "attestations", 0, HM_ATTESTATIONS_MAX);
    if (list == NULL)
        return in->err;
    bool same = json_array_size(list) == f->attestation_count &&
                f->attestation_count == f->request.attestation_count;
    for (size_t i = 0; same && i < f->attestation_count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        struct hm_digest d = hm_sha256(hm_buf_bytes(&f->attestations[i]));
        same = text != NULL && hm_bytes_eq_str(hm_buf_bytes(&f->attestations[i]), text) &&
               hm_digest_eq(&d, &f->request.attestations[i]);
    }
    return same ? HM_OK
                : hm_fail(why, HM_E_DENIED, "bundle: its attestations are not the submitted ones");
}

static enum hm_err same_artifacts(struct hm_json_in *in, const struct cli_facts *f,
                                  struct hm_why *why)
{
    const json_t *list = hm_json_array(in, "artifacts", 1, HM_ARTIFACTS_MAX);
    if (list == NULL)
        return in->err;
    bool same = json_array_size(list) == f->request.artifact_count;
    for (size_t i = 0; same && i < f->request.artifact_count; i++) {
        const json_t *v = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(v, "name"));
        same = false;
        for (size_t k = 0; name != NULL && k < f->request.artifact_count; k++)
            same |= strcmp(name, f->request.artifacts[k].name) == 0;
    }
    return same ? HM_OK : hm_fail(why, HM_E_DENIED, "bundle: its artifacts are not the request's");
}

static enum hm_err read_approvals(struct hm_json_in *in, struct cli_bundle *b, struct hm_why *why)
{
    const json_t *list = hm_json_array(in, "approvals", 0, HM_APPROVALS_MAX);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text == NULL)
            return hm_fail(why, HM_E_MALFORMED, "bundle: approval %zu is not a text", i);
        hm_buf_puts(&b->approvals[i], text);
        if (hm_buf_err(&b->approvals[i]) != HM_OK)
            return hm_fail(why, HM_E_LIMIT, "bundle: approval %zu is too large", i);
        b->approval_count = i + 1;
    }
    return in->err;
}

static enum hm_err read_base64(struct hm_json_in *in, const char *member, struct hm_buf *out,
                               struct hm_why *why)
{
    const char *text = hm_json_str(in, member);
    if (text == NULL || hm_unbase64(hm_bytes_str(text), out) == HM_OK)
        return in->err;
    return hm_fail(why, HM_E_MALFORMED, "bundle: '%s' is not base64 of an acceptable size", member);
}

/* Of several keys fewer may have signed; how many must, devices know from their trust store. */
static bool signs_as_approved(const struct hm_record *r, const struct hm_approval *s)
{
    bool used[HM_SIGN_KEYS_MAX] = {false};
    bool same = r->key_count > 0;
    for (size_t i = 0; same && i < r->key_count; i++) {
        size_t at = 0;
        while (at < s->sign_count &&
               (used[at] || !hm_digest_eq(&r->keys[i].spki, &s->sign[at].key) ||
                !hm_digest_eq(&r->keys[i].tbs, &s->sign[at].tbs)))
            at++;
        same = at < s->sign_count;
        if (same)
            used[at] = true;
    }
    return same;
}

static enum hm_err check_record(const struct cli_record *rec, const struct cli_facts *f,
                                struct hm_bytes envelope, struct hm_why *why)
{
    const struct hm_record *r = &rec->record;
    const struct hm_approval *s = &f->statement;
    struct hm_digest d = hm_sha256(envelope);
    if (r->event != HM_EV_RELEASE_SIGNED || strcmp(r->outcome, "ok") != 0 || !r->has_release ||
        r->release != f->release)
        return hm_fail(why, HM_E_DENIED,
                       "the bundle's proof is for %s (outcome '%s'), expected release.signed for "
                       "r%" PRIu64,
                       hm_event_name(r->event), r->outcome, f->release);
    if (!r->has_manifest || !hm_digest_eq(&r->manifest, &s->manifest))
        return hm_fail(why, HM_E_DENIED, "the proven record is about another manifest");
    if (r->evidence_count < 1 || !hm_digest_eq(&r->evidence[0], &d))
        return hm_fail(why, HM_E_DENIED, "the proven record names another envelope");
    if (!signs_as_approved(r, s))
        return hm_fail(why, HM_E_DENIED,
                       "the proven record names other signing keys or bytes than "
                       "the approved statement");
    return HM_OK;
}

static enum hm_err check_envelope(const struct cli_bundle *b, const struct cli_facts *f,
                                  struct hm_why *why)
{
    struct hm_auth_view view;
    enum hm_err err = hm_auth_parse(hm_buf_bytes(&b->envelope), true, &view, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "bundle: manifest.suit");
    if (!hm_bytes_eq(view.payload, hm_buf_bytes(&f->manifest)))
        return hm_fail(why, HM_E_DENIED, "bundle: manifest.suit holds another manifest");
    return HM_OK;
}

static enum hm_err read_members(struct hm_json_in *in, const struct cli_facts *f,
                                const struct hm_vkey *log_key, struct cli_bundle *b,
                                struct hm_why *why)
{
    char id[24];
    const char *release = hm_json_str(in, "release");
    const char *proof = hm_json_str(in, "release.tlog-proof");
    (void)snprintf(id, sizeof id, "r%" PRIu64, f->release);
    if (in->err != HM_OK)
        return in->err;
    if (strcmp(release, id) != 0)
        return hm_fail(why, HM_E_DENIED, "asked for the bundle of %s, the server sent %.24s", id,
                       release);
    enum hm_err err = read_base64(in, "manifest.suit", &b->envelope, why);
    if (err == HM_OK)
        err = read_base64(in, "trust_store", &b->trust_store, why);
    if (err == HM_OK)
        err = same_text(in, "statement", &f->statement_text, why);
    if (err == HM_OK)
        err = same_text(in, "request", &f->request_doc, why);
    if (err == HM_OK)
        err = same_attestations(in, f, why);
    if (err == HM_OK)
        err = same_artifacts(in, f, why);
    if (err == HM_OK)
        err = read_approvals(in, b, why);
    if (err != HM_OK)
        return err;
    err = cli_record_open(hm_bytes_str(proof), log_key, &b->signed_record, why);
    return err == HM_OK ? HM_OK : hm_fail_in(why, err, "bundle: release.tlog-proof");
}

enum hm_err cli_bundle_read(struct hm_bytes body, const struct cli_facts *f,
                            const struct hm_vkey *log_key, struct cli_bundle *out,
                            struct hm_why *why)
{
    HM_JSON_AUTO *doc = NULL;
    struct hm_json_in in;
    enum hm_err err = hm_json_parse(body, HM_JSON_FOREIGN(CLI_BUNDLE_MAX), &doc, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "bundle");
    hm_json_begin(&in, doc, "$", why);
    in.open = true;
    err = read_members(&in, f, log_key, out, why);
    if (err == HM_OK)
        err = hm_json_end(&in);
    if (err == HM_OK)
        err = check_record(&out->signed_record, f, hm_buf_bytes(&out->envelope), why);
    return err == HM_OK ? check_envelope(out, f, why) : err;
}

/* Who gave one approval, by which key; false with the reason in *why. */
static bool approver_of(const struct cli_facts *f, struct hm_bytes doc,
                        struct policy_fact_approval *out, struct hm_why *why)
{
    struct hm_signed s;
    bool found = false;
    if (hm_signed_parse(doc, HM_SIGNED_MAX, &s, why) != HM_OK)
        return false;
    if (!hm_bytes_eq(hm_signed_payload(&s), hm_buf_bytes(&f->statement_text))) {
        (void)hm_fail(why, HM_E_DENIED, "it signs another statement");
        hm_signed_free(&s);
        return false;
    }
    (void)hm_fail(why, HM_E_DENIED, "no approver of the policy made its signature");
    const struct policy_principal *p;
    for (size_t i = 0; !found && (p = policy_principal_at(f->policy, i)) != NULL; i++)
        for (size_t k = 0; k < p->approval_key_count; k++)
            if (hm_signed_verify(&s, HM_SIGNED_APPROVAL, &p->approval_keys[k], NULL) == HM_OK) {
                found = true;
                out->principal = p->id;
                out->key = hm_key_id(&p->approval_keys[k]);
                out->user_verified = hm_signed_user_verified(&s);
            }
    hm_signed_free(&s);
    return found;
}

enum hm_err cli_bundle_check_approvals(struct cli_bundle *b, const struct cli_facts *f,
                                       struct hm_why *why)
{
    struct policy_fact_approval approvals[HM_APPROVALS_MAX];
    struct policy_quorum quorum;
    if (f->policy == NULL)
        return hm_fail(why, HM_E_DENIED,
                       "the policy that the statement names is not at hand: the "
                       "approvals cannot be checked");
    const struct hm_approval *s = &f->statement;
    const struct policy_subject subject = {
        .product = s->product,
        .channel = s->channel,
        .environment = s->environment,
        .hardware = s->hardware,
        .hardware_count = s->hardware_count,
        .break_glass = s->break_glass[0] != '\0',
    };
    const struct policy_rule *rule = policy_match(f->policy, &subject);
    if (rule == NULL)
        return hm_fail(why, HM_E_DENIED,
                       "the policy has no rule for this product, channel, environment and "
                       "hardware");
    for (size_t i = 0; i < b->approval_count; i++) {
        struct hm_why local = {""};
        approvals[i].record = i + 1; /* a bundle lists them in the order of their records */
        if (!approver_of(f, hm_buf_bytes(&b->approvals[i]), &approvals[i], &local))
            return hm_fail(why, HM_E_SIGNATURE, "approval %zu: %.400s", i + 1, local.text);
    }
    const struct policy_facts facts = {.submitter = f->submitted.record.actor,
                                       .approvals = approvals,
                                       .approval_count = b->approval_count};
    policy_quorum(f->policy, rule, &facts, &quorum);
    b->people = quorum.people;
    if (!quorum.stands)
        return hm_fail(why, HM_E_DENIED,
                       "approvals: rule '%s' asks for %zu people of '%s', found %zu", rule->id,
                       rule->approvals, rule->group != NULL ? rule->group : "-", quorum.people);
    return HM_OK;
}
