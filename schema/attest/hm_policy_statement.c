#include "schema/attest/hm_policy_statement.h"

#include "schema/attest/hm_lines_priv.h"
#include "schema/core/hm_text.h"
#include "schema/core/hm_time.h"

#include <inttypes.h>

#define PROPOSAL_TYPE "policy-proposal/v1"
#define APPROVAL_TYPE "policy-approval/v1"

static void put_digest(struct hm_buf *out, const char *name, const struct hm_digest *d)
{
    char hex[HM_SHA256_HEX];
    hm_digest_hex(d, hex);
    hm_buf_printf(out, "%s sha256:%s\n", name, hex);
}

static void put_expires(struct hm_buf *out, int64_t expires_s)
{
    char time[HM_TIME_TEXT];
    hm_time_format(expires_s, time);
    hm_buf_printf(out, "expires %s\n", time);
}

enum hm_err hm_policy_proposal_write(const struct hm_policy_proposal *p, struct hm_buf *out,
                                     struct hm_why *why)
{
    if (!hm_origin_ok(p->origin) || p->expires_s <= 0)
        return hm_fail(why, HM_E_MALFORMED, "proposal: bad origin or expiry");
    if (!hm_lines_reason_ok(p->reason))
        return hm_fail(why, HM_E_MALFORMED,
                       "proposal: expected a reason of 1 to %d printable bytes", HM_REASON_MAX);
    hm_buf_printf(out, PROPOSAL_TYPE "\norigin %s\n", p->origin);
    put_digest(out, "policy", &p->policy);
    put_digest(out, "in-force", &p->in_force);
    put_expires(out, p->expires_s);
    hm_buf_printf(out, "reason %s\n", p->reason);
    return hm_buf_err(out);
}

enum hm_err hm_policy_proposal_parse(struct hm_bytes text, struct hm_policy_proposal *out,
                                     struct hm_why *why)
{
    struct hm_policy_proposal p = {.expires_s = 0};
    struct hm_lines l;
    hm_lines_begin(&l, text, why);
    hm_lines_type(&l, PROPOSAL_TYPE);
    hm_lines_text(&l, "origin", p.origin, HM_ORIGIN_MAX, hm_origin_ok);
    hm_lines_digest(&l, "policy", "sha256:", &p.policy);
    hm_lines_digest(&l, "in-force", "sha256:", &p.in_force);
    hm_lines_time(&l, "expires", &p.expires_s);
    hm_lines_text(&l, "reason", p.reason, HM_REASON_MAX, hm_lines_reason_ok);
    enum hm_err err = hm_lines_end(&l);
    if (err == HM_OK)
        *out = p;
    return err;
}

enum hm_err hm_policy_approval_write(const struct hm_policy_approval *a, struct hm_buf *out,
                                     struct hm_why *why)
{
    char leaf[HM_SHA256_HEX];
    if (!hm_origin_ok(a->origin) || a->expires_s <= 0)
        return hm_fail(why, HM_E_MALFORMED, "policy approval: bad origin or expiry");
    hm_digest_hex(a->leaf, leaf);
    hm_buf_printf(out, APPROVAL_TYPE "\norigin %s\nproposal %" PRIu64 "\nproposed %s\n", a->origin,
                  a->proposal, leaf);
    put_digest(out, "policy", a->policy);
    put_digest(out, "in-force", a->in_force);
    put_expires(out, a->expires_s);
    return hm_buf_err(out);
}
