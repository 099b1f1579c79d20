/* Trust stores in ceremony.json: which hardware, from when, with which floors. */
#include "hsm/ceremony/cer_config_priv.h"

#include "schema/trust/hm_trust_store.h"

#include <stdlib.h>
#include <string.h>

#define EPOCH_MAX HM_NUMBER_MAX

static void read_hardware(struct hm_json_in *store, const json_t *v, size_t i, struct cer_store *s)
{
    struct hm_json_in in;
    char path[160];
    struct cer_hardware *h = &s->hardware[i];
    hm_json_path(store, "hardware", (long)i, path);
    hm_json_begin(&in, v, path, store->why);
    cer_read_name(&in, "product", h->product);
    cer_read_names(&in, "models", CER_NAMES_MAX, &h->models);
    cer_read_names(&in, "revisions", CER_NAMES_MAX, &h->revisions);
    cer_read_names(&in, "regions", CER_NAMES_MAX, &h->regions);
    h->threshold = (size_t)hm_json_uint_or(&in, "threshold", 1, CER_RELEASE_KEYS_MAX, 1);
    store->err = hm_json_end(&in);
    s->hardware_count = i + 1;
}

static void read_floor(struct hm_json_in *store, const json_t *v, size_t i, struct cer_store *s)
{
    struct hm_json_in in;
    char path[160];
    struct cer_floor *f = &s->floors[i];
    hm_json_path(store, "floors", (long)i, path);
    hm_json_begin(&in, v, path, store->why);
    cer_read_name(&in, "product", f->product);
    cer_read_name(&in, "model", f->model);
    cer_read_name(&in, "revision", f->revision);
    cer_read_name(&in, "region", f->region);
    f->sequence = hm_json_uint(&in, "sequence", 1, EPOCH_MAX);
    store->err = hm_json_end(&in);
    s->floor_count = i + 1;
}

static void read_lists(struct hm_json_in *in, struct cer_store *s)
{
    const json_t *hardware = hm_json_array(in, "hardware", 1, CER_HARDWARE_MAX);
    const json_t *floors = hm_json_array_or_null(in, "floors", CER_FLOORS_MAX);
    s->hardware = calloc(json_array_size(hardware) + 1, sizeof *s->hardware);
    s->floors = calloc(json_array_size(floors) + 1, sizeof *s->floors);
    if (s->hardware == NULL || s->floors == NULL)
        hm_json_bad(in, HM_E_MEMORY, "hardware", "no memory");
    for (size_t i = 0; in->err == HM_OK && i < json_array_size(hardware); i++)
        read_hardware(in, json_array_get(hardware, i), i, s);
    for (size_t i = 0; in->err == HM_OK && i < json_array_size(floors); i++)
        read_floor(in, json_array_get(floors, i), i, s);
}

static void read_witness(struct hm_json_in *in, const json_t *v, struct cer_store *s)
{
    struct hm_why inner = {"expected a text"};
    struct hm_cosigner c;
    enum hm_err err = HM_E_CONFIG;
    if (json_is_string(v))
        err = hm_cosigner_parse(hm_bytes_str(json_string_value(v)), &c, &inner);
    if (err == HM_OK)
        err = hm_cosigners_add(&s->witnesses, &c, &inner);
    if (err != HM_OK)
        hm_json_bad(in, HM_E_CONFIG, "keys", "%s", inner.text);
}

static void read_witnesses(struct hm_json_in *store, struct cer_store *s)
{
    struct hm_json_in in;
    char path[160];
    const json_t *v = hm_json_object_or_null(store, "witnesses");
    if (v == NULL || store->err != HM_OK)
        return;
    hm_json_path(store, "witnesses", -1, path);
    hm_json_begin(&in, v, path, store->why);
    const json_t *keys = hm_json_array(&in, "keys", 1, HM_WITNESSES_MAX);
    for (size_t i = 0; in.err == HM_OK && i < json_array_size(keys); i++)
        read_witness(&in, json_array_get(keys, i), s);
    s->witness_quorum = (size_t)hm_json_uint(&in, "quorum", 1, HM_WITNESSES_MAX);
    if (in.err == HM_OK && s->witness_quorum > s->witnesses.count)
        hm_json_bad(&in, HM_E_CONFIG, "quorum", "expected at most the number of witnesses, %zu",
                    s->witnesses.count);
    store->err = hm_json_end(&in);
}

static void read_store(struct cer_reader *r, const json_t *v, size_t i, uint64_t now_s)
{
    struct hm_json_in in;
    char path[160];
    struct cer_store *s = &r->c->stores[i];
    hm_json_path(r->root, "trust_stores", (long)i, path);
    hm_json_begin(&in, v, path, r->root->why);
    cer_read_environment(&in, "environment", s->environment);
    for (size_t j = 0; in.err == HM_OK && j < i; j++)
        if (strcmp(r->c->stores[j].environment, s->environment) == 0)
            hm_json_bad(&in, HM_E_CONFIG, "environment", "it has a trust store already");
    s->epoch = hm_json_uint(&in, "epoch", 1, EPOCH_MAX);
    s->issued_s = cer_read_time_or(&in, "issued", now_s);
    read_lists(&in, s);
    read_witnesses(&in, s);
    r->root->err = hm_json_end(&in);
    r->c->store_count = i + 1;
}

void cer_read_stores(struct cer_reader *r, uint64_t now_s)
{
    const json_t *list = hm_json_array(r->root, "trust_stores", 1, HM_TRUST_STORES_MAX);
    for (size_t i = 0; r->root->err == HM_OK && i < json_array_size(list); i++)
        read_store(r, json_array_get(list, i), i, now_s);
}
