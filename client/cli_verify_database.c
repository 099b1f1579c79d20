#include "client/cli.h"
#include "client/cli_rows.h"

static enum hm_err next(void *scan, enum db_scan_table table, struct db_scan_row *row, bool *found,
                        struct hm_why *why)
{
    return db_scan_next(scan, table, row, found, why);
}

static void again(void *scan, enum db_scan_table table)
{
    db_scan_rewind(scan, table);
}

static enum hm_err head(void *scan, struct db_scan_head *out, struct hm_why *why)
{
    return db_scan_head(scan, out, why);
}

static enum hm_err blob(void *scan, int64_t ref, struct hm_buf *out, struct hm_why *why)
{
    return db_scan_evidence(scan, ref, out, why);
}

static enum hm_err open_rows(const char *path, struct cli_rows *out, struct db_scan **scan,
                             struct hm_why *why)
{
    uint64_t about = 0;
    enum hm_err err = cli_local(db_scan_open(path, scan, why));
    if (err == HM_OK)
        err = db_scan_about(*scan, &about, why);
    if (err == HM_OK)
        *out = (struct cli_rows){*scan, next, again, head, about, blob};
    return err;
}

enum hm_err cli_verify_database(const char *path, const struct cli_verify_input *in,
                                struct cli_verify_sums *out, struct cli_fault *f,
                                struct hm_why *why)
{
    struct db_scan *scan[2] = {NULL, NULL};
    struct cli_rows rows[2];
    *f = (struct cli_fault){.kind = CLI_FAULT_NONE};
    enum hm_err err = open_rows(path, &rows[0], &scan[0], why);
    if (err == HM_OK)
        err = open_rows(path, &rows[1], &scan[1], why);
    if (err == HM_OK)
        err = cli_rows_verify(&rows[0], &rows[1], in, out, f, why);
    else if (err == HM_E_HISTORY) {
        struct hm_why said = *why;
        err =
            cli_fault(f, CLI_FAULT_DATABASE, 0, "a database that SQLite can read", said.text, why);
    }
    db_scan_close(scan[0]);
    db_scan_close(scan[1]);
    return err;
}

void cli_verify_count(const struct cli_replay *r, struct cli_verify_sums *out)
{
    out->records = r->frontier.size;
    out->releases = r->release_count;
    out->results = r->results;
    out->open_intentions = cli_replay_open_intents(r);
    out->seen_held = r->seen_held;
}
