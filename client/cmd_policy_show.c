/* hallmark policy show: the policy in force, held against the record that activated it. */
#include "client/cli_entries.h"
#include "client/cli_http.h"
#include "client/cli_policy.h"
#include "client/cli_proof.h"

#include <inttypes.h>

static const struct cli_opt opts[] = {
    {"out", "FILE", "write the exact document there too", false},
    {NULL, NULL, NULL, false},
};

static enum hm_err on_record(void *ctx, struct hm_bytes record, struct hm_why *why)
{
    struct hm_record r;
    enum hm_err err = hm_record_parse(record, &r, why);
    if (err == HM_OK)
        *(uint64_t *)ctx = r.idx;
    return err;
}

/* The newest policy.activated, or log.created; its evidence must be this document. */
static enum hm_err check_activation(struct cli *c, const struct hm_digest *digest, uint64_t *idx)
{
    CLI_RECORD_AUTO r = {.leaf = {{0}}};
    uint64_t at = 0;
    enum hm_err err =
        cli_entries(c, "/v1/log/entries?event=policy.activated&order=desc", 1, on_record, &at);
    if (err == HM_OK)
        err = cli_record_fetch(c, at, &r);
    if (err != HM_OK)
        return err;
    size_t n = r.record.event == HM_EV_LOG_CREATED ? 2 : 0;
    bool kind = r.record.event == HM_EV_LOG_CREATED || r.record.event == HM_EV_POLICY_ACTIVATED;
    if (!kind || r.record.evidence_count <= n || !hm_digest_eq(&r.record.evidence[n], digest))
        return hm_fail(
            &c->why, HM_E_DENIED,
            "the policy the server sent is not the one that record %" PRIu64 " put into force", at);
    *idx = at;
    return HM_OK;
}

static enum hm_err show(struct cli *c)
{
    CLI_ANSWER_AUTO a = {.status = 0};
    uint64_t idx = 0;
    const char *out = cli_args_get(&c->args, "out");
    enum hm_err err = cli_http_get(c, "/v1/policy", NULL, HM_POLICY_MAX, &a);
    if (err != HM_OK)
        return err;
    struct hm_digest d = hm_sha256(hm_buf_bytes(&a.body));
    err = check_activation(c, &d, &idx);
    if (err == HM_OK && out != NULL)
        err = cli_write(out, hm_buf_bytes(&a.body), &c->why);
    if (err == HM_OK)
        err = cli_policy_print(c, "/v1/policy", hm_buf_bytes(&a.body));
    if (err == HM_OK)
        cli_note(c, "in force since record %" PRIu64 ", proven under the pinned log key", idx);
    return err;
}

static int run(struct cli *c)
{
    return cli_end(c, show(c));
}

const struct cli_command cli_cmd_policy_show = {
    .name = "policy show",
    .summary = "show the policy in force",
    .usage = "[--out FILE]",
    .example = "  hallmark policy show --out policy.json",
    .opts = opts,
    .operands_min = 0,
    .operands_max = 0,
    .run = run,
};
