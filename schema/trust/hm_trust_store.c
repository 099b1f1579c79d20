/* Trust store: opening a signed one, and what others ask it. Thread: any. */
#include "schema/trust/hm_trust_store.h"

#include "schema/trust/hm_trust_store_priv.h"

#include <stdlib.h>
#include <string.h>

/* Decodes, checks, and encodes again: only the one encoding of a store is a store. */
static enum hm_err read_payload(struct hm_bytes payload, struct hm_trust_store *t,
                                struct hm_why *why)
{
    HM_BUF_AUTO again = {.limit = HM_TRUST_STORE_MAX};
    enum hm_err err = hm_ts_decode(payload, t, why);
    if (err == HM_OK)
        err = hm_ts_check(t, why);
    if (err != HM_OK)
        return err;
    hm_ts_encode(t, &again);
    if (hm_buf_err(&again) != HM_OK)
        return hm_fail(why, again.err, "trust store: no memory");
    if (!hm_bytes_eq(hm_buf_bytes(&again), payload))
        return hm_fail(why, HM_E_MALFORMED, "trust store: not in its deterministic encoding");
    return HM_OK;
}

void hm_trust_store_root(const struct hm_trust_store *t, struct hm_root *out)
{
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < t->root_count; i++) {
        int at = hm_ts_find_kid(t, t->root_kids[i]);
        if (at >= 0)
            out->keys[out->count++] = t->keys[at].key;
    }
    out->threshold = t->root_threshold;
}

enum hm_err hm_trust_store_open(struct hm_bytes document, struct hm_trust_store *out,
                                struct hm_why *why)
{
    struct hm_auth_view view;
    struct hm_root root;
    if (document.len > HM_TRUST_STORE_MAX)
        return hm_fail(why, HM_E_LIMIT, "trust store: %zu bytes, expected at most %zu",
                       document.len, HM_TRUST_STORE_MAX);
    HM_FREE struct hm_trust_store *t = malloc(sizeof *t);
    if (t == NULL)
        return hm_fail(why, HM_E_MEMORY, "trust store: no memory");
    enum hm_err err = hm_auth_parse(document, false, &view, why);
    if (err == HM_OK)
        err = read_payload(view.payload, t, why);
    if (err != HM_OK)
        return err;
    hm_trust_store_root(t, &root);
    err = hm_auth_verify(&view, root.keys, root.count, root.threshold, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "trust store");
    *out = *t;
    return HM_OK;
}
