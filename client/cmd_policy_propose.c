/* hallmark policy propose: an administrator asks for another policy. */
#include "client/cli_http.h"
#include "client/cli_proof.h"
#include "client/cli_sign.h"
#include "policy/policy.h"
#include "schema/attest/hm_policy_statement.h"
#include "schema/io/hm_clock.h"
#include "schema/json/hm_json.h"
#include "schema/json/hm_json_canon.h"

#include <string.h>

#define DAY_S 86400u
#define DAYS_MAX 90u
#define DAYS_DEFAULT 7u

static const struct cli_opt opts[] = {
    {"reason", "TEXT", "why, on one line of at most 500 bytes; stands in the log's evidence",
     false},
    {"days", "N", "the proposal can be approved for 1 to 90 days, default 7", false},
    {NULL, NULL, NULL, false},
};

/* What the registrar would refuse is said here, with the line of the file. */
static enum hm_err check_document(struct cli *c, const char *file, struct hm_bytes text)
{
    struct policy *p = NULL;
    enum hm_err err = policy_load(text, &p, &c->why);
    policy_free(p);
    if (err != HM_OK && c->why.text[0] == '$')
        hm_json_locate(&c->why, file, text);
    return err;
}

static enum hm_err write_statement(struct cli *c, struct hm_bytes document, struct hm_buf *out)
{
    struct hm_policy_proposal p = {.policy = hm_sha256(document)};
    struct hm_vkey key;
    CLI_ANSWER_AUTO in_force = {.status = 0};
    uint64_t days = DAYS_DEFAULT;
    const char *reason = NULL;
    enum hm_err err = cli_args_reason(&c->args, "reason", &reason, &c->why);
    if (err == HM_OK && reason == NULL) {
        cli_next(c, "hallmark policy propose %s --reason TEXT", c->args.operand[0]);
        err = hm_fail(&c->why, HM_E_CONFIG, "--reason is missing");
    }
    if (err == HM_OK && cli_args_has(&c->args, "days"))
        err = cli_args_uint(&c->args, "days", 1, DAYS_MAX, days, &days, &c->why);
    if (err == HM_OK)
        err = cli_log_key(c, &key);
    if (err == HM_OK)
        err = cli_http_get(c, "/v1/policy", NULL, HM_POLICY_MAX, &in_force);
    if (err != HM_OK)
        return err;
    (void)snprintf(p.origin, sizeof p.origin, "%s", key.name);
    (void)snprintf(p.reason, sizeof p.reason, "%s", reason);
    p.in_force = hm_sha256(hm_buf_bytes(&in_force.body));
    /* A little less than the server's limit: its clock may be another one. */
    p.expires_s = hm_clock_unix_s() + (int64_t)(days * DAY_S) - 60;
    return hm_policy_proposal_write(&p, out, &c->why);
}

static enum hm_err make_body(struct cli *c, struct hm_bytes statement, struct hm_bytes document,
                             struct hm_buf *doc, struct hm_buf *body)
{
    struct cli_sign_with with;
    struct hm_key key;
    enum hm_err err = cli_sign_request_with(c, &with);
    if (err == HM_OK)
        err = cli_sign(&with, HM_SIGNED_POLICY_PROPOSAL, statement, doc, &key, &c->why);
    if (err != HM_OK)
        return err;
    hm_buf_puts(body, "{\"policy\":");
    hm_json_canon_str(body, document);
    hm_buf_puts(body, ",\"proposal\":");
    hm_json_canon_str(body, hm_buf_bytes(doc));
    hm_buf_putc(body, '}');
    return hm_buf_err(body);
}

static enum hm_err propose(struct cli *c)
{
    HM_BUF_AUTO document = {.limit = HM_POLICY_MAX + 1};
    HM_BUF_AUTO statement = {.limit = HM_STATEMENT_MAX};
    HM_BUF_AUTO doc = {.limit = HM_SIGNED_MAX};
    HM_BUF_AUTO body = {.limit = HM_BODY_MAX};
    CLI_ACK_AUTO ack = {.state = ""};
    const char *file = c->args.operand[0];
    enum hm_err err = cli_read(file, HM_POLICY_MAX, &document, &c->why);
    if (err == HM_OK)
        err = check_document(c, file, hm_buf_bytes(&document));
    if (err == HM_OK)
        err = write_statement(c, hm_buf_bytes(&document), &statement);
    if (err == HM_OK)
        err = make_body(c, hm_buf_bytes(&statement), hm_buf_bytes(&document), &doc, &body);
    if (err == HM_OK)
        err = cli_post_document(c, "/v1/policy/proposals", hm_buf_bytes(&body),
                                HM_EV_POLICY_PROPOSED, CLI_ANY_RELEASE, hm_buf_bytes(&doc), &ack);
    if (err != HM_OK)
        return err;
    const struct hm_record *r = &ack.rec.record;
    struct hm_digest d = hm_sha256(hm_buf_bytes(&document));
    if (r->evidence_count < 2 || !hm_digest_eq(&r->evidence[1], &d))
        return hm_fail(&c->why, HM_E_DENIED, "the proven record names another policy document");
    cli_ack_report(c, &ack);
    if (!c->term.json)
        cli_note(c, "next, each administrator: hallmark policy approve %llu",
                 (unsigned long long)r->idx);
    return HM_OK;
}

static int run(struct cli *c)
{
    return cli_end(c, propose(c));
}

const struct cli_command cli_cmd_policy_propose = {
    .name = "policy propose",
    .summary = "propose another policy, as an administrator",
    .usage = "FILE --reason TEXT [--days N]",
    .example = "  hallmark policy propose policy.json --reason 'Carol joins the release managers'",
    .opts = opts,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
