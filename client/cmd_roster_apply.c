/* hallmark roster apply: sends a list with its signatures. Recorded, and handed to the signer. */
#include "client/cli_approval_key.h"
#include "client/cli_proof.h"
#include "client/cli_roster.h"
#include "schema/json/hm_json_canon.h"

#include <stdlib.h>

static const struct cli_opt opts[] = {
    {"signature", "FILE", "a document that hallmark roster sign wrote", true},
    {NULL, NULL, NULL, false},
};

static enum hm_err make_body(struct cli *c, const struct hm_roster *r, struct hm_bytes statement,
                             struct hm_buf *body)
{
    char key[HM_SHA256_HEX];
    hm_digest_hex(&r->key, key);
    hm_buf_printf(body, "{\"key\":\"%s\",\"signatures\":", key);
    enum hm_err err = cli_put_signatures(c, body);
    hm_buf_puts(body, ",\"statement\":");
    hm_json_canon_str(body, statement);
    hm_buf_putc(body, '}');
    return err == HM_OK ? hm_buf_err(body) : err;
}

static enum hm_err apply(struct cli *c)
{
    HM_BUF_AUTO text = {.limit = HM_STATEMENT_MAX + 1};
    HM_BUF_AUTO body = {.limit = HM_BODY_MAX};
    HM_FREE struct hm_roster *r = calloc(1, sizeof *r);
    CLI_ACK_AUTO ack = {.state = ""};
    if (r == NULL)
        return hm_fail(&c->why, HM_E_MEMORY, "out of memory");
    enum hm_err err = cli_read(c->args.operand[0], HM_STATEMENT_MAX, &text, &c->why);
    if (err == HM_OK)
        err = hm_roster_parse(hm_buf_bytes(&text), r, &c->why);
    if (err == HM_OK)
        err = make_body(c, r, hm_buf_bytes(&text), &body);
    if (err == HM_OK) /* evidence 0 is the statement */
        err = cli_post_document(c, "/v1/rosters", hm_buf_bytes(&body), HM_EV_ROSTER_CHANGED,
                                CLI_ANY_RELEASE, hm_buf_bytes(&text), &ack);
    if (err == HM_OK)
        cli_ack_report(c, &ack);
    return err;
}

static int run(struct cli *c)
{
    return cli_end(c, apply(c));
}

const struct cli_command cli_cmd_roster_apply = {
    .name = "roster apply",
    .summary = "put a signed list of approvers into force",
    .usage = "FILE --signature FILE...",
    .example = "  hallmark roster apply roster.txt --signature roster.dora.json "
               "--signature roster.emil.json",
    .opts = opts,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
