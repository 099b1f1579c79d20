/* hallmark log export: every record, one per line, exact bytes, replayed while it is written. */
#include "client/cli_checkpoint.h"
#include "client/cli_entries.h"
#include "client/cli_replay.h"
#include "schema/io/hm_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct cli_opt opts[] = {
    {"out", "FILE", "file for the records; without it stdout", false},
    {"checkpoint", "FILE", "also write the checkpoint they were verified against", false},
    {NULL, NULL, NULL, false},
};

struct export
{
    struct cli_replay replay;
    FILE *out;
};

static enum hm_err on_record(void *ctx, struct hm_bytes record, struct hm_why *why)
{
    struct export *e = ctx;
    enum hm_err err = cli_replay_add(&e->replay, record, why);
    if (err != HM_OK)
        return err;
    if (fwrite(record.data, 1, record.len, e->out) != record.len || putc('\n', e->out) == EOF)
        return hm_fail_errno(why, errno, "cannot write the export");
    return HM_OK;
}

static enum hm_err transfer(struct cli *c, struct export *e, struct hm_buf *note)
{
    struct hm_vkey key;
    struct hm_checkpoint now, seen;
    enum hm_err err = cli_log_key(c, &key);
    if (err == HM_OK)
        err = cli_checkpoint_seen(c, &key, &seen);
    if (err == HM_OK)
        err = cli_checkpoint_fetch(c, &key, note, &now);
    if (err != HM_OK)
        return err;
    cli_replay_begin(&e->replay, key.name);
    cli_replay_expect(&e->replay, &seen);
    err = cli_entries_all(c, now.size, on_record, e);
    if (err == HM_OK)
        err = cli_replay_end(&e->replay, &now, &c->why);
    if (err == HM_OK && (fflush(e->out) != 0 || ferror(e->out)))
        err = hm_fail(&c->why, HM_E_IO, "cannot write the export");
    return err == HM_OK ? cli_checkpoint_keep(c, &seen, &now, hm_buf_bytes(note)) : err;
}

/* The file gets its name only when everything verified. */
static enum hm_err to_file(struct cli *c, struct export *e, const char *path, struct hm_buf *note)
{
    char tmp[CLI_PATH_MAX];
    if (snprintf(tmp, sizeof tmp, "%s.partial-XXXXXX", path) >= (int)sizeof tmp)
        return hm_fail(&c->why, HM_E_CONFIG, "--out: path too long");
    int fd = mkostemp(tmp, O_CLOEXEC);
    e->out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (e->out == NULL) {
        hm_close_fd(&fd);
        (void)hm_fail_errno(&c->why, errno, "%.300s: cannot create", path);
        return HM_E_IO;
    }
    enum hm_err err = transfer(c, e, note);
    if (err == HM_OK && (fchmod(fileno(e->out), 0644) != 0 || fsync(fileno(e->out)) != 0))
        err = hm_fail_errno(&c->why, errno, "%.300s: cannot sync", tmp);
    if (fclose(e->out) != 0 && err == HM_OK)
        err = hm_fail(&c->why, HM_E_IO, "%.300s: cannot write", tmp);
    if (err == HM_OK && rename(tmp, path) != 0)
        err = hm_fail_errno(&c->why, errno, "%.300s: cannot rename", path);
    if (err != HM_OK)
        (void)unlink(tmp);
    return err;
}

static enum hm_err export_log(struct cli *c, struct export *e)
{
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX + 1};
    const char *path = cli_args_get(&c->args, "out");
    const char *checkpoint = cli_args_get(&c->args, "checkpoint");
    e->out = stdout;
    enum hm_err err = path != NULL ? to_file(c, e, path, &note) : transfer(c, e, &note);
    if (err == HM_OK && checkpoint != NULL)
        err = cli_write(checkpoint, hm_buf_bytes(&note), &c->why);
    if (err != HM_OK) {
        if (path == NULL)
            cli_note(c, "what was written so far is NOT verified");
        return err;
    }
    cli_note(c,
             "%" PRIu64 " records: chain, root and results verified against the signed checkpoint",
             e->replay.frontier.size);
    return HM_OK;
}

static int run(struct cli *c)
{
    struct export e = {.out = NULL};
    int code = cli_end(c, export_log(c, &e));
    cli_replay_free(&e.replay);
    return code;
}

const struct cli_command cli_cmd_log_export = {
    .name = "log export",
    .summary = "write every record, verified, one per line",
    .usage = "[--out FILE] [--checkpoint FILE]",
    .example = "  hallmark log export --out log.jsonl --checkpoint checkpoint.txt",
    .opts = opts,
    .operands_min = 0,
    .operands_max = 0,
    .run = run,
};
