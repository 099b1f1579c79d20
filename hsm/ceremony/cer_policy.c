/* Step "policy": a policy replaces the one in force by the word of the root, where no quorum of
 * administrators can say so. The log's operator sends the result to the registrar. */
#include "hsm/ceremony/cer_priv.h"

#include "schema/io/hm_file.h"
#include "schema/trust/hm_policy_root.h"

#include <string.h>

static enum hm_err digest_of(const char *file, const char *option, struct hm_digest *out,
                             struct hm_why *why)
{
    HM_BUF_AUTO b = {.limit = HM_POLICY_MAX};
    HM_JSON_AUTO *doc = NULL;
    if (file == NULL)
        return hm_fail(why, HM_E_CONFIG, "give it with %s FILE", option);
    enum hm_err err = hm_file_read(file, HM_POLICY_MAX, &b, why);
    if (err == HM_OK) {
        err = hm_json_parse(hm_buf_bytes(&b), HM_JSON_OURS(HM_POLICY_MAX), &doc, why);
        if (err != HM_OK)
            err = hm_fail_in(why, err, "%s", file);
    }
    if (err == HM_OK)
        *out = hm_sha256(hm_buf_bytes(&b));
    return err;
}

static enum hm_err collect(const struct ceremony *c, struct hm_policy_root *p, struct hm_why *why)
{
    memcpy(p->origin, c->config.origin, sizeof p->origin);
    enum hm_err err = digest_of(c->policy_file, "--policy", &p->policy, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "the new policy");
    err = digest_of(c->in_force_file, "--in-force", &p->in_force, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "the policy in force");
    if (c->record == 0)
        return hm_fail(why, HM_E_CONFIG,
                       "the record that put the policy in force into force: give it with --record "
                       "N (`hallmark policy show` says it)");
    p->record = c->record;
    err = cer_log_key(c, &p->log_key, why);
    return err == HM_OK ? cer_root(c, &p->root, why) : err;
}

enum hm_err cer_step_policy(struct ceremony *c, struct hm_why *why)
{
    struct hm_policy_root p = {.record = 0};
    struct hm_policy_root again;
    char policy[HM_SHA256_HEX];
    HM_BUF_AUTO payload = {.limit = HM_GUARDS_MAX};
    HM_BUF_AUTO document = {.limit = HM_GUARDS_MAX};
    cer_say(&c->out, "Replacement of the policy");
    enum hm_err err = collect(c, &p, why);
    if (err == HM_OK)
        err = hm_policy_root_payload(&p, &payload, why);
    if (err == HM_OK)
        err = cer_root_sign(c, hm_buf_bytes(&payload), &document, why);
    if (err == HM_OK)
        err = hm_policy_root_open(hm_buf_bytes(&document), &p.root, &again, why);
    if (err != HM_OK)
        return err;
    hm_digest_hex(&p.policy, policy);
    cer_say(&c->out, "  new policy sha256:%s", policy);
    cer_fact(&c->out, "policy", "sha256", policy);
    return cer_write(&c->out, "policy-replacement.cbor", hm_buf_bytes(&document), why);
}
