/* hallmark log verify: the whole log over HTTP, an exported file, or one proof; all under the
 * pinned log key. */
#include "client/cli_checkpoint.h"
#include "client/cli_entries.h"
#include "client/cli_proof.h"
#include "client/cli_replay.h"

#include <inttypes.h>
#include <string.h>

static const struct cli_opt opts[] = {
    {"file", "FILE", "verify an export, offline", false},
    {"checkpoint", "FILE", "the signed checkpoint that belongs to --file", false},
    {"proof", "FILE", "verify one .tlog-proof file, offline", false},
    {NULL, NULL, NULL, false},
};

static enum hm_err on_record(void *ctx, struct hm_bytes record, struct hm_why *why)
{
    return cli_replay_add(ctx, record, why);
}

static void report(const struct cli *c, const struct cli_replay *r, const char *origin)
{
    size_t open = cli_replay_open_intents(r);
    if (c->term.json) {
        (void)printf("{\"verified\":true,\"origin\":\"%s\",\"size\":%" PRIu64
                     ",\"releases\":%zu,\"results\":%" PRIu64 ",\"open_intentions\":%zu}\n",
                     origin, r->frontier.size, r->release_count, r->results, open);
        return;
    }
    (void)printf(
        "%sverified%s %s: %" PRIu64 " records, %zu releases, %" PRIu64 " results of signing\n",
        cli_term_style(c->term.color_out, CLI_GOOD), cli_term_style(c->term.color_out, CLI_PLAIN),
        origin, r->frontier.size, r->release_count, r->results);
    (void)printf("  chain, times, states, sequence numbers, intentions and results hold;\n"
                 "  the root is the one in the signed checkpoint%s\n",
                 r->seen_held ? ", and the log extends the checkpoint seen before" : "");
    if (open > 0)
        (void)printf("  %zu intentions have no result yet: signing may be running\n", open);
}

static enum hm_err verify_http(struct cli *c, const struct hm_vkey *key, struct cli_replay *r)
{
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX + 1};
    struct hm_checkpoint now, seen;
    enum hm_err err = cli_checkpoint_seen(c, key, &seen);
    if (err == HM_OK)
        err = cli_checkpoint_fetch(c, key, &note, &now);
    if (err != HM_OK)
        return err;
    cli_replay_expect(r, &seen);
    err = cli_entries_all(c, now.size, on_record, r);
    if (err == HM_OK)
        err = cli_replay_end(r, &now, &c->why);
    return err == HM_OK ? cli_checkpoint_keep(c, &seen, &now, hm_buf_bytes(&note)) : err;
}

static enum hm_err verify_file(struct cli *c, const struct hm_vkey *key, struct cli_replay *r)
{
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX + 1};
    struct hm_checkpoint now;
    const char *path = cli_args_get(&c->args, "file");
    const char *checkpoint = cli_args_get(&c->args, "checkpoint");
    if (checkpoint == NULL) {
        cli_next(c, "hallmark log verify --file %.200s --checkpoint FILE", path);
        return hm_fail(&c->why, HM_E_CONFIG,
                       "--checkpoint is missing: records alone prove nothing");
    }
    enum hm_err err = cli_read(checkpoint, HM_CHECKPOINT_MAX, &note, &c->why);
    if (err == HM_OK)
        err = hm_checkpoint_open(hm_buf_bytes(&note), key, &now, &c->why);
    if (err != HM_OK)
        return hm_fail_in(&c->why, err, "checkpoint");
    FILE *in = fopen(path, "re");
    if (in == NULL)
        return hm_fail(&c->why, HM_E_IO, "%.300s: cannot open", path);
    err = cli_entries_file(in, on_record, r, &c->why);
    (void)fclose(in);
    return err == HM_OK ? cli_replay_end(r, &now, &c->why) : err;
}

static enum hm_err verify_proof(struct cli *c, const struct hm_vkey *key, const char *path)
{
    HM_BUF_AUTO text = {.limit = HM_TLOG_PROOF_MAX + 1};
    CLI_RECORD_AUTO r = {.leaf = {{0}}};
    enum hm_err err = cli_read(path, HM_TLOG_PROOF_MAX, &text, &c->why);
    if (err == HM_OK)
        err = cli_record_open(hm_buf_bytes(&text), key, &r, &c->why);
    if (err != HM_OK)
        return hm_fail_in(&c->why, err, "%.200s", path);
    if (c->term.json) {
        (void)printf("{\"verified\":true,\"index\":%" PRIu64 ",\"log_size\":%" PRIu64
                     ",\"record\":",
                     r.record.idx, r.checkpoint.size);
        (void)fwrite(r.bytes.data, 1, r.bytes.len, stdout);
        (void)puts("}");
        return HM_OK;
    }
    (void)printf("verified: record %" PRIu64 " (%s) is in %s of size %" PRIu64 "\n", r.record.idx,
                 hm_event_name(r.record.event), r.checkpoint.origin, r.checkpoint.size);
    (void)fwrite(r.bytes.data, 1, r.bytes.len, stdout);
    (void)putchar('\n');
    return HM_OK;
}

static enum hm_err verify(struct cli *c, struct cli_replay *r)
{
    struct hm_vkey key;
    const char *proof = cli_args_get(&c->args, "proof");
    enum hm_err err = cli_log_key(c, &key);
    if (err != HM_OK)
        return err;
    if (proof != NULL)
        return verify_proof(c, &key, proof);
    cli_replay_begin(r, key.name);
    err = cli_args_has(&c->args, "file") ? verify_file(c, &key, r) : verify_http(c, &key, r);
    if (err == HM_OK)
        report(c, r, key.name);
    else if (cli_exit_of(err) == CLI_EXIT_REFUSED && c->next[0] == '\0')
        cli_next(c, "keep what you have; tell the log's operator and the other auditors");
    return err;
}

static int run(struct cli *c)
{
    CLI_REPLAY_AUTO r = {.release_count = 0};
    return cli_end(c, verify(c, &r));
}

const struct cli_command cli_cmd_log_verify = {
    .name = "log verify",
    .summary = "replay and verify the log, an export, or one proof",
    .usage = "[--file FILE --checkpoint FILE | --proof FILE]",
    .example = "  hallmark log verify\n"
               "  hallmark log verify --file log.jsonl --checkpoint checkpoint.txt",
    .opts = opts,
    .operands_min = 0,
    .operands_max = 0,
    .run = run,
};
