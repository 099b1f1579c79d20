#include "schema/attest/hm_erasure.h"

#include "schema/attest/hm_lines_priv.h"
#include "schema/core/hm_text.h"
#include "schema/core/hm_time.h"

#include <inttypes.h>

#define TYPE "detail-erasure/v1"

enum hm_err hm_erasure_write(const struct hm_erasure *e, struct hm_buf *out, struct hm_why *why)
{
    char time[HM_TIME_TEXT];
    if (!hm_origin_ok(e->origin) || e->expires_s <= 0 || !hm_lines_reason_ok(e->reason))
        return hm_fail(why, HM_E_MALFORMED,
                       "erasure: expected an origin, an expiry and a reason of 1 to %d printable "
                       "bytes",
                       HM_REASON_MAX);
    if (e->count == 0 || e->count > HM_ERASURE_MAX)
        return hm_fail(why, HM_E_LIMIT, "erasure: %zu records, expected 1 to %d", e->count,
                       HM_ERASURE_MAX);
    hm_time_format(e->expires_s, time);
    hm_buf_printf(out, TYPE "\norigin %s\nexpires %s\nreason %s\n", e->origin, time, e->reason);
    for (size_t i = 0; i < e->count; i++) {
        char hex[HM_SHA256_HEX];
        if (i > 0 && e->items[i].idx <= e->items[i - 1].idx)
            return hm_fail(why, HM_E_MALFORMED, "erasure: records ascend, and each stands once");
        hm_digest_hex(&e->items[i].detail, hex);
        hm_buf_printf(out, "detail %" PRIu64 " sha256:%s\n", e->items[i].idx, hex);
    }
    return hm_buf_err(out);
}

static void read_item(struct hm_lines *l, struct hm_erasure *e)
{
    struct hm_bytes value = hm_lines_value(l, "detail");
    struct hm_bytes index;
    struct hm_bytes digest;
    if (l->err != HM_OK)
        return;
    if (e->count == HM_ERASURE_MAX) {
        hm_lines_bad(l, "at most 128 records");
        return;
    }
    struct hm_erasure_item *item = &e->items[e->count];
    if (!hm_lines_split(value, ' ', &index, &digest) ||
        hm_decimal(index, HM_NUMBER_MAX, &item->idx) != HM_OK ||
        !hm_lines_prefixed_digest(digest, "sha256:", &item->detail))
        hm_lines_bad(l, "the index of a record and the digest of its detail");
    else if (e->count > 0 && item->idx <= e->items[e->count - 1].idx)
        hm_lines_bad(l, "an index above the one before");
    e->count++;
}

enum hm_err hm_erasure_parse(struct hm_bytes text, struct hm_erasure *out, struct hm_why *why)
{
    struct hm_erasure e = {.expires_s = 0};
    struct hm_lines l;
    hm_lines_begin(&l, text, why);
    hm_lines_type(&l, TYPE);
    hm_lines_text(&l, "origin", e.origin, HM_ORIGIN_MAX, hm_origin_ok);
    hm_lines_time(&l, "expires", &e.expires_s);
    hm_lines_text(&l, "reason", e.reason, HM_REASON_MAX, hm_lines_reason_ok);
    do
        read_item(&l, &e);
    while (hm_lines_next_is(&l, "detail"));
    enum hm_err err = hm_lines_end(&l);
    if (err == HM_OK && e.expires_s <= 0)
        err = hm_fail(why, HM_E_MALFORMED, "erasure: expected an expiry after 1970");
    if (err == HM_OK)
        *out = e;
    return err;
}
