#include "client/cli_details.h"

#include "client/cli_grow.h"
#include "schema/attest/hm_erasure.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct item {
    uint64_t idx;
    struct hm_digest detail;
    uint64_t gone_by; /* the record that says so, 0: none (record 0 never does) */
    bool there;
};
struct cli_details {
    struct item *items; /* by ascending idx */
    size_t count, cap;
    struct cli_details_gone gone;
};

enum hm_err cli_details_open(struct cli_details **out, struct hm_why *why)
{
    *out = calloc(1, sizeof **out);
    return *out != NULL ? HM_OK : hm_fail(why, HM_E_MEMORY, "out of memory");
}

void cli_details_close(struct cli_details *d)
{
    if (d != NULL)
        free(d->items);
    free(d);
}

enum hm_err cli_details_add(struct cli_details *d, const struct hm_record *r, bool there,
                            struct hm_why *why)
{
    if (cli_grow((void *)&d->items, d->count, &d->cap, sizeof *d->items, why) != HM_OK)
        return HM_E_MEMORY;
    d->items[d->count++] = (struct item){.idx = r->idx, .detail = r->detail, .there = there};
    return HM_OK;
}

/* The first one at idx or behind. */
static size_t place(const struct cli_details *d, uint64_t idx)
{
    size_t lo = 0;
    size_t hi = d->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (d->items[mid].idx < idx)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void note(struct cli_details *d, const struct hm_record *r, bool retired)
{
    struct cli_details_gone *g = &d->gone;
    if (g->records < CLI_DETAILS_NAMED) {
        g->by[g->records].record = r->idx;
        g->by[g->records].count = r->count;
        g->by[g->records].retired = retired;
    }
    g->records++;
}

static enum hm_err erase_one(struct cli_details *d, const struct hm_record *r,
                             const struct hm_erasure_item *item, struct cli_fault *f,
                             struct hm_why *why)
{
    char expected[64];
    char found[64];
    size_t at = place(d, item->idx);
    struct item *i = at < d->count && d->items[at].idx == item->idx ? &d->items[at] : NULL;
    if (i != NULL && i->gone_by == 0 && hm_digest_eq(&i->detail, &item->detail)) {
        i->gone_by = r->idx;
        return HM_OK;
    }
    (void)snprintf(expected, sizeof expected, "private detail of record %" PRIu64, item->idx);
    if (i == NULL)
        (void)snprintf(found, sizeof found, "a record without any");
    else if (i->gone_by != 0)
        (void)snprintf(found, sizeof found, "one that record %" PRIu64 " says is gone", i->gone_by);
    else
        (void)snprintf(found, sizeof found, "another digest");
    return cli_fault(f, CLI_FAULT_ERASURE, r->idx, expected, found, why);
}

enum hm_err cli_details_erased(struct cli_details *d, const struct hm_record *r,
                               struct hm_bytes statement, const char *origin, struct cli_fault *f,
                               struct hm_why *why)
{
    struct hm_erasure e;
    struct hm_why inner = {""};
    struct hm_digest digest = hm_sha256(statement);
    enum hm_err err = hm_erasure_parse(statement, &e, &inner);
    if (err != HM_OK)
        return cli_fault(f, CLI_FAULT_ERASURE, r->idx, "an erasure statement", inner.text, why);
    if (strcmp(e.origin, origin) != 0)
        return cli_fault(f, CLI_FAULT_ERASURE, r->idx, origin, e.origin, why);
    if (!r->has_statement || !hm_digest_eq(&r->statement, &digest))
        return cli_fault_digest(f, CLI_FAULT_ERASURE, r->idx, &digest, &r->statement, why);
    if (r->count != e.count)
        return cli_fault_number(f, CLI_FAULT_ERASURE, r->idx, e.count, r->count, why);
    for (size_t i = 0; err == HM_OK && i < e.count; i++)
        err = erase_one(d, r, &e.items[i], f, why);
    note(d, r, false);
    return err;
}

enum hm_err cli_details_retired(struct cli_details *d, const struct hm_record *r,
                                struct cli_fault *f, struct hm_why *why)
{
    uint64_t count = 0;
    if (!r->has_first || !r->has_last || r->first > r->last || r->last >= r->idx)
        return cli_fault(f, CLI_FAULT_ERASURE, r->idx, "a range of records before it", "none", why);
    for (size_t i = place(d, r->first); i < d->count && d->items[i].idx <= r->last; i++) {
        if (d->items[i].gone_by != 0)
            continue;
        d->items[i].gone_by = r->idx;
        count++;
    }
    note(d, r, true);
    return count == r->count ? HM_OK
                             : cli_fault_number(f, CLI_FAULT_ERASURE, r->idx, count, r->count, why);
}

enum hm_err cli_details_end(const struct cli_details *d, struct cli_fault *f, struct hm_why *why)
{
    for (size_t n = 0; n < d->count; n++) {
        const struct item *i = &d->items[n];
        char text[64];
        if (i->there == (i->gone_by == 0))
            continue;
        if (i->gone_by == 0)
            return cli_fault(f, CLI_FAULT_DETAIL_MISSING, i->idx,
                             "private detail, or a record that says it is gone", "neither", why);
        (void)snprintf(text, sizeof text, "none: gone by record %" PRIu64, i->gone_by);
        return cli_fault(f, CLI_FAULT_DETAIL_KEPT, i->idx, text, "it is still there", why);
    }
    return HM_OK;
}

void cli_details_gone(const struct cli_details *d, struct cli_details_gone *out)
{
    *out = d->gone;
}
