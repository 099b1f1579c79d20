#include "server/registrar/reg_retire.h"

#include "db/log/db_facts.h"
#include "schema/io/hm_file.h"
#include "schema/log/hm_detail_line.h"
#include "server/ipc/proc_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PROGRAM "hallmark-registrar"
#define PORTION_ROWS 256
#define PORTION_BYTES ((size_t)1024 * 1024)
#define LOOK_AGAIN_MS 3600000u /* at the latest; also when nothing is old enough */
#define TRY_AGAIN_MS 60000u    /* after a failure */

struct reg_retire {
    uint64_t keep_ms;
    const char *dir;  /* borrowed; NULL: nothing is archived */
    uint64_t next_ms; /* when to look again */
};

enum hm_err reg_retire_open(const struct reg_config *c, struct reg_retire **out, struct hm_why *why)
{
    *out = NULL;
    if (c->detail_keep_s == 0)
        return HM_OK;
    enum hm_err err =
        c->detail_archive_dir != NULL ? hm_dir_make(c->detail_archive_dir, 0700, why) : HM_OK;
    if (err == HM_OK && c->detail_archive_dir != NULL)
        err = hm_dir_sync(c->detail_archive_dir, why); /* it is one */
    if (err != HM_OK)
        return err;
    struct reg_retire *r = calloc(1, sizeof *r);
    if (r == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    r->keep_ms = c->detail_keep_s * 1000;
    r->dir = c->detail_archive_dir;
    *out = r;
    return HM_OK;
}

void reg_retire_close(struct reg_retire *r)
{
    free(r);
}

struct portion {
    struct db_log *log;
    uint64_t before_ms; /* records that are older have to part with theirs */
    uint64_t young_ms;  /* time of the first one that is not, 0: none */
    uint64_t idx[PORTION_ROWS];
    size_t count;
    struct hm_buf lines;
};

static enum hm_err time_of(struct db_log *log, uint64_t idx, uint64_t *t_ms, struct hm_why *why)
{
    HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
    struct hm_record r;
    enum hm_err err = db_facts_record(log, idx, &bytes, why);
    if (err == HM_OK)
        err = hm_record_parse(hm_buf_bytes(&bytes), &r, why);
    if (err == HM_OK)
        *t_ms = r.t_ms;
    return err;
}

/* Times never fall along the log: behind the first young one there is no old one. */
static enum hm_err take(void *ctx, uint64_t idx, struct hm_bytes salt, struct hm_bytes detail,
                        bool *more, struct hm_why *why)
{
    struct portion *p = ctx;
    uint64_t t_ms = 0;
    enum hm_err err = time_of(p->log, idx, &t_ms, why);
    if (err != HM_OK)
        return err;
    if (t_ms >= p->before_ms)
        p->young_ms = t_ms;
    *more = t_ms < p->before_ms && p->count < PORTION_ROWS && p->lines.len < PORTION_BYTES;
    if (!*more)
        return HM_OK;
    if (salt.len != HM_DETAIL_SALT)
        return hm_fail(why, HM_E_HISTORY, "detail of record %" PRIu64 ": no salt", idx);
    p->idx[p->count++] = idx;
    return hm_detail_line_write(idx, salt.data, detail, &p->lines, why);
}

static enum hm_err archive(const struct reg_retire *r, const struct portion *p, struct hm_why *why)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/detail-%" PRIu64 "-%" PRIu64 ".jsonl", r->dir,
                     p->idx[0], p->idx[p->count - 1]);
    if (n < 0 || (size_t)n >= sizeof path - 16)
        return hm_fail(why, HM_E_LIMIT, "%.300s: path too long", r->dir);
    return hm_file_write_atomic(path, hm_buf_bytes(&p->lines), 0600, why);
}

static enum hm_err retire(const struct reg_retire *r, const struct portion *p,
                          const struct hm_digest *policy, uint64_t now_ms, struct hm_why *why)
{
    struct hm_record rec = {.event = HM_EV_DETAIL_RETIRED,
                            .has_policy = true,
                            .policy = *policy,
                            .count = p->count,
                            .has_first = true,
                            .first = p->idx[0],
                            .has_last = true,
                            .last = p->idx[p->count - 1],
                            .has_archive = r->dir != NULL};
    if (rec.has_archive)
        rec.archive = hm_sha256(hm_buf_bytes(&p->lines));
    enum hm_err err = db_log_append(p->log, now_ms, &rec, NULL, hm_bytes_of(NULL, 0), why);
    for (size_t i = 0; err == HM_OK && i < p->count; i++)
        err = db_log_erase(p->log, p->idx[i], why);
    return err;
}

static void plan(struct reg_retire *r, const struct portion *p, uint64_t now_ms)
{
    bool full = p->count > 0 && p->young_ms == 0; /* perhaps there is more */
    uint64_t wait_ms = r->keep_ms < LOOK_AGAIN_MS ? r->keep_ms : LOOK_AGAIN_MS;
    r->next_ms = full ? now_ms : now_ms + wait_ms;
    if (p->young_ms != 0 && p->young_ms + r->keep_ms < r->next_ms)
        r->next_ms = p->young_ms + r->keep_ms + 1;
}

enum hm_err reg_retire_tick(struct reg_retire *r, struct db_log *log,
                            const struct hm_digest *policy, uint64_t now_ms, struct hm_why *why)
{
    struct hm_why said = {""};
    if (r == NULL || now_ms < r->next_ms || now_ms < r->keep_ms)
        return HM_OK;
    struct portion p = {.log = log,
                        .before_ms = now_ms - r->keep_ms,
                        .lines = {.limit = PORTION_BYTES + HM_DETAIL_LINE_MAX}};
    enum hm_err err = db_log_details(log, take, &p, why);
    plan(r, &p, now_ms);
    if (err == HM_OK && p.count > 0 && r->dir != NULL && archive(r, &p, &said) != HM_OK) {
        proc_log(PROGRAM, PROC_ERROR, "old private detail stays in the log: %s", said.text);
        r->next_ms = now_ms + TRY_AGAIN_MS;
    } else if (err == HM_OK && p.count > 0) {
        err = retire(r, &p, policy, now_ms, why);
    }
    hm_buf_wipe(&p.lines);
    return err;
}
