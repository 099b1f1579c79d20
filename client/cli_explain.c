#include "client/cli_explain.h"

#include "schema/attest/hm_dsse.h"
#include "schema/io/hm_clock.h"
#include "schema/json/hm_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cli_explain *cli_explain_new(void)
{
    return calloc(1, sizeof(struct cli_explain));
}

void cli_explain_free(struct cli_explain **e)
{
    free(*e);
    *e = NULL;
}

void cli_explain_request(struct cli_explain *e)
{
    const struct hm_request *r = &e->request;
    for (size_t i = 0; i < r->artifact_count; i++)
        e->artifacts[i] = r->artifacts[i].digest;
    e->facts.product = r->product;
    e->facts.version = r->version;
    e->facts.channel = r->channel;
    e->facts.environment = r->environment;
    e->facts.hardware = r->hardware;
    e->facts.hardware_count = r->hardware_count;
    e->facts.break_glass = r->break_glass[0] != '\0' ? r->break_glass : NULL;
    e->facts.artifacts = e->artifacts;
    e->facts.artifact_count = r->artifact_count;
    e->facts.submitter = e->submitter[0] != '\0' ? e->submitter : NULL;
    e->facts.provenance = e->provenance;
    e->facts.attestations = e->attestations;
    e->facts.approvals = e->approvals;
    e->facts.vetoes = e->vetoes;
    e->facts.prior = e->prior;
    e->facts.earlier = e->earlier;
    e->facts.same_version = e->same_version;
    e->facts.rollback_floor = r->rollback_floor;
    for (size_t i = 0; i < r->artifact_count; i++)
        e->facts.size += r->artifacts[i].size;
    e->facts.now_s = hm_clock_unix_s();
}

static const struct hm_key *signer(const struct policy *p, const struct hm_dsse *d)
{
    const struct hm_key *keys = NULL;
    size_t count = 0;
    for (size_t b = 0; policy_builder_at(p, b, &keys, &count) != NULL; b++)
        for (size_t i = 0; i < count; i++)
            if (hm_dsse_verify(d, &keys[i]) == HM_OK)
                return &keys[i];
    return NULL;
}

/* What a builder signed: provenance, or a statement of another kind. */
static enum hm_err take_statement(struct cli_explain *e, struct hm_bytes payload,
                                  const struct hm_key *key, struct hm_why *why)
{
    enum hm_statement_type type = HM_STATEMENT_OTHER;
    size_t n = e->facts.provenance_count;
    size_t k = e->facts.attestation_count;
    if (n == HM_ATTESTATIONS_MAX || k == HM_ATTESTATIONS_MAX)
        return hm_fail(why, HM_E_LIMIT, "more than %d attestations", HM_ATTESTATIONS_MAX);
    enum hm_err err = hm_provenance_parse(payload, &type, &e->statements[n], why);
    if (err == HM_OK && type == HM_STATEMENT_OTHER)
        err = hm_statement_parse(payload, &e->others[k], why);
    if (err != HM_OK)
        return err;
    if (type == HM_STATEMENT_SLSA_V1) {
        e->provenance[n] = (struct policy_fact_provenance){&e->statements[n], *key};
        e->facts.provenance_count = n + 1;
    } else {
        e->attestations[k] = (struct policy_fact_attestation){&e->others[k], *key};
        e->facts.attestation_count = k + 1;
    }
    return HM_OK;
}

enum hm_err cli_explain_attestation(struct cli_explain *e, const struct policy *p,
                                    struct hm_bytes text, bool *used, struct hm_why *why)
{
    struct hm_dsse d = {0};
    enum hm_err err = hm_dsse_parse(text, HM_ATTESTATION_MAX, &d, why);
    if (err != HM_OK)
        return err;
    const struct hm_key *key =
        strcmp(d.payload_type, HM_INTOTO_PAYLOAD_TYPE) == 0 ? signer(p, &d) : NULL;
    *used = key != NULL;
    if (key != NULL)
        err = take_statement(e, hm_buf_bytes(&d.payload), key, why);
    hm_dsse_free(&d);
    return err;
}

enum hm_err cli_explain_approval(struct cli_explain *e, const char *principal,
                                 const struct hm_digest *key, uint64_t record, bool user_verified,
                                 struct hm_why *why)
{
    size_t n = e->facts.approval_count;
    if (n == HM_APPROVALS_MAX)
        return hm_fail(why, HM_E_LIMIT, "more than %d approvals", HM_APPROVALS_MAX);
    (void)snprintf(e->approvers[n], sizeof e->approvers[n], "%s", principal);
    e->approvals[n] = (struct policy_fact_approval){e->approvers[n], *key, record, user_verified};
    e->facts.approval_count = n + 1;
    return HM_OK;
}

void cli_explain_ask(const struct cli_explain *e, const struct policy *p, struct cli_answered *out)
{
    struct policy_facts f = e->facts;
    for (size_t i = 0; i < 2; i++)
        if (e->times[i].policy == p) {
            f.signed_at = e->times[i].at;
            f.signed_at_count = e->times[i].count;
        }
    f.stage = POLICY_AT_SUBMISSION;
    policy_evaluate(p, &f, &out->submission);
    f.stage = POLICY_AT_SIGNING;
    policy_evaluate(p, &f, &out->signing);
}

/* --- for people --- */

static void print_rule(const struct policy_rule *r)
{
    char quorum[POLICY_TEXT_MAX];
    policy_quorum_text(r, quorum);
    (void)printf("rule %s: environment %s, ", r->id, r->environment);
    if (r->key_count > 1)
        (void)printf("%zu of the keys", r->key_threshold);
    else
        (void)fputs("key", stdout);
    for (size_t i = 0; i < r->key_count; i++)
        (void)printf("%s %s", i > 0 ? "," : "", r->keys[i]->id);
    (void)printf(", approvals: %s, within %" PRId64 " s\n", quorum, r->approval_ttl_s);
}

static void print_people(const json_t *able)
{
    for (size_t i = 0; i < json_array_size(able); i++)
        (void)printf("%s%s", i > 0 ? ", " : "", json_string_value(json_array_get(able, i)));
    (void)putchar('\n');
}

static void print_missing(const struct policy *p, const struct cli_explain *e,
                          const struct policy_rule *rule)
{
    struct cli_missing m[CLI_STAGES_MAX];
    size_t n = cli_explain_missing(p, rule, &e->facts, m);
    for (size_t i = 0; i < n; i++) {
        bool several = m[0].stage > 0 || n > 1;
        char stage[32] = "";
        if (several)
            (void)snprintf(stage, sizeof stage, "stage %zu ", m[i].stage + 1);
        if (i > 0)
            (void)printf("then %swaits for: ", stage);
        else if (json_array_size(m[i].able) == 0)
            (void)printf("quorum: nobody is left who could complete %s", several ? stage : "it");
        else if (m[i].people > 0)
            (void)printf("quorum: %swaits for %zu more of: ", stage, m[i].people);
        else
            (void)printf("quorum: %swaits for more of: ", stage);
        print_people(m[i].able);
        json_decref(m[i].able);
    }
}

static void print_verdict(const struct cli *c, const char *what, const char *yes, const char *no,
                          const struct policy_verdict *v)
{
    bool color = c->term.color_out;
    (void)printf("%s: %s%s%s", what, cli_term_style(color, v->allow ? CLI_GOOD : CLI_BAD),
                 v->allow ? yes : no, cli_term_style(color, CLI_PLAIN));
    for (size_t i = 0, n = 0; i < v->finding_count; i++)
        if (!v->findings[i].ok)
            (void)printf("%s%s", n++ == 0 ? " by " : ", ", v->findings[i].check);
    (void)putchar('\n');
}

void cli_explain_print(const struct cli *c, const struct cli_explain *e, const struct policy *p,
                       const struct cli_answered *a, const char *heading)
{
    static const char *const headers[] = {"CHECK", "RESULT", "REQUIRED", "FOUND"};
    const struct policy_verdict *v = &a->signing;
    char hex[HM_SHA256_HEX];
    CLI_TABLE_AUTO t;
    hm_digest_hex(policy_digest(p), hex);
    (void)printf("%s sha256:%s\n", heading, hex);
    if (v->matched != NULL)
        print_rule(v->matched);
    (void)putchar('\n');
    cli_table_begin(&t, headers, 4);
    for (size_t i = 0; i < v->finding_count; i++) {
        cli_table_cell(&t, "%s", v->findings[i].check);
        cli_table_cell(&t, "%s", v->findings[i].ok ? "ok" : "FAILED");
        cli_table_cell(&t, "%s", v->findings[i].required);
        cli_table_cell(&t, "%s", v->findings[i].found);
    }
    cli_table_write(&t, stdout, c->term.color_out);
    (void)putchar('\n');
    if (e->ended != NULL) {
        print_verdict(c, "signature", "allowed by the rules, but the release has ended",
                      "would be refused", v);
        return;
    }
    print_verdict(c, "submission", "would be taken", "would be refused", &a->submission);
    print_verdict(c, "signature", "would be made", "would be refused", v);
    if (v->matched != NULL)
        print_missing(p, e, v->matched);
}

/* --- for scripts --- */

static json_t *findings_json(const struct policy_verdict *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < v->finding_count; i++)
        (void)json_array_append_new(
            list, json_pack("{s:s, s:b, s:s, s:s}", "check", v->findings[i].check, "ok",
                            (int)v->findings[i].ok, "required", v->findings[i].required, "found",
                            v->findings[i].found));
    return list;
}

json_t *cli_explain_json(const struct cli_explain *e, const struct policy *p,
                         const struct cli_answered *a)
{
    char hex[HM_SHA256_HEX];
    struct cli_missing m[CLI_STAGES_MAX];
    const struct policy_rule *rule = a->signing.matched;
    json_t *missing = json_array();
    size_t n = rule != NULL ? cli_explain_missing(p, rule, &e->facts, m) : 0;
    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(
            missing, json_pack("{s:I, s:I, s:o}", "stage", (json_int_t)m[i].stage + 1, "more",
                               (json_int_t)m[i].people, "people", m[i].able));
    hm_digest_hex(policy_digest(p), hex);
    return json_pack("{s:s, s:s, s:b, s:b, s:o, s:o}", "policy", hex, "rule", a->signing.rule,
                     "submission", (int)a->submission.allow, "signature", (int)a->signing.allow,
                     "findings", findings_json(&a->signing), "missing", missing);
}
