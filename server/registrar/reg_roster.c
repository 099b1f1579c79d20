#include "server/registrar/reg_roster.h"

#include "server/registrar/reg_guards.h"

#include <stdlib.h>
#include <string.h>

static enum hm_err read_serial(struct db_reader *r, const struct hm_guard *g, uint64_t serial,
                               struct hm_roster *out, struct hm_why *why)
{
    HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
    HM_BUF_AUTO statement = {.limit = HM_STATEMENT_MAX};
    struct hm_record rec;
    uint64_t idx = 0;
    enum hm_err err = db_reader_roster(r, &g->key, serial, &idx, why);
    if (err == HM_OK)
        err = db_reader_record(r, idx, &bytes, why);
    if (err == HM_OK)
        err = hm_record_parse(hm_buf_bytes(&bytes), &rec, why);
    if (err == HM_OK && (rec.event != HM_EV_ROSTER_CHANGED || !rec.has_guard ||
                         !hm_digest_eq(&rec.guard, &g->key) || rec.serial != serial))
        err = hm_fail(why, HM_E_HISTORY, "record %llu is not list %llu of the key's approvers",
                      (unsigned long long)idx, (unsigned long long)serial);
    if (err == HM_OK)
        err = db_reader_evidence(r, idx, 0, HM_STATEMENT_MAX, &statement, why);
    return err == HM_OK ? hm_roster_parse(hm_buf_bytes(&statement), out, why) : err;
}

enum hm_err reg_roster_read(struct db_reader *r, const struct reg_world *w,
                            const struct hm_guard *g, struct hm_roster *out,
                            struct hm_roster_now *now, struct hm_why *why)
{
    struct hm_digest guards = hm_sha256(hm_buf_bytes(&w->guards_bytes));
    uint64_t serial = 0;
    enum hm_err err = db_reader_roster_serial(r, &g->key, &serial, why);
    if (err != HM_OK)
        return err;
    if (serial == 0)
        return hm_roster_begin(g, now, why);
    err = read_serial(r, g, serial, out, why);
    if (err == HM_OK && !hm_digest_eq(&out->guards, &guards)) /* another document begins anew */
        return hm_roster_begin(g, now, why);
    if (err == HM_OK)
        err = hm_roster_digest(out->approvers, out->count, &now->list, why);
    if (err == HM_OK)
        now->serial = serial;
    return err;
}

static enum hm_err copy_keys(const struct hm_key *from, size_t count, struct hm_key **to,
                             struct hm_why *why)
{
    *to = calloc(count + 1, sizeof **to);
    if (*to == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for guards");
    if (count > 0)
        memcpy(*to, from, count * sizeof **to);
    return HM_OK;
}

static enum hm_err copy_guard(struct db_reader *r, const struct reg_world *w,
                              const struct hm_guard *from, struct hm_guard *to,
                              struct hm_roster *buf, struct hm_why *why)
{
    struct hm_roster_now now = {.serial = 0};
    *to = *from;
    to->approvers = NULL;
    to->roster = NULL;
    enum hm_err err = reg_roster_read(r, w, from, buf, &now, why);
    if (err != HM_OK)
        return err;
    if (now.serial > 0)
        to->approver_count = buf->count;
    err = copy_keys(now.serial > 0 ? buf->approvers : from->approvers, to->approver_count,
                    &to->approvers, why);
    return err == HM_OK ? copy_keys(from->roster, from->roster_count, &to->roster, why) : err;
}

enum hm_err reg_roster_guards(struct db_reader *r, const struct reg_world *w, struct hm_guards *out,
                              struct hm_why *why)
{
    HM_FREE struct hm_roster *buf = calloc(1, sizeof *buf);
    *out = w->guards;
    out->count = 0;
    out->guards = calloc(w->guards.count + 1, sizeof *out->guards);
    if (buf == NULL || out->guards == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for guards");
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < w->guards.count; i++) {
        err = copy_guard(r, w, &w->guards.guards[i], &out->guards[i], buf, why);
        out->count = i + 1;
    }
    return err;
}

/* A document that was recorded, but is not served yet, would be met at the next start. */
static enum hm_err check_served(struct db_reader *r, const struct reg_world *w, struct hm_why *why)
{
    struct reg_guards_now now;
    struct hm_digest served = hm_sha256(hm_buf_bytes(&w->guards_bytes));
    enum hm_err err = reg_guards_read(r, w, &now, why);
    return err != HM_OK || hm_digest_eq(&now.sha256, &served)
               ? err
               : hm_fail(why, HM_E_STATE,
                         "the guards document of record %llu holds, but this registrar was started "
                         "with the one before it; restart it first",
                         (unsigned long long)now.record);
}

enum hm_err reg_roster_holds(struct db_reader *r, const struct reg_world *w, const struct policy *p,
                             struct hm_why *why)
{
    __attribute__((cleanup(hm_guards_free))) struct hm_guards guards = {.count = 0};
    enum hm_err err = reg_roster_guards(r, w, &guards, why);
    return err == HM_OK ? reg_world_fits(w, &guards, p, why) : err;
}

enum hm_err reg_roster_fits(struct db_reader *r, const struct reg_world *w, const struct policy *p,
                            struct hm_why *why)
{
    enum hm_err err = check_served(r, w, why);
    return err == HM_OK ? reg_roster_holds(r, w, p, why) : err;
}
