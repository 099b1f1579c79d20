/* hallmark log verify-archive: files of retired private detail against the log. Each line proves
 * itself by what its record names; a record names the file. */
#include "client/cli_entries.h"
#include "client/cli_proof.h"
#include "db/log/db_log.h"
#include "schema/log/hm_detail_line.h"

#include <inttypes.h>
#include <string.h>

#define ARCHIVE_MAX ((size_t)16 * 1024 * 1024) /* bytes of a file */

static const struct cli_opt opts[] = {
    {"file", "FILE", "an archive of retired detail", true},
    {"database", "FILE", "look at a backup of the log's database, offline", false},
    {NULL, NULL, NULL, false},
};

struct check {
    struct cli *c;
    struct db_reader *reader; /* NULL: the server is asked */
    struct hm_digest digest;  /* of the file */
    bool found;
    struct hm_record retired; /* the record that names it */
    uint64_t lines, first, last;
};

/* ---- the log: a server's, each record with its proof, or a file's ---- */

static enum hm_err fetch(const struct check *k, uint64_t idx, struct hm_record *out)
{
    CLI_RECORD_AUTO rec = {.leaf = {{0}}};
    HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
    enum hm_err err = HM_OK;
    if (k->reader != NULL) {
        err = db_reader_record(k->reader, idx, &bytes, &k->c->why);
        return err == HM_OK ? hm_record_parse(hm_buf_bytes(&bytes), out, &k->c->why) : err;
    }
    err = cli_record_fetch(k->c, idx, &rec);
    if (err == HM_OK)
        *out = rec.record;
    return err;
}

static enum hm_err look(struct check *k, struct hm_bytes record, struct hm_why *why)
{
    struct hm_record r;
    enum hm_err err = hm_record_parse(record, &r, why);
    if (err == HM_OK && r.event == HM_EV_DETAIL_RETIRED && r.has_archive &&
        hm_digest_eq(&r.archive, &k->digest)) {
        k->retired = r;
        k->found = true;
    }
    return err;
}

static enum hm_err on_entry(void *check, struct hm_bytes record, struct hm_why *why)
{
    return look(check, record, why);
}

static enum hm_err on_row(void *check, uint64_t idx, struct hm_bytes record, struct hm_why *why)
{
    (void)idx;
    return look(check, record, why);
}

static enum hm_err find_record(struct check *k)
{
    enum hm_err err =
        k->reader != NULL
            ? db_reader_records(k->reader, k->last + 1, SIZE_MAX, on_row, k, &k->c->why)
            : cli_entries(k->c, "/v1/log/entries?event=detail.retired&order=asc", UINT64_MAX,
                          on_entry, k);
    if (err == HM_OK && !k->found)
        return hm_fail(&k->c->why, HM_E_DENIED,
                       "no record names this file (a crash may leave one: its detail is then still "
                       "in the log)");
    return err == HM_OK ? fetch(k, k->retired.idx, &k->retired) : err;
}

/* ---- one file ---- */

static enum hm_err check_line(struct check *k, struct hm_bytes line)
{
    __attribute__((cleanup(hm_detail_line_free))) struct hm_detail_line l = {.idx = 0};
    struct hm_record r;
    struct hm_why *why = &k->c->why;
    enum hm_err err = hm_detail_line_parse(line, &l, why);
    if (err != HM_OK)
        return err;
    if (k->lines > 0 && l.idx <= k->last)
        return hm_fail(why, HM_E_DENIED, "record %" PRIu64 " does not stand in order", l.idx);
    struct hm_digest digest = hm_detail_line_digest(&l);
    err = fetch(k, l.idx, &r);
    if (err == HM_OK && (!r.has_detail || !hm_digest_eq(&r.detail, &digest)))
        err = hm_fail(why, HM_E_SIGNATURE, "this is not the detail of record %" PRIu64, l.idx);
    if (k->lines++ == 0)
        k->first = l.idx;
    k->last = l.idx;
    return err;
}

static enum hm_err check_lines(struct check *k, struct hm_bytes text)
{
    enum hm_err err = HM_OK;
    for (uint64_t n = 1; err == HM_OK && text.len > 0; n++) {
        const uint8_t *lf = memchr(text.data, '\n', text.len);
        if (lf == NULL)
            return hm_fail(&k->c->why, HM_E_MALFORMED, "line %" PRIu64 " is cut", n);
        size_t len = (size_t)(lf - text.data);
        err = check_line(k, hm_bytes_of(text.data, len));
        if (err != HM_OK)
            return hm_fail_in(&k->c->why, err, "line %" PRIu64, n);
        text = hm_bytes_of(text.data + len + 1, text.len - len - 1);
    }
    return k->lines > 0 ? HM_OK : hm_fail(&k->c->why, HM_E_MALFORMED, "the file is empty");
}

static enum hm_err check_record(const struct check *k)
{
    const struct hm_record *r = &k->retired;
    if (r->event != HM_EV_DETAIL_RETIRED || !r->has_archive ||
        !hm_digest_eq(&r->archive, &k->digest) || r->count != k->lines || r->first != k->first ||
        r->last != k->last)
        return hm_fail(&k->c->why, HM_E_DENIED,
                       "record %" PRIu64 " says %" PRIu64 " details of records %" PRIu64
                       " to %" PRIu64 ", the file has %" PRIu64 " of %" PRIu64 " to %" PRIu64,
                       r->idx, r->count, r->first, r->last, k->lines, k->first, k->last);
    return HM_OK;
}

static void report(const struct check *k, const char *file)
{
    if (k->c->term.json)
        (void)printf("{\"verified\":true,\"details\":%" PRIu64 ",\"first\":%" PRIu64
                     ",\"last\":%" PRIu64 ",\"record\":%" PRIu64 "}\n",
                     k->lines, k->first, k->last, k->retired.idx);
    else
        (void)printf("verified: %s: %" PRIu64 " details of records %" PRIu64 " to %" PRIu64
                     ", retired by record %" PRIu64 "\n",
                     file, k->lines, k->first, k->last, k->retired.idx);
}

static enum hm_err check_file(struct cli *c, struct db_reader *reader, const char *file)
{
    HM_BUF_AUTO text = {.limit = ARCHIVE_MAX + 1};
    struct check k = {.c = c, .reader = reader};
    enum hm_err err = cli_read(file, ARCHIVE_MAX, &text, &c->why);
    if (err == HM_OK) {
        k.digest = hm_sha256(hm_buf_bytes(&text));
        err = check_lines(&k, hm_buf_bytes(&text));
    }
    if (err == HM_OK)
        err = find_record(&k);
    if (err == HM_OK)
        err = check_record(&k);
    if (err != HM_OK)
        return hm_fail_in(&c->why, err, "%.200s", file);
    report(&k, file);
    return HM_OK;
}

static enum hm_err verify(struct cli *c)
{
    struct db_reader *reader = NULL;
    const char *database = cli_args_get(&c->args, "database");
    const char *file;
    enum hm_err err = HM_OK;
    if (!cli_args_has(&c->args, "file"))
        return hm_fail(&c->why, HM_E_CONFIG, "--file is missing");
    if (database != NULL)
        err = db_reader_open(database, &reader, &c->why);
    for (size_t i = 0; err == HM_OK && (file = cli_args_at(&c->args, "file", i)) != NULL; i++)
        err = check_file(c, reader, file);
    db_reader_close(reader);
    return err;
}

static int run(struct cli *c)
{
    return cli_end(c, verify(c));
}

const struct cli_command cli_cmd_log_verify_archive = {
    .name = "log verify-archive",
    .summary = "verify files of retired private detail against the log",
    .usage = "--file FILE... [--database FILE]",
    .example = "  hallmark log verify-archive --file detail-41-903.jsonl",
    .opts = opts,
    .operands_min = 0,
    .operands_max = 0,
    .run = run,
};
