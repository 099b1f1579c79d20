/* hallmark log proof: one record with its proof, verified, as a .tlog-proof file. */
#include "client/cli_proof.h"
#include "schema/core/hm_text.h"

#include <inttypes.h>

static const struct cli_opt opts[] = {
    {"out", "FILE", "write the proof there in place of stdout", false},
    {"record", NULL, "write the record's exact bytes in place of the proof", false},
    {NULL, NULL, NULL, false},
};

static enum hm_err proof(struct cli *c)
{
    CLI_RECORD_AUTO r = {.leaf = {{0}}};
    uint64_t idx;
    if (hm_decimal(hm_bytes_str(c->args.operand[0]), HM_NUMBER_MAX, &idx) != HM_OK)
        return hm_fail(&c->why, HM_E_CONFIG, "'%.40s': expected the index of a record",
                       c->args.operand[0]);
    enum hm_err err = cli_record_fetch(c, idx, &r);
    if (err != HM_OK)
        return err;
    const struct hm_buf *what = cli_args_has(&c->args, "record") ? &r.bytes : &r.text;
    err = cli_write(cli_args_get(&c->args, "out"), hm_buf_bytes(what), &c->why);
    if (err == HM_OK)
        cli_note(c,
                 "record %" PRIu64 " (%s) is in the log %s of size %" PRIu64
                 ": verified under the pinned key",
                 idx, hm_event_name(r.record.event), r.checkpoint.origin, r.checkpoint.size);
    return err;
}

static int run(struct cli *c)
{
    return cli_end(c, proof(c));
}

const struct cli_command cli_cmd_log_proof = {
    .name = "log proof",
    .summary = "fetch and verify the proof of one record",
    .usage = "INDEX [--out FILE]",
    .example = "  hallmark log proof 20 --out record-20.tlog-proof",
    .opts = opts,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
