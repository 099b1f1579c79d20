/* Release keys and their guards in ceremony.json. */
#include "hsm/ceremony/cer_config_priv.h"

#include "schema/trust/hm_keydoc.h"

#include <stdlib.h>
#include <string.h>

static void read_approvers(struct hm_json_in *in, const json_t *list, struct cer_release_key *k)
{
    k->approvers = calloc(json_array_size(list) + 1, sizeof *k->approvers);
    if (k->approvers == NULL)
        hm_json_bad(in, HM_E_MEMORY, "approvers", "no memory");
    for (size_t i = 0; in->err == HM_OK && i < json_array_size(list); i++) {
        char path[160];
        struct hm_key *a = &k->approvers[i];
        hm_json_path(in, "approvers", (long)i, path);
        in->err = hm_keydoc_read(json_array_get(list, i), path, a, in->why);
        for (size_t j = 0; in->err == HM_OK && j < i; j++)
            if (hm_key_eq(&k->approvers[j], a))
                hm_json_bad(in, HM_E_CONFIG, "approvers", "keys %zu and %zu are the same", j, i);
        k->approver_count = i + 1;
    }
}

/* What it must be for the guard, the guards document's own check says. */
static void read_roster(struct hm_json_in *guard, const json_t *v, struct cer_release_key *k)
{
    struct hm_json_in in;
    char path[160];
    hm_json_path(guard, "roster", -1, path);
    hm_json_begin(&in, v, path, guard->why);
    const json_t *list = hm_json_array(&in, "keys", 1, HM_GUARD_ROSTER_MAX);
    k->roster_threshold = (size_t)hm_json_uint(&in, "threshold", 1, HM_GUARD_ROSTER_MAX);
    k->roster = calloc(json_array_size(list) + 1, sizeof *k->roster);
    if (k->roster == NULL)
        hm_json_bad(&in, HM_E_MEMORY, "keys", "no memory");
    for (size_t i = 0; in.err == HM_OK && i < json_array_size(list); i++) {
        hm_json_path(&in, "keys", (long)i, path);
        in.err = hm_keydoc_read(json_array_get(list, i), path, &k->roster[i], in.why);
        k->roster_count = i + 1;
    }
    guard->err = hm_json_end(&in);
}

static void read_guard(struct hm_json_in *key, struct cer_release_key *k)
{
    struct hm_json_in in;
    char path[160];
    const json_t *v = hm_json_object(key, "guard");
    if (v == NULL)
        return;
    hm_json_path(key, "guard", -1, path);
    hm_json_begin(&in, v, path, key->why);
    k->approvals = (size_t)hm_json_uint(&in, "approvals", 0, HM_GUARD_APPROVERS_MAX);
    const json_t *list = hm_json_array(&in, "approvers", 0, HM_GUARD_APPROVERS_MAX);
    if (in.err == HM_OK && k->approvals == 0 && strcmp(k->environment, "development") != 0)
        hm_json_bad(&in, HM_E_CONFIG, "approvals",
                    "expected at least 1: only development keys may sign without approval");
    if (in.err == HM_OK && k->approvals > json_array_size(list))
        hm_json_bad(&in, HM_E_CONFIG, "approvals", "expected at most the number of approvers, %zu",
                    json_array_size(list));
    const json_t *roster = hm_json_object_or_null(&in, "roster");
    read_approvers(&in, list, k);
    if (in.err == HM_OK && roster != NULL)
        read_roster(&in, roster, k);
    key->err = hm_json_end(&in);
}

static void read_key(struct cer_reader *r, const json_t *v, size_t i)
{
    struct cer_config *c = r->c;
    struct hm_json_in in;
    char path[160];
    struct cer_release_key *k = &c->release[i];
    hm_json_path(r->root, "release_keys", (long)i, path);
    hm_json_begin(&in, v, path, r->root->why);
    cer_read_place(r, &in, NULL, &k->place);
    cer_read_environment(&in, "environment", k->environment);
    cer_read_names(&in, "products", CER_NAMES_MAX, &k->products);
    cer_read_names(&in, "channels", CER_NAMES_MAX, &k->channels);
    k->not_before_s = cer_read_time_or(&in, "not_before", 0);
    k->not_after_s = cer_read_time_or(&in, "not_after", 0);
    if (in.err == HM_OK && k->not_after_s != 0 && k->not_after_s <= k->not_before_s)
        hm_json_bad(&in, HM_E_CONFIG, "not_after", "expected a time after not_before");
    read_guard(&in, k);
    if (in.err == HM_OK && k->place.token == c->log.token)
        hm_json_bad(&in, HM_E_CONFIG, "label", "the log key needs a token of its own");
    for (size_t j = 0; in.err == HM_OK && j < c->root_count; j++)
        if (k->place.token == c->root[j].token)
            hm_json_bad(&in, HM_E_CONFIG, "label",
                        "a root token holds its root key alone: the service never opens it");
    r->root->err = hm_json_end(&in);
    c->release_count = i + 1;
}

void cer_read_release_keys(struct cer_reader *r)
{
    const json_t *list = hm_json_array(r->root, "release_keys", 1, CER_RELEASE_KEYS_MAX);
    for (size_t i = 0; r->root->err == HM_OK && i < json_array_size(list); i++)
        read_key(r, json_array_get(list, i), i);
}
