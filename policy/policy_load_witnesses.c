/* The member `witnesses`: who cosigns checkpoints, and how many must. */
#include "policy/policy_witness.h"

#include "policy/policy_read_priv.h"

static enum hm_err add_witness(struct hm_json_in *in, const json_t *v, struct hm_cosigners *known)
{
    struct hm_why inner = {"expected a text"};
    struct hm_cosigner c;
    enum hm_err err = json_is_string(v)
                          ? hm_cosigner_parse(hm_bytes_str(json_string_value(v)), &c, &inner)
                          : HM_E_MALFORMED;
    if (err == HM_OK)
        err = hm_cosigners_add(known, &c, &inner);
    if (err != HM_OK)
        hm_json_bad(in, err == HM_E_MEMORY ? err : HM_E_MALFORMED, "keys",
                    "expected verifier keys of different witnesses, as `hallmark-witness vkey` "
                    "prints them: %.200s",
                    inner.text);
    return err;
}

enum hm_err policy_load_witnesses(struct policy *p, const json_t *v, struct hm_why *why)
{
    struct hm_json_in in;
    if (v == NULL)
        return HM_OK;
    struct policy_witnesses *w = policy_alloc(&p->arena, 1, sizeof *w);
    if (w == NULL)
        return policy_no_memory(why);
    hm_json_begin(&in, v, "$.witnesses", why);
    const json_t *keys = hm_json_array(&in, "keys", 1, HM_WITNESSES_MAX);
    for (size_t i = 0; in.err == HM_OK && i < json_array_size(keys); i++)
        (void)add_witness(&in, json_array_get(keys, i), &w->known);
    w->quorum = (size_t)hm_json_uint(&in, "quorum", 1, HM_WITNESSES_MAX);
    w->timeout_s = (int64_t)hm_json_uint_or(&in, "timeout_s", 1, POLICY_WITNESS_TIMEOUT_MAX_S,
                                            POLICY_WITNESS_TIMEOUT_DEFAULT_S);
    if (in.err == HM_OK && w->quorum > w->known.count)
        hm_json_bad(&in, HM_E_MALFORMED, "quorum",
                    "%zu of %zu witnesses; expected at most that many", w->quorum, w->known.count);
    p->witnesses = w;
    return hm_json_end(&in);
}

const struct policy_witnesses *policy_witnesses(const struct policy *p)
{
    return p->witnesses;
}
