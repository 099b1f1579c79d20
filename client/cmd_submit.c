/* hallmark submit: artifacts and attestations become a signed release request; "recorded" is said
 * only after the record of exactly this request was proven. */
#include "client/cli_oidc.h"
#include "client/cli_release.h"
#include "client/cli_sign.h"
#include "client/cli_submit.h"
#include "schema/json/hm_json_canon.h"

#include <inttypes.h>
#include <string.h>

static const struct cli_opt opts[] = {
    {"product", "NAME", "product", false},
    {"version", "VERSION", "begins with a dotted decimal: 2.1.0, 2.1.0-rc1", false},
    {"channel", "NAME", "channel", false},
    {"environment", "NAME", "only rules for it decide: development, staging or production", false},
    {"hardware", "MODEL/REVISION", "hardware it is for", true},
    {"region", "NAME", "region it is for", true},
    {"artifact", "FILE[:NAME[:SLOT]]", "image; the name defaults to the file's", true},
    {"attestation", "FILE", "DSSE envelope, such as SLSA provenance", true},
    {"dependency", "PRODUCT:VERSION", "a release that must have been signed before", true},
    {"use-before", "TIME", "devices do not install it afterwards (2028-01-01T00:00:00Z)", false},
    {"rollback-floor", "N", "lowest sequence number that may boot once this is confirmed", false},
    {"break-glass", "REASON", "the policy's break-glass rules decide, and everybody sees why",
     false},
    {"installed-at-least", "VERSION", "installs only over this version or a later one", false},
    {"valid-for", "SECONDS", "how long the request may be submitted, default 3600", false},
    {"request", "FILE", "a request as --dry-run wrote it, in place of the options above", false},
    {"dry-run", NULL, "write the request to stdout; send nothing", false},
    {"oidc-audience", NULL, "write the audience that a token for --request needs; send nothing",
     false},
    {"wait", "[=approved|signed]", "wait for the state, default signed", false},
    {"wait-timeout", "SECONDS", "longest wait, default 86400", false},
    {NULL, NULL, NULL, false},
};

static enum hm_err wait_target(struct cli *c, enum hm_release_state *target, unsigned *wait_s)
{
    const char *text = cli_args_get(&c->args, "wait");
    uint64_t seconds = 86400;
    *target = HM_RELEASE_NONE;
    if (!cli_args_has(&c->args, "wait"))
        return HM_OK;
    if (text == NULL || strcmp(text, "signed") == 0)
        *target = HM_RELEASE_SIGNED;
    else if (strcmp(text, "approved") == 0)
        *target = HM_RELEASE_APPROVED;
    else
        return hm_fail(&c->why, HM_E_CONFIG, "--wait: '%.20s': expected approved or signed", text);
    enum hm_err err =
        cli_args_uint(&c->args, "wait-timeout", 1, 7776000, seconds, &seconds, &c->why);
    *wait_s = (unsigned)seconds;
    return err;
}

/* {"attestations": [exact texts], "request": "exact text"} */
static enum hm_err make_body(const struct cli_submission *s, struct hm_bytes doc,
                             struct hm_buf *body, struct hm_why *why)
{
    hm_buf_puts(body, "{\"attestations\":[");
    for (size_t i = 0; i < s->request.attestation_count; i++) {
        if (i > 0)
            hm_buf_putc(body, ',');
        hm_json_canon_str(body, hm_buf_bytes(&s->attestations[i]));
    }
    hm_buf_puts(body, "],\"request\":");
    hm_json_canon_str(body, doc);
    hm_buf_putc(body, '}');
    if (hm_buf_err(body) != HM_OK)
        return hm_fail(why, HM_E_CONFIG, "request and attestations make more than %zu bytes",
                       HM_BODY_MAX);
    return HM_OK;
}

static enum hm_err sign_and_send(struct cli *c, const struct cli_submission *s, struct cli_ack *ack)
{
    HM_BUF_AUTO doc = {.limit = HM_BODY_MAX};
    HM_BUF_AUTO body = {.limit = HM_BODY_MAX};
    struct cli_sign_with with;
    struct hm_key key;
    bool token = cli_oidc_wanted(c);
    enum hm_err err = token ? cli_oidc_document(c, hm_buf_bytes(&s->payload), &doc)
                            : cli_sign_request_with(c, &with);
    if (err == HM_OK && !token)
        err = cli_sign(&with, HM_SIGNED_REQUEST, hm_buf_bytes(&s->payload), &doc, &key, &c->why);
    if (err == HM_OK)
        err = make_body(s, hm_buf_bytes(&doc), &body, &c->why);
    if (err == HM_OK)
        err = cli_submission_upload(c, s);
    if (err == HM_OK)
        err = cli_post_document(c, "/v1/releases", hm_buf_bytes(&body), HM_EV_RELEASE_SUBMITTED,
                                CLI_ANY_RELEASE, hm_buf_bytes(&doc), ack);
    cli_oidc_spent(c);
    if (err != HM_OK)
        return err;
    err = cli_submission_check(s, token, ack, &c->why);
    if (err != HM_OK)
        cli_next(c, "do not rely on this answer; hallmark log verify, and tell the log's operator");
    return err;
}

static enum hm_err wait_for(struct cli *c, uint64_t id, enum hm_release_state target,
                            unsigned wait_s)
{
    CLI_RELEASE_AUTO r = {.doc = NULL};
    if (target == HM_RELEASE_NONE)
        return HM_OK;
    if (!c->term.json)
        cli_note(c, "waiting until r%" PRIu64 " is %s", id, hm_release_state_name(target));
    enum hm_err err = cli_release_wait(c, id, target, wait_s, &r);
    if (err != HM_OK)
        return err;
    if (c->term.json)
        (void)json_dumpf(r.doc, stdout, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
    else
        (void)printf("r%" PRIu64 " is %s, says the server; hallmark show r%" PRIu64
                     " verifies its history",
                     id, hm_release_state_name(r.state), id);
    (void)putchar('\n');
    return HM_OK;
}

/* For CI systems that fix a token's audience before the job runs. */
static enum hm_err print_audience(struct cli *c, const struct cli_submission *s)
{
    HM_BUF_AUTO text = {.limit = 1024};
    enum hm_err err = cli_oidc_audience(c, hm_buf_bytes(&s->payload), &text);
    hm_buf_putc(&text, '\n');
    return err == HM_OK ? cli_write(NULL, hm_buf_bytes(&text), &c->why) : err;
}

static enum hm_err submit(struct cli *c)
{
    CLI_SUBMISSION_AUTO *s = cli_submission_new();
    CLI_ACK_AUTO ack = {.state = ""};
    enum hm_release_state target;
    unsigned wait_s = 0;
    if (s == NULL)
        return hm_fail(&c->why, HM_E_MEMORY, "out of memory");
    enum hm_err err = wait_target(c, &target, &wait_s);
    if (err == HM_OK)
        err = cli_submission_prepare(c, s);
    if (err != HM_OK) {
        if (err == HM_E_CONFIG && c->next[0] == '\0')
            cli_next(c, "hallmark submit --help");
        return err;
    }
    if (cli_args_has(&c->args, "oidc-audience"))
        return print_audience(c, s);
    if (cli_args_has(&c->args, "dry-run"))
        return cli_write(NULL, hm_buf_bytes(&s->payload), &c->why);
    err = sign_and_send(c, s, &ack);
    if (err != HM_OK)
        return err;
    cli_ack_report(c, &ack);
    (void)fflush(stdout);
    return wait_for(c, ack.rec.record.idx, target, wait_s);
}

static int run(struct cli *c)
{
    return cli_end(c, submit(c));
}

const struct cli_command cli_cmd_submit = {
    .name = "submit",
    .summary = "upload artifacts and ask for a release",
    .usage = "--product P --version V --channel C --hardware MODEL/REV... --region R...\n"
             "                       --artifact FILE... [--attestation FILE...] [OPTIONS]",
    .example = "  hallmark submit --product edge-router --version 2.1.0 --channel stable \\\n"
               "    --hardware er-100/b --region world --artifact build/firmware.bin \\\n"
               "    --attestation build/provenance.dsse.json --wait=signed",
    .opts = opts,
    .operands_min = 0,
    .operands_max = 0,
    .run = run,
};
