/* hallmark log redact new: writes the statement by which private detail of records is erased, for
 * administrators to sign. Nothing is sent. */
#include "client/cli_redact.h"
#include "schema/core/hm_text.h"
#include "schema/io/hm_clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S 86400u
#define DAYS_MAX 90u
#define DAYS_DEFAULT 7u

static const struct cli_opt opts[] = {
    {"record", "INDEX", "a record whose private detail is to go", true},
    {"reason", "TEXT", "why, on one line of at most 500 bytes; stands in the log's evidence",
     false},
    {"days", "N", "the statement can be carried out for 1 to 90 days, default 7", false},
    {"out", "FILE", "where the statement goes", false},
    {NULL, NULL, NULL, false},
};

static int by_index(const void *a, const void *b)
{
    const struct hm_erasure_item *x = a;
    const struct hm_erasure_item *y = b;
    return x->idx < y->idx ? -1 : x->idx > y->idx;
}

static enum hm_err take_records(struct cli *c, struct hm_erasure *e)
{
    const char *text;
    for (size_t i = 0; (text = cli_args_at(&c->args, "record", i)) != NULL; i++) {
        CLI_RECORD_AUTO rec = {.leaf = {{0}}};
        struct hm_erasure_item *item = &e->items[e->count];
        if (e->count == HM_ERASURE_MAX)
            return hm_fail(&c->why, HM_E_LIMIT, "--record: at most %d in one statement",
                           HM_ERASURE_MAX);
        if (hm_decimal(hm_bytes_str(text), HM_NUMBER_MAX, &item->idx) != HM_OK)
            return hm_fail(&c->why, HM_E_CONFIG,
                           "--record: '%.40s': expected the index of a record", text);
        enum hm_err err = cli_redact_item(c, item->idx, &rec, &item->detail);
        if (err != HM_OK)
            return err;
        e->count++;
    }
    if (e->count == 0)
        return hm_fail(&c->why, HM_E_CONFIG, "--record: expected at least one");
    qsort(e->items, e->count, sizeof e->items[0], by_index);
    for (size_t i = 1; i < e->count; i++)
        if (e->items[i].idx == e->items[i - 1].idx)
            return hm_fail(&c->why, HM_E_CONFIG, "--record: %" PRIu64 " stands twice",
                           e->items[i].idx);
    return HM_OK;
}

static enum hm_err describe(struct cli *c, struct hm_erasure *e)
{
    struct hm_vkey key;
    uint64_t days = DAYS_DEFAULT;
    const char *reason = NULL;
    enum hm_err err = cli_args_reason(&c->args, "reason", &reason, &c->why);
    if (err == HM_OK && reason == NULL)
        err = hm_fail(&c->why, HM_E_CONFIG, "--reason is missing");
    if (err == HM_OK)
        err = cli_args_uint(&c->args, "days", 1, DAYS_MAX, days, &days, &c->why);
    if (err == HM_OK)
        err = cli_log_key(c, &key);
    if (err != HM_OK)
        return err;
    (void)snprintf(e->origin, sizeof e->origin, "%s", key.name);
    (void)snprintf(e->reason, sizeof e->reason, "%s", reason);
    /* A little less than the server's limit: its clock may be another one. */
    e->expires_s = hm_clock_unix_s() + (int64_t)(days * DAY_S) - 60;
    return HM_OK;
}

static enum hm_err make(struct cli *c)
{
    struct hm_erasure e = {.count = 0};
    HM_BUF_AUTO text = {.limit = HM_STATEMENT_MAX};
    const char *out = cli_args_get(&c->args, "out");
    enum hm_err err = describe(c, &e);
    if (err == HM_OK)
        err = take_records(c, &e);
    if (err == HM_OK)
        err = hm_erasure_write(&e, &text, &c->why);
    if (err == HM_OK)
        err = cli_write(out, hm_buf_bytes(&text), &c->why);
    if (err == HM_OK && out != NULL)
        cli_note(c,
                 "next, as many administrators as the policy asks for: hallmark log redact sign %s "
                 "--out FILE",
                 out);
    return err;
}

static int run(struct cli *c)
{
    return cli_end(c, make(c));
}

const struct cli_command cli_cmd_log_redact_new = {
    .name = "log redact new",
    .summary = "write the statement that has private detail erased",
    .usage = "--record INDEX... --reason TEXT [--days N] [--out FILE]",
    .example = "  hallmark log redact new --record 41 57 --reason \"request 2026-17\" --out "
               "erasure.txt",
    .opts = opts,
    .operands_min = 0,
    .operands_max = 0,
    .run = run,
};
