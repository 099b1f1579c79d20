/* Step "guards": who must have approved before a release key signs, under the root's signatures. */
#include "hsm/ceremony/cer_priv.h"

#include <stdio.h>
#include <string.h>

static enum hm_err collect(const struct ceremony *c, struct hm_guards *g, struct hm_guard *list,
                           struct hm_why *why)
{
    memcpy(g->origin, c->config.origin, sizeof g->origin);
    enum hm_err err = cer_log_key(c, &g->log_key, why);
    if (err == HM_OK)
        err = cer_root(c, &g->root, why);
    for (size_t i = 0; err == HM_OK && i < c->config.release_count; i++) {
        const struct cer_release_key *k = &c->config.release[i];
        struct hm_key key;
        err = cer_public_key(c, &k->place, &key, why);
        if (err != HM_OK)
            return err;
        list[i].key = hm_key_id(&key);
        memcpy(list[i].environment, k->environment, sizeof list[i].environment);
        list[i].approvals = k->approvals;
        list[i].approvers = k->approvers; /* borrowed from the configuration */
        list[i].approver_count = k->approver_count;
        list[i].roster = k->roster;
        list[i].roster_count = k->roster_count;
        list[i].roster_threshold = k->roster_threshold;
    }
    g->guards = list;
    g->serial = c->config.guards_serial;
    g->count = c->config.release_count;
    return err;
}

enum hm_err cer_step_guards(struct ceremony *c, struct hm_why *why)
{
    struct hm_guard list[CER_RELEASE_KEYS_MAX];
    struct hm_guards g = {.count = 0};
    __attribute__((cleanup(hm_guards_free))) struct hm_guards again = {.count = 0};
    HM_BUF_AUTO payload = {.limit = HM_GUARDS_MAX};
    HM_BUF_AUTO document = {.limit = HM_GUARDS_MAX};
    cer_say(&c->out, "Guards");
    enum hm_err err = collect(c, &g, list, why);
    if (err == HM_OK)
        err = hm_guards_payload(&g, &payload, why);
    if (err == HM_OK)
        err = cer_root_sign(c, hm_buf_bytes(&payload), &document, why);
    if (err == HM_OK)
        err = hm_guards_open(hm_buf_bytes(&document), &g.root, &again, why);
    if (err != HM_OK)
        return err;
    for (size_t i = 0; i < c->config.release_count; i++)
        cer_say(&c->out, "  %s (%s): %zu of %zu approvers", c->config.release[i].place.key_label,
                c->config.release[i].environment, c->config.release[i].approvals,
                c->config.release[i].approver_count);
    return cer_write(&c->out, "guards.cbor", hm_buf_bytes(&document), why);
}
