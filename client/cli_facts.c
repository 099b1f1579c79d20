#include "client/cli_facts.h"

#include "client/cli_http.h"
#include "schema/attest/hm_signed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CLI_REQUEST_DOC_MAX ((size_t)256 * 1024)

struct cli_facts *cli_facts_new(void)
{
    struct cli_facts *f = calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    f->statement_text.limit = HM_STATEMENT_MAX + 1;
    f->request_doc.limit = CLI_REQUEST_DOC_MAX + 1;
    f->manifest.limit = HM_MANIFEST_MAX + 1;
    for (size_t i = 0; i < HM_ATTESTATIONS_MAX; i++)
        f->attestations[i].limit = HM_ATTESTATION_MAX + 1;
    return f;
}

void cli_facts_free(struct cli_facts *f)
{
    if (f == NULL)
        return;
    hm_buf_free(&f->statement_text);
    hm_buf_free(&f->request_doc);
    hm_buf_free(&f->manifest);
    for (size_t i = 0; i < HM_ATTESTATIONS_MAX; i++)
        hm_buf_free(&f->attestations[i]);
    cli_record_free(&f->submitted);
    policy_free(f->policy);
    free(f);
}

void cli_facts_free_ptr(struct cli_facts **f)
{
    cli_facts_free(*f);
}

static enum hm_err fetch_into(struct cli *c, uint64_t release, const char *what, size_t max,
                              struct hm_buf *out)
{
    char path[96];
    CLI_ANSWER_AUTO a = {.status = 0};
    (void)snprintf(path, sizeof path, "/v1/releases/r%" PRIu64 "/%s", release, what);
    enum hm_err err = cli_http_get(c, path, NULL, max, &a);
    if (err != HM_OK)
        return err;
    hm_buf_put(out, a.body.data, a.body.len);
    return hm_buf_err(out);
}

static enum hm_err load_request(struct cli *c, struct cli_facts *f)
{
    struct hm_signed s;
    enum hm_err err =
        cli_evidence_fetch(c, &f->submitted.record, 0, CLI_REQUEST_DOC_MAX, &f->request_doc);
    if (err == HM_OK)
        err = hm_signed_parse(hm_buf_bytes(&f->request_doc), CLI_REQUEST_DOC_MAX, &s, &c->why);
    if (err != HM_OK)
        return err;
    err = hm_request_parse(hm_signed_payload(&s), &f->request, &c->why);
    hm_signed_free(&s);
    return err == HM_OK ? HM_OK : hm_fail_in(&c->why, err, "the signed release request");
}

static enum hm_err load_attestations(struct cli *c, struct cli_facts *f)
{
    const struct hm_record *r = &f->submitted.record;
    /* Behind them may stand the key of a token. */
    for (size_t i = 2; i < r->evidence_count && i - 2 < f->request.attestation_count; i++) {
        enum hm_err err = cli_evidence_fetch(c, r, i, HM_ATTESTATION_MAX, &f->attestations[i - 2]);
        if (err != HM_OK)
            return err;
        f->attestation_count++;
    }
    return HM_OK;
}

/* The policy is content-addressed, so it does not matter who hands it over; without it the vendor
 * domain must be pinned. */
static enum hm_err load_policy(struct cli *c, struct cli_facts *f)
{
    HM_BUF_AUTO text = {.limit = HM_POLICY_MAX + 1};
    const char *domain = c->set.vendor_domain;
    enum hm_err err = cli_policy_fetch(c, &f->statement.policy, &text);
    if (err == HM_OK)
        err = policy_load(hm_buf_bytes(&text), &f->policy, &c->why);
    if (err != HM_OK && domain[0] == '\0')
        return err;
    f->vendor_pinned = domain[0] != '\0' || c->set.policy[0] != '\0';
    if (domain[0] == '\0')
        domain = policy_vendor_domain(f->policy);
    (void)snprintf(f->vendor_domain, sizeof f->vendor_domain, "%s", domain);
    return HM_OK;
}

static enum hm_err load_all(struct cli *c, uint64_t release, struct cli_facts *f)
{
    enum hm_err err = cli_record_fetch(c, release, &f->submitted);
    if (err == HM_OK)
        err = fetch_into(c, release, "statement", HM_STATEMENT_MAX, &f->statement_text);
    if (err == HM_OK)
        err = hm_approval_parse(hm_buf_bytes(&f->statement_text), &f->statement, &c->why);
    /* Before anything else is fetched by a digest that stands in the statement. */
    if (err == HM_OK)
        err = cli_facts_check_record(f, &c->why);
    if (err == HM_OK)
        err = fetch_into(c, release, "manifest", HM_MANIFEST_MAX, &f->manifest);
    if (err == HM_OK)
        err = hm_suit_describe(hm_buf_bytes(&f->manifest), &f->suit, &c->why);
    if (err == HM_OK)
        err = load_request(c, f);
    if (err == HM_OK)
        err = load_attestations(c, f);
    if (err == HM_OK)
        err = load_policy(c, f);
    return err;
}

enum hm_err cli_facts_load(struct cli *c, uint64_t release, struct cli_facts *f)
{
    struct hm_vkey key;
    f->release = release;
    enum hm_err err = cli_log_key(c, &key);
    if (err == HM_OK)
        err = load_all(c, release, f);
    if (err == HM_OK)
        err = cli_facts_check(f, key.name, &c->why);
    return err;
}

static enum hm_err policy_if(struct hm_bytes text, const struct hm_digest *digest,
                             struct hm_buf *out)
{
    struct hm_digest d = hm_sha256(text);
    if (!hm_digest_eq(&d, digest))
        return HM_E_NOT_FOUND;
    hm_buf_put(out, text.data, text.len);
    return hm_buf_err(out);
}

/* An older policy: the record that activated it names its digest and keeps it as evidence. */
static enum hm_err policy_from_log(struct cli *c, const char *event, const struct hm_digest *digest,
                                   struct hm_buf *out)
{
    CLI_ANSWER_AUTO a = {.status = 0};
    HM_BUF_AUTO path = {.limit = 256};
    hm_buf_puts(&path, "/v1/log/entries?order=desc&limit=1000");
    cli_query_add(&path, "event", event);
    enum hm_err err =
        cli_http_get(c, hm_buf_str(&path), "application/jsonl", (size_t)64 * 1024 * 1024, &a);
    if (err != HM_OK)
        return err;
    struct hm_bytes rest = hm_buf_bytes(&a.body);
    while (rest.len > 0) {
        const uint8_t *lf = memchr(rest.data, '\n', rest.len);
        size_t len = lf != NULL ? (size_t)(lf - rest.data) : rest.len;
        struct hm_record r;
        err = hm_record_parse(hm_bytes_of(rest.data, len), &r, &c->why);
        if (err != HM_OK)
            return err;
        for (size_t n = 0; n < r.evidence_count; n++)
            if (hm_digest_eq(&r.evidence[n], digest))
                return cli_evidence_fetch(c, &r, n, HM_POLICY_MAX, out);
        rest = hm_bytes_of(rest.data + len, rest.len - len);
        if (rest.len > 0)
            rest = hm_bytes_of(rest.data + 1, rest.len - 1);
    }
    return HM_E_NOT_FOUND;
}

enum hm_err cli_policy_fetch(struct cli *c, const struct hm_digest *digest, struct hm_buf *out)
{
    enum hm_err err;
    if (c->set.policy[0] != '\0') {
        HM_BUF_AUTO text = {.limit = HM_POLICY_MAX + 1};
        err = cli_read(c->set.policy, HM_POLICY_MAX, &text, &c->why);
        if (err == HM_OK)
            err = policy_if(hm_buf_bytes(&text), digest, out);
        if (err != HM_E_NOT_FOUND)
            return err;
    }
    CLI_ANSWER_AUTO a = {.status = 0};
    err = cli_http_get(c, "/v1/policy", NULL, HM_POLICY_MAX, &a);
    if (err == HM_OK)
        err = policy_if(hm_buf_bytes(&a.body), digest, out);
    if (err == HM_E_NOT_FOUND)
        err = policy_from_log(c, "policy.activated", digest, out);
    if (err == HM_E_NOT_FOUND)
        err = policy_from_log(c, "log.created", digest, out);
    if (err == HM_E_NOT_FOUND)
        return hm_fail(&c->why, HM_E_DENIED, "the policy that the statement names cannot be had");
    return err;
}
