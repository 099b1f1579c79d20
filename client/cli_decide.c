#include "client/cli_decide.h"

#include "client/cli_approval_key.h"
#include "client/cli_sign.h"

#include <inttypes.h>
#include <string.h>

const struct cli_opt cli_decide_opts[] = {
    {"reason", "TEXT", "why, on one line of at most 500 bytes; stands in the log's evidence",
     false},
    {"agent", "[=FINGERPRINT]", "sign with a key in the SSH agent", false},
    {"yes", NULL, "do not ask; needed where there is no terminal", false},
    {NULL, NULL, NULL, false},
};

static enum hm_err signing_with(struct cli *c, struct cli_sign_with *out)
{
    if (!cli_args_has(&c->args, "agent"))
        return cli_sign_request_with(c, out);
    *out = (struct cli_sign_with){CLI_SIGN_AGENT, cli_args_get(&c->args, "agent"), NULL};
    return HM_OK;
}

static enum hm_err make_decision(struct cli *c, enum hm_signed_kind kind, uint64_t release,
                                 struct hm_buf *text)
{
    CLI_RECORD_AUTO rec = {.leaf = {{0}}};
    struct hm_decision d = {.kind = kind, .release = release};
    const char *reason = NULL;
    enum hm_err err = cli_args_reason(&c->args, "reason", &reason, &c->why);
    if (err != HM_OK)
        return err;
    if (reason == NULL) {
        cli_next(c, "hallmark %s %s --reason TEXT", c->command->name, c->args.operand[0]);
        return hm_fail(&c->why, HM_E_CONFIG, "--reason is missing");
    }
    err = cli_record_fetch(c, release, &rec);
    if (err == HM_OK && rec.record.event != HM_EV_RELEASE_SUBMITTED) {
        cli_next(c, "hallmark list");
        err = hm_fail(&c->why, HM_E_NOT_FOUND, "record %" PRIu64 " is %s, not a submission",
                      release, hm_event_name(rec.record.event));
    }
    if (err != HM_OK)
        return err;
    d.submitted = rec.leaf;
    (void)snprintf(d.origin, sizeof d.origin, "%s", rec.checkpoint.origin);
    (void)snprintf(d.reason, sizeof d.reason, "%s", reason);
    if (!c->term.json)
        cli_note(c, "%s of r%" PRIu64 ": %s %s for channel %s", c->command->name, release,
                 rec.record.product, rec.record.version, rec.record.channel);
    return hm_decision_write(&d, text, &c->why);
}

static enum hm_err decide(struct cli *c, enum hm_signed_kind kind, const char *resource,
                          enum hm_event event)
{
    char path[96];
    uint64_t release;
    struct cli_sign_with with;
    struct hm_key key;
    HM_BUF_AUTO text = {.limit = HM_SIGNED_MAX};
    HM_BUF_AUTO doc = {.limit = HM_SIGNED_MAX * 2};
    CLI_ACK_AUTO ack = {.state = ""};
    enum hm_err err = cli_release_operand(c, &release);
    if (err == HM_OK)
        err = signing_with(c, &with);
    if (err == HM_OK)
        err = make_decision(c, kind, release, &text);
    if (err == HM_OK)
        err = cli_approval_confirm(c, "This ends the release. Type yes:");
    if (err == HM_OK)
        err = cli_sign(&with, kind, hm_buf_bytes(&text), &doc, &key, &c->why);
    if (err != HM_OK)
        return err;
    (void)snprintf(path, sizeof path, "/v1/releases/r%" PRIu64 "/%s", release, resource);
    err = cli_post_document(c, path, hm_buf_bytes(&doc), event, release, hm_buf_bytes(&doc), &ack);
    if (err == HM_OK)
        cli_ack_report(c, &ack);
    return err;
}

int cli_decide(struct cli *c, enum hm_signed_kind kind, const char *resource, enum hm_event event)
{
    return cli_end(c, decide(c, kind, resource, event));
}
