#include "tests/bench/append/append_rows.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 13
#define SAME_WAL_PAGES "4000" /* between two checkpoints of the WAL, as db/log has it */

/* A table, and the record to whose batch a row belongs. Rows that were updated on the way are
 * inserted as they ended. What holds one row or a few for the whole log is left out: head, counter,
 * class, latest, meta; and `open`, from which rows are taken out again. */
struct table {
    const char *name;
    const char *record;
    int columns;
};
static const struct table tables[] = {
    {"record", "idx", 3},       {"evidence", "ref/32", 2}, {"checkpoint", "size", 2},
    {"release", "id", 13},      {"progress", "id", 7},     {"approval", "record", 4},
    {"artifact", "release", 2}, {"signed", "idx", 3},      {"request", "record", 3},
    {"answer", "record", 6},
};
#define TABLES (sizeof tables / sizeof tables[0])

struct row {
    size_t table;
    uint64_t record;
    sqlite3_value *value[COLUMNS_MAX];
};
struct append_copy {
    sqlite3 *from, *to;
    sqlite3_stmt *select[TABLES]; /* each stands on its next row */
    bool more[TABLES];
    sqlite3_stmt *insert[TABLES];
    sqlite3_stmt *begin, *commit;
    struct row *rows;
    size_t written, count, room;
};

static enum hm_err fail(sqlite3 *db, struct hm_why *why, const char *what)
{
    return hm_fail(why, HM_E_IO, "%s: %s", what, sqlite3_errmsg(db));
}

static enum hm_err prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct hm_why *why)
{
    return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) == SQLITE_OK
               ? HM_OK
               : fail(db, why, sql);
}

static enum hm_err step(struct append_copy *c, size_t t, struct hm_why *why)
{
    int rc = sqlite3_step(c->select[t]);
    c->more[t] = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? HM_OK : fail(c->from, why, tables[t].name);
}

static enum hm_err prepare_table(struct append_copy *c, size_t t, struct hm_why *why)
{
    static const char *const places[COLUMNS_MAX + 1] = {
        [2] = "?,?",         [3] = "?,?,?",         [4] = "?,?,?,?",
        [6] = "?,?,?,?,?,?", [7] = "?,?,?,?,?,?,?", [13] = "?,?,?,?,?,?,?,?,?,?,?,?,?",
    };
    const struct table *x = &tables[t];
    char *select =
        sqlite3_mprintf("SELECT *, %s AS batch FROM %s ORDER BY batch", x->record, x->name);
    char *insert = sqlite3_mprintf("INSERT INTO %s VALUES(%s)", x->name, places[x->columns]);
    enum hm_err err =
        select != NULL && insert != NULL ? HM_OK : hm_fail(why, HM_E_MEMORY, "no memory");
    if (err == HM_OK)
        err = prepare(c->from, select, &c->select[t], why);
    if (err == HM_OK)
        err = prepare(c->to, insert, &c->insert[t], why);
    if (err == HM_OK && sqlite3_column_count(c->select[t]) != x->columns + 1)
        err = hm_fail(why, HM_E_INTERNAL, "%s has another number of columns", x->name);
    if (err == HM_OK)
        err = step(c, t, why);
    sqlite3_free(select);
    sqlite3_free(insert);
    return err;
}

/* Tables first: an index needs its table. */
static enum hm_err make_tables(struct append_copy *c, struct hm_why *why)
{
    sqlite3_stmt *st = NULL;
    enum hm_err err =
        prepare(c->from,
                "SELECT sql FROM sqlite_master WHERE type IN ('table','index') AND sql "
                "IS NOT NULL ORDER BY type='index'",
                &st, why);
    while (err == HM_OK && sqlite3_step(st) == SQLITE_ROW)
        if (sqlite3_exec(c->to, (const char *)sqlite3_column_text(st, 0), NULL, NULL, NULL) !=
            SQLITE_OK)
            err = fail(c->to, why, "cannot make a table");
    (void)sqlite3_finalize(st);
    return err;
}

/* What db_log_open sets, where it concerns inserts. */
static enum hm_err set_up(struct append_copy *c, struct hm_why *why)
{
    int rc =
        sqlite3_exec(c->to,
                     "PRAGMA page_size=4096;PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;"
                     "PRAGMA cache_size=-32768;PRAGMA temp_store=MEMORY;"
                     "PRAGMA journal_size_limit=67108864;PRAGMA wal_autocheckpoint=" SAME_WAL_PAGES,
                     NULL, NULL, NULL);
    return rc == SQLITE_OK ? HM_OK : fail(c->to, why, "cannot set up the copy");
}

enum hm_err append_copy_open(const char *from, const char *to, struct append_copy **out,
                             struct hm_why *why)
{
    struct append_copy *c = calloc(1, sizeof *c);
    if (c == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    enum hm_err err = HM_OK;
    if (sqlite3_open_v2(from, &c->from, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK)
        err = fail(c->from, why, from);
    else if (sqlite3_open_v2(to, &c->to,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                             NULL) != SQLITE_OK)
        err = fail(c->to, why, to);
    if (err == HM_OK)
        err = set_up(c, why);
    if (err == HM_OK)
        err = make_tables(c, why);
    for (size_t t = 0; err == HM_OK && t < TABLES; t++)
        err = prepare_table(c, t, why);
    if (err == HM_OK)
        err = prepare(c->to, "BEGIN IMMEDIATE", &c->begin, why);
    if (err == HM_OK)
        err = prepare(c->to, "COMMIT", &c->commit, why);
    if (err != HM_OK) {
        append_copy_close(c);
        return err;
    }
    *out = c;
    return HM_OK;
}

static void forget(struct append_copy *c)
{
    for (size_t i = 0; i < c->count; i++)
        for (int n = 0; n < tables[c->rows[i].table].columns; n++)
            sqlite3_value_free(c->rows[i].value[n]);
    c->written = c->count = 0;
}

static enum hm_err keep(struct append_copy *c, size_t t, uint64_t record, struct hm_why *why)
{
    if (c->count == c->room) {
        size_t room = c->room == 0 ? 4096 : 2 * c->room;
        struct row *more = realloc(c->rows, room * sizeof *more);
        if (more == NULL)
            return hm_fail(why, HM_E_MEMORY, "no memory");
        c->rows = more;
        c->room = room;
    }
    struct row *r = &c->rows[c->count++];
    r->table = t;
    r->record = record;
    for (int n = 0; n < tables[t].columns; n++)
        r->value[n] = sqlite3_value_dup(sqlite3_column_value(c->select[t], n));
    return HM_OK;
}

enum hm_err append_copy_read(struct append_copy *c, uint64_t end, struct hm_why *why)
{
    enum hm_err err = HM_OK;
    if (c->written == c->count)
        forget(c);
    for (size_t t = 0; t < TABLES; t++) {
        while (err == HM_OK && c->more[t]) {
            uint64_t at = (uint64_t)sqlite3_column_int64(c->select[t], tables[t].columns);
            if (at >= end)
                break;
            err = keep(c, t, at, why);
            if (err == HM_OK)
                err = step(c, t, why);
        }
    }
    return err;
}

/* The values stay where they are: nothing is copied but into the page. */
static void bind(sqlite3_stmt *st, int at, sqlite3_value *v)
{
    int len = sqlite3_value_bytes(v);
    switch (sqlite3_value_type(v)) {
    case SQLITE_INTEGER:
        (void)sqlite3_bind_int64(st, at, sqlite3_value_int64(v));
        break;
    case SQLITE_TEXT:
        (void)sqlite3_bind_text(st, at, (const char *)sqlite3_value_text(v), len, SQLITE_STATIC);
        break;
    default:
        (void)sqlite3_bind_blob(st, at, sqlite3_value_blob(v), len, SQLITE_STATIC);
    }
}

static bool run(sqlite3_stmt *st)
{
    bool ok = sqlite3_step(st) == SQLITE_DONE;
    (void)sqlite3_reset(st);
    return ok;
}

enum hm_err append_copy_write(struct append_copy *c, uint64_t end, struct hm_why *why)
{
    if (!run(c->begin))
        return fail(c->to, why, "begin");
    for (; c->written < c->count && c->rows[c->written].record < end; c->written++) {
        const struct row *r = &c->rows[c->written];
        for (int n = 0; n < tables[r->table].columns; n++)
            bind(c->insert[r->table], n + 1, r->value[n]);
        if (!run(c->insert[r->table]))
            return fail(c->to, why, tables[r->table].name);
    }
    return run(c->commit) ? HM_OK : fail(c->to, why, "commit");
}

void append_copy_close(struct append_copy *c)
{
    if (c == NULL)
        return;
    forget(c);
    free(c->rows);
    for (size_t t = 0; t < TABLES; t++) {
        (void)sqlite3_finalize(c->select[t]);
        (void)sqlite3_finalize(c->insert[t]);
    }
    (void)sqlite3_finalize(c->begin);
    (void)sqlite3_finalize(c->commit);
    (void)sqlite3_close(c->from);
    (void)sqlite3_close(c->to);
    free(c);
}
