/* Rejection and cancellation statements, and release ids. Pure; any thread. */
#include "schema/attest/hm_decision.h"

#include "schema/attest/hm_lines_priv.h"
#include "schema/core/hm_text.h"

#include <stdio.h>

#define RELEASE_MAX HM_NUMBER_MAX

enum hm_err hm_release_id_parse(const char *text, uint64_t *idx)
{
    if (text[0] != 'r')
        return HM_E_MALFORMED;
    return hm_decimal(hm_bytes_str(text + 1), RELEASE_MAX, idx);
}

void hm_release_id(uint64_t idx, char out[static 24])
{
    (void)snprintf(out, 24, "r%llu", (unsigned long long)idx);
}

/* NULL for every other kind of document. */
static const char *type_of(enum hm_signed_kind kind)
{
    if (kind == HM_SIGNED_REJECTION)
        return "release-rejection/v1";
    if (kind == HM_SIGNED_CANCELLATION)
        return "release-cancellation/v1";
    return NULL;
}

enum hm_err hm_decision_write(const struct hm_decision *d, struct hm_buf *out, struct hm_why *why)
{
    char release[24];
    char submitted[HM_SHA256_HEX];
    const char *type = type_of(d->kind);
    if (type == NULL)
        return hm_fail(why, HM_E_MALFORMED, "statement: neither a rejection nor a cancellation");
    if (!hm_origin_ok(d->origin) || d->release > RELEASE_MAX)
        return hm_fail(why, HM_E_MALFORMED, "statement: bad origin or release");
    if (!hm_lines_reason_ok(d->reason))
        return hm_fail(why, HM_E_MALFORMED,
                       "statement: expected a reason of 1 to %d printable bytes", HM_REASON_MAX);
    hm_release_id(d->release, release);
    hm_digest_hex(&d->submitted, submitted);
    hm_buf_printf(out, "%s\norigin %s\nsubmitted %s\nrelease %s\nreason %s\n", type, d->origin,
                  submitted, release, d->reason);
    return hm_buf_err(out);
}

enum hm_err hm_decision_parse(struct hm_bytes text, enum hm_signed_kind kind,
                              struct hm_decision *out, struct hm_why *why)
{
    struct hm_decision d = {.kind = kind};
    struct hm_lines l;
    const char *type = type_of(kind);
    if (type == NULL)
        return hm_fail(why, HM_E_MALFORMED, "statement: neither a rejection nor a cancellation");
    hm_lines_begin(&l, text, why);
    hm_lines_type(&l, type);
    hm_lines_text(&l, "origin", d.origin, HM_ORIGIN_MAX, hm_origin_ok);
    hm_lines_digest(&l, "submitted", "", &d.submitted);
    hm_lines_release(&l, &d.release);
    hm_lines_text(&l, "reason", d.reason, HM_REASON_MAX, hm_lines_reason_ok);
    enum hm_err e = hm_lines_end(&l);
    if (e == HM_OK)
        *out = d;
    return e;
}
