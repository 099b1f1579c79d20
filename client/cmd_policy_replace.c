/* hallmark policy replace: another policy comes into force by a statement of the root keys. */
#include "client/cli_proof.h"
#include "client/cli_http.h"
#include "schema/core/hm_text.h"
#include "schema/json/hm_json_canon.h"

#define STATEMENT_FILE_MAX ((size_t)32 * 1024)

static const struct cli_opt opts[] = {
    {"statement", "FILE", "policy-replacement.cbor, made by hallmark-ceremony policy", false},
    {NULL, NULL, NULL, false},
};

static enum hm_err make_body(struct cli *c, const char *statement, struct hm_bytes document,
                             struct hm_buf *body)
{
    HM_BUF_AUTO bytes = {.limit = STATEMENT_FILE_MAX + 1};
    HM_BUF_AUTO text = {.limit = 2 * STATEMENT_FILE_MAX};
    enum hm_err err = cli_read(statement, STATEMENT_FILE_MAX, &bytes, &c->why);
    if (err != HM_OK)
        return err;
    hm_base64(&text, hm_buf_bytes(&bytes));
    hm_buf_puts(body, "{\"policy\":");
    hm_json_canon_str(body, document);
    hm_buf_puts(body, ",\"statement\":");
    hm_json_canon_str(body, hm_buf_bytes(&text));
    hm_buf_putc(body, '}');
    return hm_buf_err(body);
}

static enum hm_err replace(struct cli *c)
{
    HM_BUF_AUTO document = {.limit = HM_POLICY_MAX + 1};
    HM_BUF_AUTO body = {.limit = HM_BODY_MAX};
    CLI_ACK_AUTO ack = {.state = ""};
    const char *statement = cli_args_get(&c->args, "statement");
    if (statement == NULL) {
        cli_next(c, "hallmark policy replace %s --statement policy-replacement.cbor",
                 c->args.operand[0]);
        return hm_fail(&c->why, HM_E_CONFIG, "--statement is missing");
    }
    enum hm_err err = cli_read(c->args.operand[0], HM_POLICY_MAX, &document, &c->why);
    if (err == HM_OK)
        err = make_body(c, statement, hm_buf_bytes(&document), &body);
    if (err == HM_OK) /* the record's evidence 0 is the new policy */
        err = cli_post_document(c, "/v1/policy/replacement", hm_buf_bytes(&body),
                                HM_EV_POLICY_ACTIVATED, CLI_ANY_RELEASE, hm_buf_bytes(&document),
                                &ack);
    if (err == HM_OK)
        cli_ack_report(c, &ack);
    return err;
}

static int run(struct cli *c)
{
    return cli_end(c, replace(c));
}

const struct cli_command cli_cmd_policy_replace = {
    .name = "policy replace",
    .summary = "replace the policy with a statement of the root keys",
    .usage = "FILE --statement FILE",
    .example = "  hallmark policy replace policy.json --statement policy-replacement.cbor",
    .opts = opts,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
