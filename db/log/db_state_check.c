/* Where releases stand, held against what the records say. Verification of a log looks at records;
 * a copy whose records are whole may still say of a rejected release that it is approved. */
#include "db/log/db_state.h"

#include "schema/log/hm_record.h"

#include <stdlib.h>
#include <string.h>

#define ULL(v) ((unsigned long long)(v))
#define FIRST_CAP 64

/* What the records say of one release. */
struct told {
    uint64_t id, intent, unknown, signed_idx;
    enum hm_release_state state;
};
struct check {
    struct db_reader *reader;
    struct told *list; /* by ascending id */
    size_t count, cap;
};

static enum hm_err differs(uint64_t id, const char *what, struct hm_why *why)
{
    return hm_fail(why, HM_E_HISTORY,
                   "release r%llu: %s: what is stored of it is not what the records say", ULL(id),
                   what);
}

static struct told *find(const struct check *k, uint64_t id)
{
    size_t lo = 0;
    size_t hi = k->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (k->list[mid].id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < k->count && k->list[lo].id == id ? &k->list[lo] : NULL;
}

static enum hm_err add(struct check *k, uint64_t id, struct hm_why *why)
{
    if (k->count == k->cap) {
        size_t cap = k->cap == 0 ? FIRST_CAP : 2 * k->cap;
        struct told *grown = reallocarray(k->list, cap, sizeof *grown);
        if (grown == NULL)
            return hm_fail(why, HM_E_MEMORY, "no memory for the list of releases");
        k->list = grown;
        k->cap = cap;
    }
    k->list[k->count++] = (struct told){.id = id};
    return HM_OK;
}

static void take(struct told *t, const struct hm_record *r)
{
    bool result = r->event == HM_EV_RELEASE_SIGNED || r->event == HM_EV_SIGN_FAILED ||
                  r->event == HM_EV_SIGN_UNKNOWN;
    if (r->state != HM_RELEASE_NONE)
        t->state = r->state;
    if (r->event == HM_EV_SIGN_INTENDED || result)
        t->intent = result ? 0 : r->idx;
    if (result)
        t->unknown = r->event == HM_EV_SIGN_UNKNOWN ? r->idx : 0;
    if (result)
        t->signed_idx = r->event == HM_EV_RELEASE_SIGNED ? r->idx : 0;
}

static enum hm_err on_record(void *check, uint64_t idx, struct hm_bytes bytes, struct hm_why *why)
{
    struct check *k = check;
    struct hm_record r;
    enum hm_err err = hm_record_parse(bytes, &r, why);
    if (err != HM_OK || !r.has_release)
        return err;
    if (r.event == HM_EV_RELEASE_SUBMITTED && r.release == idx)
        err = add(k, idx, why);
    struct told *t = err == HM_OK ? find(k, r.release) : NULL;
    if (t != NULL) /* else a refusal that names one that never was */
        take(t, &r);
    return err;
}

static enum hm_err submitted(struct check *k, uint64_t id, struct hm_record *out,
                             struct hm_why *why)
{
    HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
    enum hm_err err = db_reader_record(k->reader, id, &bytes, why);
    return err == HM_OK ? hm_record_parse(hm_buf_bytes(&bytes), out, why) : err;
}

static bool same_subject(const struct db_release *rel, const struct hm_record *r)
{
    return strcmp(rel->product, r->product) == 0 && strcmp(rel->version, r->version) == 0 &&
           strcmp(rel->channel, r->channel) == 0 && strcmp(rel->environment, r->environment) == 0 &&
           strcmp(rel->submitter, r->actor) == 0 && rel->sequence == r->sequence &&
           rel->expires_s == (int64_t)r->expires_s && hm_digest_eq(&rel->manifest, &r->manifest) &&
           hm_digest_eq(&rel->policy, &r->policy);
}

static enum hm_err compare(struct check *k, const struct told *t, struct hm_why *why)
{
    struct db_release rel;
    struct hm_record r;
    enum hm_err err = db_reader_release(k->reader, t->id, &rel, why);
    if (err == HM_E_NOT_FOUND)
        return differs(t->id, "it is missing", why);
    if (err == HM_OK)
        err = submitted(k, t->id, &r, why);
    if (err != HM_OK)
        return err;
    if (rel.state != t->state)
        return differs(t->id, "its state", why);
    if (rel.intent != t->intent || rel.unknown != t->unknown || rel.signed_idx != t->signed_idx)
        return differs(t->id, "its signature", why);
    return same_subject(&rel, &r) ? HM_OK : differs(t->id, "what was submitted", why);
}

enum hm_err db_state_check(const char *path, struct hm_why *why)
{
    struct check k = {.reader = NULL};
    enum hm_err err = db_reader_open(path, &k.reader, why);
    if (err == HM_OK)
        err = db_reader_records(k.reader, 0, SIZE_MAX, on_record, &k, why);
    for (size_t i = 0; err == HM_OK && i < k.count; i++)
        err = compare(&k, &k.list[i], why);
    db_reader_close(k.reader);
    free(k.list);
    return err;
}
