/* hallmark log checkpoint: the newest signed checkpoint, held against the last one this user saw.
 */
#include "client/cli_checkpoint.h"
#include "schema/core/hm_text.h"

#include <inttypes.h>

static const struct cli_opt opts[] = {
    {"out", "FILE", "write the checkpoint there in place of stdout", false},
    {NULL, NULL, NULL, false},
};

static enum hm_err checkpoint(struct cli *c)
{
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX + 1};
    struct hm_checkpoint now, seen;
    struct hm_vkey key;
    enum hm_err err = cli_log_key(c, &key);
    if (err == HM_OK)
        err = cli_checkpoint_renew(c, &key, &note, &now, &seen);
    if (err == HM_OK)
        err = cli_write(cli_args_get(&c->args, "out"), hm_buf_bytes(&note), &c->why);
    if (err != HM_OK)
        return err;
    if (seen.size == 0)
        cli_note(c, "size %" PRIu64 ", signature verified; the first checkpoint kept here",
                 now.size);
    else
        cli_note(c,
                 "size %" PRIu64 ", signature verified; extends the checkpoint of size %" PRIu64
                 " seen before",
                 now.size, seen.size);
    return HM_OK;
}

static int run(struct cli *c)
{
    return cli_end(c, checkpoint(c));
}

const struct cli_command cli_cmd_log_checkpoint = {
    .name = "log checkpoint",
    .summary = "fetch the newest checkpoint and hold it against the last one seen",
    .usage = "[--out FILE]",
    .example = "  hallmark log checkpoint --out checkpoint.txt",
    .opts = opts,
    .operands_min = 0,
    .operands_max = 0,
    .run = run,
};
