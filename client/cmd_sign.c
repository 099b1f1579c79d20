/* hallmark sign: ask for the signature of an approved release and verify what comes back. */
#include "client/cli_proof.h"
#include "client/cli_release.h"
#include "schema/cose/hm_authwrap.h"

#include <inttypes.h>

static const struct cli_opt opts[] = {
    {"wait", "[=SECONDS]", "wait until the release is approved, default 86400 s", false},
    {NULL, NULL, NULL, false},
};

static enum hm_err wait_for_approval(struct cli *c, uint64_t id)
{
    CLI_RELEASE_AUTO r = {.doc = NULL};
    uint64_t seconds = 86400;
    if (!cli_args_has(&c->args, "wait"))
        return HM_OK;
    enum hm_err err = HM_OK;
    if (cli_args_get(&c->args, "wait") != NULL)
        err = cli_args_uint(&c->args, "wait", 1, 7776000, seconds, &seconds, &c->why);
    if (err == HM_OK)
        err = cli_release_wait(c, id, HM_RELEASE_APPROVED, (unsigned)seconds, &r);
    return err;
}

/* The envelope in the answer is the one that the proven record names, over the manifest it names.
 */
static enum hm_err check_envelope(const struct cli_ack *a, struct hm_why *why)
{
    const struct hm_record *r = &a->rec.record;
    struct hm_auth_view view;
    enum hm_err err = hm_auth_parse(hm_buf_bytes(&a->envelope), true, &view, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "the envelope in the answer");
    if (!r->has_manifest || !hm_digest_eq(&view.digest, &r->manifest))
        return hm_fail(why, HM_E_DENIED,
                       "the envelope holds another manifest than the record names");
    struct hm_digest d = hm_sha256(hm_buf_bytes(&a->envelope));
    if (r->evidence_count < 1 || !hm_digest_eq(&d, &r->evidence[0]))
        return hm_fail(why, HM_E_DENIED, "the envelope is not the one that the record names");
    return HM_OK;
}

static enum hm_err sign(struct cli *c)
{
    char path[96];
    uint64_t id;
    CLI_ACK_AUTO ack = {.state = ""};
    enum hm_err err = cli_release_operand(c, &id);
    if (err == HM_OK)
        err = wait_for_approval(c, id);
    if (err != HM_OK)
        return err;
    (void)snprintf(path, sizeof path, "/v1/releases/r%" PRIu64 "/signature", id);
    err = cli_post_document(c, path, hm_bytes_str("{}"), HM_EV_RELEASE_SIGNED, id,
                            (struct hm_bytes){NULL, 0}, &ack);
    if (err == HM_E_STATE && c->next[0] == '\0')
        cli_next(c, "hallmark show r%" PRIu64, id);
    if (err == HM_OK)
        err = check_envelope(&ack, &c->why);
    if (err != HM_OK)
        return err;
    cli_ack_report(c, &ack);
    if (!c->term.json)
        cli_note(c, "next: hallmark bundle r%" PRIu64 " --out DIR", id);
    return HM_OK;
}

static int run(struct cli *c)
{
    return cli_end(c, sign(c));
}

const struct cli_command cli_cmd_sign = {
    .name = "sign",
    .summary = "have an approved release signed",
    .usage = "RELEASE [--wait[=SECONDS]]",
    .example = "  hallmark sign r17 --wait",
    .opts = opts,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
