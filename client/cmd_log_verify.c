/* hallmark log verify: the whole log over HTTP, an exported file, a backup of the database, or one
 * proof; all under the pinned log key. With --deep every intention is judged again. */
#include "client/cli_checkpoint.h"
#include "client/cli_deep.h"
#include "client/cli_entries.h"
#include "client/cli_proof.h"
#include "client/cli_replay.h"
#include "db/log/db_log.h"

#include <inttypes.h>
#include <string.h>

static const struct cli_opt opts[] = {
    {"file", "FILE", "verify an export, offline", false},
    {"checkpoint", "FILE", "the signed checkpoint that belongs to --file", false},
    {"proof", "FILE", "verify one .tlog-proof file, offline", false},
    {"deep", NULL, "judge every intention again, from the evidence", false},
    {"database", "FILE", "verify a backup of the log's database, offline", false},
    {"client-ca", "FILE",
     "--deep: issuer of the certificates that sign requests (default: the "
     "server's CA)",
     false},
    {"jwks", "ISSUER=FILE", "--deep: keys of a token issuer, to check its tokens by", true},
    {NULL, NULL, NULL, false},
};

/* Everything that one run needs. */
struct run {
    struct cli_replay replay;
    struct cli_deep *deep;
    struct cli_deep_walk walk;
    struct cli_deep_sums sums;
    struct hm_buf client_ca;
    struct cli_deep_issuers issuers;
    struct cli_pins pins;
    struct db_reader *reader;
};

static void free_run(struct run *r)
{
    cli_replay_free(&r->replay);
    cli_deep_close(r->deep);
    hm_buf_free(&r->client_ca);
    cli_deep_issuers_free(&r->issuers);
    db_reader_close(r->reader);
}

static void report_json(const struct run *n, const char *origin)
{
    const struct cli_replay *r = &n->replay;
    (void)printf("{\"verified\":%s,\"origin\":\"%s\",\"size\":%" PRIu64
                 ",\"releases\":%zu,\"results\":%" PRIu64 ",\"open_intentions\":%zu",
                 n->sums.fault_count == 0 ? "true" : "false", origin, r->frontier.size,
                 r->release_count, r->results, cli_replay_open_intents(r));
    if (n->deep != NULL) {
        (void)fputs(",\"deep\":", stdout);
        cli_deep_json(&n->sums, stdout);
    }
    (void)puts("}");
}

static void report(const struct cli *c, const struct run *n, const char *origin)
{
    const struct cli_replay *r = &n->replay;
    size_t open = cli_replay_open_intents(r);
    if (c->term.json) {
        report_json(n, origin);
        return;
    }
    if (n->deep != NULL)
        cli_deep_report(c, &n->sums);
    if (n->sums.fault_count > 0)
        return;
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

static enum hm_err verify_http(struct cli *c, const struct hm_vkey *key, struct run *n)
{
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX + 1};
    struct hm_checkpoint now, seen;
    enum hm_err err = cli_checkpoint_seen(c, key, &seen);
    if (err == HM_OK)
        err = cli_checkpoint_fetch(c, key, &note, &now);
    if (err != HM_OK)
        return err;
    cli_replay_expect(&n->replay, &seen);
    n->walk.size = now.size;
    err = cli_entries_all(c, now.size, cli_deep_record, &n->walk);
    cli_deep_walked(&n->walk);
    if (err == HM_OK)
        err = cli_replay_end(&n->replay, &now, &c->why);
    return err == HM_OK ? cli_checkpoint_keep(c, &seen, &now, hm_buf_bytes(&note)) : err;
}

/* The last checkpoint in the file counts: what stands behind it nobody has signed for. */
static enum hm_err verify_database(struct cli *c, const struct hm_vkey *key, struct run *n)
{
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX + 1};
    struct hm_checkpoint now;
    uint64_t size = 0;
    enum hm_err err = db_reader_last_checkpoint(n->reader, &size, &note, &c->why);
    if (err == HM_OK)
        err = hm_checkpoint_open(hm_buf_bytes(&note), key, &now, &c->why);
    if (err != HM_OK)
        return hm_fail_in(&c->why, err, "checkpoint");
    err = cli_deep_walk_file(n->reader, now.size, &n->walk, &c->why);
    cli_deep_walked(&n->walk);
    return err == HM_OK ? cli_replay_end(&n->replay, &now, &c->why) : err;
}

static enum hm_err verify_file(struct cli *c, const struct hm_vkey *key, struct run *n)
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
    err = cli_entries_file(in, cli_deep_record, &n->walk, &c->why);
    (void)fclose(in);
    return err == HM_OK ? cli_replay_end(&n->replay, &now, &c->why) : err;
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

static enum hm_err on_broken(void *ctx, const struct hm_record *r, const char *text,
                             struct hm_why *why)
{
    return cli_deep_broken(ctx, r, text, why);
}

/* What the auditor brings along: the issuer of client certificates, and root keys where some are
 * pinned. */
static enum hm_err open_deep(struct cli *c, const struct hm_vkey *key, struct run *n)
{
    const char *ca = cli_args_get(&c->args, "client-ca");
    enum hm_err err = HM_OK;
    if (cli_args_has(&c->args, "file"))
        return hm_fail(&c->why, HM_E_CONFIG,
                       "--deep: an export holds no evidence; ask the server, or give --database");
    if (ca == NULL && c->set.ca[0] != '\0')
        ca = c->set.ca;
    n->client_ca.limit = HM_CONFIG_MAX + 1;
    if (ca != NULL)
        err = cli_read(ca, HM_CONFIG_MAX, &n->client_ca, &c->why);
    if (err == HM_OK)
        err = cli_deep_issuers_read(c, &n->issuers);
    bool pinned = c->set.trust_store[0] != '\0' || c->set.root_key_count > 0;
    if (err == HM_OK && pinned)
        err = cli_pins_load(c, &n->pins);
    if (err != HM_OK)
        return err;
    const struct cli_deep_input in = {
        .log_key = key,
        .client_ca = hm_buf_bytes(&n->client_ca),
        .issuers = &n->issuers,
        .roots = pinned ? &n->pins : NULL,
        .fetch = n->reader != NULL ? cli_deep_fetch_file : cli_deep_fetch_http,
        .ctx = n->reader != NULL ? (void *)n->reader : (void *)c,
    };
    err = cli_deep_open(&in, &n->deep, &c->why);
    n->replay.broken = on_broken;
    n->replay.ctx = n->deep;
    return err;
}

static enum hm_err prepare(struct cli *c, const struct hm_vkey *key, struct run *n)
{
    const char *database = cli_args_get(&c->args, "database");
    enum hm_err err = HM_OK;
    if (database != NULL && cli_args_has(&c->args, "file"))
        return hm_fail(&c->why, HM_E_CONFIG, "--file and --database: one of them");
    cli_replay_begin(&n->replay, key->name);
    if (database != NULL)
        err = db_reader_open(database, &n->reader, &c->why);
    if (err == HM_OK && cli_args_has(&c->args, "deep"))
        err = open_deep(c, key, n);
    n->walk = (struct cli_deep_walk){.c = c, .replay = &n->replay, .deep = n->deep};
    return err;
}

static enum hm_err conclude(struct cli *c, const struct hm_vkey *key, struct run *n)
{
    if (n->deep != NULL)
        cli_deep_sums(n->deep, &n->sums);
    report(c, n, key->name);
    if (n->sums.fault_count == 0)
        return HM_OK;
    const struct cli_deep_fault *f = &n->sums.faults[0];
    return hm_fail(&c->why, HM_E_DENIED,
                   "%" PRIu64 " of %" PRIu64 " intentions do not hold, %zu faults; the first in "
                   "record %" PRIu64 ": %s: %.300s",
                   n->sums.faulty, n->sums.intentions, n->sums.fault_count, f->record,
                   cli_deep_kind_name(f->kind), f->text);
}

static enum hm_err verify(struct cli *c, struct run *n)
{
    struct hm_vkey key;
    const char *proof = cli_args_get(&c->args, "proof");
    enum hm_err err = cli_log_key(c, &key);
    if (err != HM_OK)
        return err;
    if (proof != NULL)
        return verify_proof(c, &key, proof);
    err = prepare(c, &key, n);
    if (err == HM_OK)
        err = n->reader != NULL                ? verify_database(c, &key, n)
              : cli_args_has(&c->args, "file") ? verify_file(c, &key, n)
                                               : verify_http(c, &key, n);
    if (err == HM_OK)
        err = conclude(c, &key, n);
    if (err != HM_OK && cli_exit_of(err) == CLI_EXIT_REFUSED && c->next[0] == '\0')
        cli_next(c, "keep what you have; tell the log's operator and the other auditors");
    return err;
}

static int run(struct cli *c)
{
    __attribute__((cleanup(free_run))) struct run n = {.deep = NULL};
    return cli_end(c, verify(c, &n));
}

const struct cli_command cli_cmd_log_verify = {
    .name = "log verify",
    .summary = "replay and verify the log, an export, or one proof",
    .usage = "[--deep] [--database FILE | --file FILE --checkpoint FILE | --proof FILE]",
    .example = "  hallmark log verify\n"
               "  hallmark log verify --deep --client-ca clients.pem\n"
               "  hallmark log verify --file log.jsonl --checkpoint checkpoint.txt",
    .opts = opts,
    .operands_min = 0,
    .operands_max = 0,
    .run = run,
};
