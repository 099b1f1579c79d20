#include "schema/trust/hm_policy_root.h"

#include "schema/trust/hm_root_priv.h"

#include <string.h>

#define POLICY_ROOT_TYPE "policy-replacement/v1"
#define RECORD_MAX HM_NUMBER_MAX

static enum hm_err read_document(const json_t *doc, struct hm_policy_root *out, struct hm_why *why)
{
    struct hm_policy_root p = {.record = 0};
    struct hm_json_in in;
    struct hm_root_head head;
    hm_json_begin(&in, doc, "$", why);
    hm_root_head_read(&in, POLICY_ROOT_TYPE, &head);
    hm_json_digest(&in, "policy", &p.policy);
    hm_json_digest(&in, "in_force", &p.in_force);
    p.record = hm_json_uint(&in, "record", 1, RECORD_MAX);
    if (hm_json_end(&in) != HM_OK)
        return in.err;
    memcpy(p.origin, head.origin, sizeof p.origin);
    p.log_key = head.log_key;
    p.root = head.root;
    *out = p;
    return HM_OK;
}

enum hm_err hm_policy_root_open(struct hm_bytes document, const struct hm_root *trusted,
                                struct hm_policy_root *out, struct hm_why *why)
{
    HM_JSON_AUTO *doc = NULL;
    struct hm_policy_root p = {.record = 0};
    enum hm_err err = hm_root_open_json(document, trusted, &doc, why);
    if (err == HM_OK)
        err = read_document(doc, &p, why);
    if (err == HM_OK && !hm_root_same(&p.root, trusted))
        err = hm_fail(why, HM_E_DENIED, "$.root: not the root that is trusted here");
    if (err != HM_OK)
        return hm_fail_in(why, err, "replacement of the policy");
    *out = p;
    return HM_OK;
}

/* What is written is read again: nothing leaves that hm_policy_root_open would refuse. */
enum hm_err hm_policy_root_payload(const struct hm_policy_root *p, struct hm_buf *out,
                                   struct hm_why *why)
{
    char policy[HM_SHA256_HEX];
    char in_force[HM_SHA256_HEX];
    struct hm_policy_root again;
    HM_BUF_AUTO b = {.limit = HM_GUARDS_MAX};
    hm_digest_hex(&p->policy, policy);
    hm_digest_hex(&p->in_force, in_force);
    if (p->root.count > HM_ROOT_KEYS_MAX || p->record > RECORD_MAX)
        return hm_fail(why, HM_E_LIMIT, "replacement: more than the format allows");
    HM_JSON_AUTO *doc =
        json_pack("{s:s,s:o,s:s,s:s,s:I,s:o,s:s}", "in_force", in_force, "log_key",
                  hm_vkey_json(&p->log_key), "origin", p->origin, "policy", policy, "record",
                  (json_int_t)p->record, "root", hm_root_write(&p->root), "type", POLICY_ROOT_TYPE);
    if (doc == NULL)
        return hm_fail(why, HM_E_MALFORMED, "replacement: a text in it is not UTF-8, or no memory");
    enum hm_err err = read_document(doc, &again, why);
    if (err == HM_OK)
        err = hm_json_canon(doc, &b, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "replacement");
    hm_buf_put(out, b.data, b.len);
    return hm_buf_err(out);
}
