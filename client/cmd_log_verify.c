/* hallmark log verify: the whole log over HTTP, an exported file, a backup of the database, or one
 * proof; all under the pinned log key. With --deep every intention is judged again. */
#include "client/cli_deep.h"
#include "client/cli_proof.h"
#include "client/cli_verify_http.h"
#include "client/cli_verify_report.h"
#include "db/log/db_log.h"

#include <string.h>

static const struct cli_opt opts[] = {
    {"file", "FILE", "verify an export, offline", false},
    {"checkpoint", "FILE",
     "the signed checkpoint that belongs to --file; with --database: one that was kept, which the "
     "log must extend",
     false},
    {"database", "FILE", "verify a backup of the log's database, offline", false},
    {"whole", NULL, "--database: records that no checkpoint covers are a fault", false},
    {"no-evidence", NULL, "--database: leave evidence and private detail alone", false},
    {"proof", "FILE", "verify one .tlog-proof file, offline", false},
    {"witness", "VKEY", "verifier key of a witness whose cosignatures are checked", true},
    {"witnesses-required", "N", "of them must have cosigned the newest checkpoint (default: 0)",
     false},
    {"deep", NULL, "judge every intention again, from the evidence", false},
    {"client-ca", "FILE",
     "--deep: issuer of the certificates that sign requests (default: the "
     "server's CA)",
     false},
    {"jwks", "ISSUER=FILE", "--deep: keys of a token issuer, to check its tokens by", true},
    {NULL, NULL, NULL, false},
};

/* Everything that one run needs. */
struct run {
    struct hm_vkey key;
    struct hm_cosigners witnesses;
    struct hm_checkpoint seen;
    struct cli_verify_input in;
    struct cli_verify_report report;
    struct cli_replay replay;
    struct cli_deep *deep;
    struct cli_deep_walk walk;
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

/* ---- what is verified ---- */

static void begin_walk(void *walk, uint64_t size)
{
    ((struct cli_deep_walk *)walk)->size = size;
}

static enum hm_err verify_http(struct cli *c, struct run *n)
{
    const struct cli_verify_http deep = {cli_deep_record, begin_walk, &n->walk};
    const struct cli_verify_http plain = {.record = NULL};
    enum hm_err err = cli_verify_http(c, &n->in, &n->replay, n->deep != NULL ? &deep : &plain,
                                      &n->report.sums, &n->report.fault);
    cli_deep_walked(&n->walk);
    return err;
}

/* The last checkpoint in the file counts: what stands behind it nobody has signed for. */
static enum hm_err judge_database(struct cli *c, struct run *n)
{
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX + 1};
    struct hm_checkpoint now;
    uint64_t size = 0;
    enum hm_err err = db_reader_last_checkpoint(n->reader, &size, &note, &c->why);
    if (err == HM_OK)
        err = hm_checkpoint_open(hm_buf_bytes(&note), &n->key, &now, &c->why);
    if (err != HM_OK)
        return hm_fail_in(&c->why, err, "checkpoint");
    err = cli_deep_walk_file(n->reader, now.size, &n->walk, &c->why);
    cli_deep_walked(&n->walk);
    if (err == HM_OK)
        err = cli_replay_end(&n->replay, &now, &c->why);
    n->report.fault = n->replay.fault;
    cli_verify_count(&n->replay, &n->report.sums);
    return err;
}

/* With --deep the rules of the log and the evidence are looked at with each intention. */
static enum hm_err verify_database(struct cli *c, struct run *n, const char *path)
{
    n->in.whole = cli_args_has(&c->args, "whole");
    n->in.no_rules = n->deep != NULL;
    n->in.no_evidence = n->deep != NULL || cli_args_has(&c->args, "no-evidence");
    enum hm_err err = cli_verify_database(path, &n->in, &n->report.sums, &n->report.fault, &c->why);
    return err == HM_OK && n->deep != NULL ? judge_database(c, n) : err;
}

static enum hm_err verify_file(struct cli *c, struct run *n, const char *path)
{
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX + 1};
    const char *checkpoint = cli_args_get(&c->args, "checkpoint");
    if (checkpoint == NULL) {
        cli_next(c, "hallmark log verify --file %.200s --checkpoint FILE", path);
        return hm_fail(&c->why, HM_E_CONFIG,
                       "--checkpoint is missing: records alone prove nothing");
    }
    enum hm_err err = cli_read(checkpoint, HM_CHECKPOINT_MAX, &note, &c->why);
    if (err != HM_OK)
        return hm_fail_in(&c->why, err, "checkpoint");
    FILE *in = fopen(path, "re");
    if (in == NULL)
        return hm_fail(&c->why, HM_E_IO, "%.300s: cannot open", path);
    err = cli_verify_export(in, hm_buf_bytes(&note), &n->in, &n->report.sums, &n->report.fault,
                            &c->why);
    (void)fclose(in);
    return err;
}

static enum hm_err verify_proof(struct cli *c, struct run *n, const char *path)
{
    HM_BUF_AUTO text = {.limit = HM_TLOG_PROOF_MAX + 1};
    CLI_RECORD_AUTO r = {.leaf = {{0}}};
    enum hm_err err = cli_read(path, HM_TLOG_PROOF_MAX, &text, &c->why);
    if (err == HM_OK)
        err = cli_verify_proof(hm_buf_bytes(&text), &n->in, &r, &n->report.sums.cosigned,
                               &n->report.fault, &c->why);
    if (err != HM_OK)
        return hm_fail_in(&c->why, err, "%.200s", path);
    cli_verify_report_proof(c, &n->report, &r);
    return HM_OK;
}

/* ---- what it is verified with ---- */

static enum hm_err on_broken(void *ctx, const struct hm_record *r, const char *text,
                             struct hm_why *why)
{
    return cli_deep_broken(ctx, r, text, why);
}

/* What the auditor brings along: the issuer of client certificates, and root keys where some are
 * pinned. */
static enum hm_err open_deep(struct cli *c, struct run *n)
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
    if (err == HM_OK && cli_args_has(&c->args, "database"))
        err = cli_local(db_reader_open(cli_args_get(&c->args, "database"), &n->reader, &c->why));
    if (err != HM_OK)
        return err;
    const struct cli_deep_input in = {
        .log_key = &n->key,
        .client_ca = hm_buf_bytes(&n->client_ca),
        .issuers = &n->issuers,
        .roots = pinned ? &n->pins : NULL,
        .fetch = n->reader != NULL ? cli_deep_fetch_file : cli_deep_fetch_http,
        .ctx = n->reader != NULL ? (void *)n->reader : (void *)c,
    };
    err = cli_deep_open(&in, &n->deep, &c->why);
    n->replay.broken = on_broken;
    n->replay.ctx = n->deep;
    n->report.deep = n->deep;
    return err;
}

static enum hm_err take_witnesses(struct cli *c, struct run *n)
{
    uint64_t required = 0;
    enum hm_err err = HM_OK;
    const char *line;
    for (size_t i = 0; err == HM_OK && (line = cli_args_at(&c->args, "witness", i)) != NULL; i++) {
        struct hm_cosigner w;
        err = hm_cosigner_parse(hm_bytes_str(line), &w, &c->why);
        if (err == HM_OK)
            err = hm_cosigners_add(&n->witnesses, &w, &c->why);
        if (err != HM_OK)
            return hm_fail_in(&c->why, HM_E_CONFIG, "--witness");
    }
    err =
        cli_args_uint(&c->args, "witnesses-required", 0, n->witnesses.count, 0, &required, &c->why);
    if (err != HM_OK)
        cli_next(c, "name each witness that you believe with --witness VKEY");
    n->in.witnesses_required = (size_t)required;
    return err;
}

/* A checkpoint that somebody kept, where the records bring some of their own. */
static enum hm_err take_seen(struct cli *c, struct run *n)
{
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX + 1};
    const char *path = cli_args_get(&c->args, "checkpoint");
    if (path == NULL || !cli_args_has(&c->args, "database"))
        return HM_OK;
    enum hm_err err = cli_read(path, HM_CHECKPOINT_MAX, &note, &c->why);
    if (err == HM_OK)
        err = hm_checkpoint_open(hm_buf_bytes(&note), &n->key, &n->seen, &c->why);
    if (err != HM_OK)
        return hm_fail_in(&c->why, err, "%.200s", path);
    n->in.seen = &n->seen;
    return HM_OK;
}

/* One source, and options that have a meaning for it. */
static enum hm_err check_options(struct cli *c)
{
    static const char *const sources[] = {"database", "file", "proof"};
    static const char *const of_database[] = {"whole", "no-evidence"};
    size_t count = 0;
    for (size_t i = 0; i < 3; i++)
        count += cli_args_has(&c->args, sources[i]);
    if (count > 1)
        return hm_fail(&c->why, HM_E_CONFIG, "--database, --file and --proof: one of them");
    for (size_t i = 0; i < 2; i++)
        if (cli_args_has(&c->args, of_database[i]) && !cli_args_has(&c->args, "database"))
            return hm_fail(&c->why, HM_E_CONFIG, "--%s: only with --database", of_database[i]);
    return HM_OK;
}

static enum hm_err prepare(struct cli *c, struct run *n)
{
    enum hm_err err = check_options(c);
    if (err == HM_OK)
        err = cli_log_key(c, &n->key);
    if (err != HM_OK)
        return err;
    n->in.keys = (struct cli_note_keys){&n->key, &n->witnesses};
    n->in.progress = cli_verify_progress(&n->report, c);
    n->report.origin = n->key.name;
    n->report.witnesses = n->witnesses.count;
    cli_replay_begin(&n->replay, n->key.name);
    err = take_witnesses(c, n);
    if (err == HM_OK)
        err = take_seen(c, n);
    if (err == HM_OK && cli_args_has(&c->args, "deep"))
        err = open_deep(c, n);
    n->report.witnesses = n->witnesses.count;
    n->walk = (struct cli_deep_walk){.c = c, .replay = &n->replay, .deep = n->deep};
    return err;
}

static enum hm_err verify(struct cli *c, struct run *n)
{
    const char *database = cli_args_get(&c->args, "database");
    const char *file = cli_args_get(&c->args, "file");
    const char *proof = cli_args_get(&c->args, "proof");
    enum hm_err err = prepare(c, n);
    if (err == HM_OK && proof != NULL)
        err = verify_proof(c, n, proof);
    else if (err == HM_OK)
        err = database != NULL ? verify_database(c, n, database)
              : file != NULL   ? verify_file(c, n, file)
                               : verify_http(c, n);
    cli_verify_progressed(&n->report);
    if (err == HM_OK && proof == NULL)
        err = cli_verify_report(c, &n->report);
    if (n->report.fault.kind != CLI_FAULT_NONE)
        cli_verify_report_fault(c, &n->report);
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
    .summary = "replay and verify the log, an export, a backup, or one proof",
    .usage = "[--deep] [--database FILE | --file FILE --checkpoint FILE | --proof FILE]",
    .example = "  hallmark log verify\n"
               "  hallmark log verify --database log-backup.db --json\n"
               "  hallmark log verify --file log.jsonl --checkpoint checkpoint.txt\n"
               "  hallmark log verify --deep --client-ca clients.pem",
    .opts = opts,
    .operands_min = 0,
    .operands_max = 0,
    .run = run,
};
