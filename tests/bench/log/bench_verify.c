/* What it costs to verify a log, against a bare loop that reads the same rows and hashes them.
 *   bench_verify make DATABASE VKEY-FILE RECORDS
 *   bench_verify run DATABASE VKEY-FILE ROUNDS
 * `run` prints a JSON line per figure: seconds of the round with the median ratio. */
#include "tests/bench/log/bench_log.h"

#include "client/cli_verify.h"
#include "schema/io/hm_file.h"
#include "tests/bench/bench_clock.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 9

static int fail(const char *what)
{
    (void)fprintf(stderr, "bench_verify: %s\n", what);
    return 1;
}

static int make(const char *path, const char *vkey_file, const char *records)
{
    struct hm_vkey key;
    struct bench_log_size size;
    struct hm_why why = {""};
    HM_BUF_AUTO line = {.limit = 1024};
    enum hm_err err = bench_log_make(path, strtoull(records, NULL, 10), &key, &size, &why);
    if (err == HM_OK) {
        hm_vkey_write(&key, &line);
        hm_buf_putc(&line, '\n');
        err = hm_file_write_atomic(vkey_file, hm_buf_bytes(&line), 0644, &why);
    }
    if (err != HM_OK)
        return fail(why.text);
    (void)printf("{\"records\":%" PRIu64 ",\"checkpoints\":%" PRIu64 ",\"evidence\":%" PRIu64 "}\n",
                 size.records, size.checkpoints, size.evidence);
    return 0;
}

/* The bare primitive. Negative on failure. */
static double bare_s(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *st = NULL;
    struct hm_digest all = {{0}};
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
        return -1;
    double t = bench_wall_s();
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct hm_digest d =
            hm_sha256(hm_bytes_of(sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0)));
        all.b[0] ^= d.b[0]; /* used, so that nothing can be left out */
    }
    t = bench_wall_s() - t;
    (void)sqlite3_finalize(st);
    return rc == SQLITE_DONE ? t + (all.b[0] == 0 ? 1e-12 : 0) : -1;
}

struct round {
    double bare, value;
};

static int by_ratio(const void *a, const void *b)
{
    const struct round *x = a;
    const struct round *y = b;
    double d = x->value / x->bare - y->value / y->bare;
    return (d > 0) - (d < 0);
}

static void print(const char *name, struct round *rounds, size_t count)
{
    qsort(rounds, count, sizeof rounds[0], by_ratio);
    const struct round *m = &rounds[count / 2];
    (void)printf("{\"bench\":\"%s\",\"value\":%.4f,\"unit\":\"s\",\"bare\":%.4f,\"ratio\":%.4f",
                 name, m->value, m->bare, m->value / m->bare);
}

struct bench {
    const char *path;
    struct hm_vkey key;
    sqlite3 *db;
    struct round records[ROUNDS_MAX], all[ROUNDS_MAX];
    double signatures_s;
    struct cli_verify_sums sums;
};

static enum hm_err verify(struct bench *b, bool no_evidence, double *value, struct hm_why *why)
{
    const struct cli_verify_input in = {.keys = {.log = &b->key}, .no_evidence = no_evidence};
    struct cli_fault f;
    enum hm_err err = cli_verify_database(b->path, &in, &b->sums, &f, why);
    *value = (double)b->sums.records_ms / 1e3;
    return err;
}

/* First what the goal is about; then with every piece of evidence, on both sides. */
static enum hm_err one_round(struct bench *b, size_t i, struct hm_why *why)
{
    b->records[i].bare = bare_s(b->db, "SELECT bytes FROM record ORDER BY idx");
    enum hm_err err = verify(b, true, &b->records[i].value, why);
    if (err != HM_OK)
        return err;
    b->signatures_s = (double)b->sums.signatures_ms / 1e3;
    b->all[i].bare = bare_s(b->db, "SELECT bytes FROM record ORDER BY idx") +
                     bare_s(b->db, "SELECT bytes FROM evidence ORDER BY ref");
    err = verify(b, false, &b->all[i].value, why);
    if (err == HM_OK && (b->records[i].bare <= 0 || b->all[i].bare <= 0))
        err = hm_fail(why, HM_E_IO, "the bare loop failed");
    return err;
}

static int run(struct bench *b, size_t rounds)
{
    struct hm_why why = {""};
    for (size_t i = 0; i < rounds; i++)
        if (one_round(b, i, &why) != HM_OK)
            return fail(why.text);
    double per_check = b->signatures_s * 1e6 / (double)b->sums.checkpoints;
    print("log-verify", b->records, rounds);
    (void)printf(",\"records\":%" PRIu64 ",\"checkpoints\":%" PRIu64
                 ",\"signature_checks_s\":%.3f,\"us_per_signature_check\":%.1f}\n",
                 b->sums.records, b->sums.checkpoints, b->signatures_s, per_check);
    print("log-verify-evidence", b->all, rounds);
    (void)printf(",\"evidence\":%" PRIu64 "}\n", b->sums.evidence);
    return 0;
}

static int open_and_run(const char *path, const char *vkey_file, const char *rounds)
{
    struct bench b = {.path = path};
    struct hm_why why = {""};
    HM_BUF_AUTO line = {.limit = 1024};
    HM_BUF_AUTO uri = {.limit = 4096};
    size_t n = strtoul(rounds, NULL, 10);
    hm_buf_printf(&uri, "file:%s?mode=ro&immutable=1", path);
    if (hm_file_read(vkey_file, 1024, &line, &why) != HM_OK || line.len == 0)
        return fail(why.text);
    if (hm_vkey_parse(hm_bytes_of(line.data, line.len - 1), &b.key, &why) != HM_OK)
        return fail(why.text);
    if (n == 0 || n > ROUNDS_MAX || hm_buf_str(&uri) == NULL)
        return fail("ROUNDS is a number from 1 to 9");
    int code = sqlite3_open_v2((const char *)uri.data, &b.db,
                               SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX,
                               NULL) == SQLITE_OK
                   ? run(&b, n)
                   : fail("cannot open the database");
    (void)sqlite3_close(b.db);
    return code;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "make") == 0)
        return make(argv[2], argv[3], argv[4]);
    if (argc == 5 && strcmp(argv[1], "run") == 0)
        return open_and_run(argv[2], argv[3], argv[4]);
    return fail("make|run DATABASE VKEY-FILE NUMBER");
}
