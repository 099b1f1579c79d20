/* POST /v1/releases: evidence is verified on the connection's thread; the decision, the sequence
 * number, the manifest and the record are made on the sequencer. */
#include "server/registrar/reg_submitting_priv.h"

#include "schema/io/hm_clock.h"
#include "schema/json/hm_json.h"
#include "server/ident/ident_token.h"
#include "server/registrar/reg_artifact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum hm_err read_body(struct reg_submission *s, struct hm_why *why)
{
    struct hm_json_in in;
    size_t total = 0;
    enum hm_err err = hm_json_parse(s->ask->body, HM_JSON_OURS(HM_BODY_MAX), &s->body, why);
    if (err != HM_OK)
        return err;
    hm_json_begin(&in, s->body, "$", why);
    const char *request = hm_json_str(&in, "request");
    const json_t *list = hm_json_array(&in, "attestations", 0, HM_ATTESTATIONS_MAX);
    err = hm_json_end(&in);
    if (err != HM_OK)
        return err;
    s->request = hm_bytes_str(request);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_string(v))
            return hm_fail(why, HM_E_MALFORMED,
                           "$.attestations[%zu]: expected a DSSE envelope as a string", i);
        s->attestations[i] = hm_bytes_of(json_string_value(v), json_string_length(v));
        s->attestation_count = i + 1;
        total += s->attestations[i].len;
        if (s->attestations[i].len > HM_ATTESTATION_MAX || total > HM_ATTESTATIONS_TOTAL_MAX)
            return hm_fail(why, HM_E_LIMIT,
                           "$.attestations[%zu]: at most %zu bytes each and %zu together", i,
                           HM_ATTESTATION_MAX, HM_ATTESTATIONS_TOTAL_MAX);
    }
    return HM_OK;
}

static enum hm_err verify_claim(struct reg_submission *s, struct hm_why *why)
{
    s->examined = s->conn->desk->world->policy;
    struct reg_claim_input in = {
        .world = s->conn->desk->world,
        .policy = s->examined,
        .memo = s->conn->desk->memo,
        .certs = s->conn->desk->certs,
        .oidc = s->conn->desk->oidc,
        .document = s->request,
        .hint = s->ask->caller.who->id,
        .at_s = hm_clock_unix_s(),
        .attestations = s->attestations,
        .attestation_count = s->attestation_count,
    };
    struct reg_claim *c = calloc(1, sizeof *c);
    if (c == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    enum hm_err err = reg_claim_verify(&in, c, why);
    if (err != HM_OK) {
        free(c);
        return err;
    }
    s->claim = c;
    const struct reg_caller *caller = &s->ask->caller;
    if ((caller->token & IDENT_TOKEN_BOUND) != 0 &&
        !hm_digest_eq(&caller->request, &c->request_payload))
        return hm_fail(why, HM_E_DENIED, "the bearer's token was made for another request");
    return HM_OK;
}

/* Artifacts that the store does not have yet; HM_E_SIGNATURE where the size is another one. */
static enum hm_err find_missing(struct reg_submission *s, struct hm_buf *missing,
                                struct hm_why *why)
{
    struct hm_digest list[HM_ARTIFACTS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < s->claim->request.artifact_count; i++) {
        const struct hm_artifact *a = &s->claim->request.artifacts[i];
        int fd = -1;
        uint64_t size = 0;
        enum hm_err err =
            reg_artifact_open(s->conn->desk->config->artifact_dir, &a->digest, &fd, &size, why);
        if (err == HM_OK)
            (void)close(fd);
        if (err == HM_E_NOT_FOUND)
            list[n++] = a->digest;
        else if (err != HM_OK)
            return err;
        else if (size != a->size)
            return hm_fail(why, HM_E_MALFORMED, "artifact %s has %llu bytes, the request says %llu",
                           a->name, (unsigned long long)size, (unsigned long long)a->size);
    }
    return n == 0 ? HM_OK : reg_answer_missing(list, n, missing);
}

/* Several keys protect only if no single token holds two of them. */
static enum hm_err check_apart(const struct reg_submission *s, const struct policy_rule *rule,
                               size_t i, struct hm_why *why)
{
    for (size_t n = 0; n < i; n++)
        if (s->tokens[i][0] != '\0' && strcmp(s->tokens[n], s->tokens[i]) == 0)
            return hm_fail(why, HM_E_STATE,
                           "keys %s and %s of rule %s lie on one token; expected each on a token "
                           "of its own",
                           rule->keys[n]->id, rule->keys[i]->id, rule->id);
    return HM_OK;
}

/* The token of each key; "" for one that is away, of which there may be as many as are not needed:
 * one broken token stops nothing. */
static enum hm_err find_tokens(struct reg_submission *s, const struct policy_rule *rule,
                               struct hm_why *why)
{
    size_t away = 0;
    for (size_t i = 0; i < rule->key_count; i++) {
        s->tokens[i][0] = '\0';
        enum hm_err err =
            reg_seq_key_token(s->conn->desk->seq, &rule->keys[i]->key_id, s->tokens[i], why);
        away += err == HM_E_NOT_FOUND;
        if (err == HM_OK)
            err = check_apart(s, rule, i, why);
        else if (err != HM_E_NOT_FOUND || away > rule->key_count - rule->key_threshold)
            err = hm_fail_in(why, HM_E_UNAVAILABLE, "key %s", rule->keys[i]->id);
        else
            err = HM_OK;
        if (err != HM_OK)
            return err;
    }
    return HM_OK;
}

static enum hm_err run(struct reg_submission *s, struct reg_result *out, struct hm_buf *missing,
                       struct hm_why *why)
{
    enum hm_err err = read_body(s, why);
    if (err == HM_OK)
        err = verify_claim(s, why);
    if (err != HM_OK)
        return err;
    err = find_missing(s, missing, why);
    if (err != HM_OK || missing->len > 0)
        return err;
    const struct hm_request *q = &s->claim->request;
    const struct policy_subject subject = {
        .product = q->product,
        .channel = q->channel,
        .environment = q->environment,
        .hardware = q->hardware,
        .hardware_count = q->hardware_count,
        .break_glass = q->break_glass[0] != '\0',
    };
    const struct policy_rule *rule = policy_match(s->examined, &subject);
    if (rule != NULL)
        err = find_tokens(s, rule, why);
    if (err != HM_OK)
        return err;
    err = reg_conn_decide(s->conn, reg_submission_decide, s, out, why);
    if (err == HM_OK && s->known != NULL)
        reg_knowns_put(s->conn->desk->knowns, s->known);
    return err;
}

enum hm_err reg_submit(struct reg_conn *c, const struct reg_ask *ask, struct reg_result *out,
                       struct hm_buf *missing, struct hm_why *why)
{
    struct reg_submission *s = calloc(1, sizeof *s);
    if (s == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    s->ask = ask;
    s->conn = c;
    enum hm_err err = run(s, out, missing, why);
    reg_known_drop(s->known);
    reg_claim_free(s->claim);
    free(s->claim);
    json_decref(s->body);
    free(s);
    return err;
}
