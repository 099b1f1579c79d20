/* What a verdict says to others: its first failure, and its canonical JSON. */
#include "policy/policy_verdict.h"

#include "schema/json/hm_json_canon.h"

const char *policy_first_failed(const struct policy_verdict *v)
{
    for (size_t i = 0; i < v->finding_count; i++)
        if (!v->findings[i].ok)
            return v->findings[i].check;
    return "";
}

static void put_bool(struct hm_buf *out, const char *prefix, bool value)
{
    hm_buf_puts(out, prefix);
    hm_buf_puts(out, value ? "true" : "false");
}

static void put_text(struct hm_buf *out, const char *prefix, const char *text)
{
    hm_buf_puts(out, prefix);
    hm_json_canon_str(out, hm_bytes_str(text));
}

/* Members in the order of RFC 8785. */
enum hm_err policy_verdict_json(const struct policy_verdict *v, struct hm_buf *out,
                                struct hm_why *why)
{
    char hex[HM_SHA256_HEX];
    hm_digest_hex(&v->policy, hex);
    put_bool(out, "{\"allow\":", v->allow);
    hm_buf_puts(out, ",\"findings\":[");
    for (size_t i = 0; i < v->finding_count; i++) {
        const struct policy_finding *f = &v->findings[i];
        put_text(out, i > 0 ? ",{\"check\":" : "{\"check\":", f->check);
        put_text(out, ",\"found\":", f->found);
        put_bool(out, ",\"ok\":", f->ok);
        put_text(out, ",\"required\":", f->required);
        hm_buf_puts(out, "}");
    }
    put_text(out, "],\"policy\":", hex);
    put_text(out, ",\"rule\":", v->rule);
    hm_buf_puts(out, "}");
    enum hm_err err = hm_buf_err(out);
    if (err != HM_OK)
        return hm_fail(why, err, "verdict: %zu findings do not fit into the buffer",
                       v->finding_count);
    return HM_OK;
}
