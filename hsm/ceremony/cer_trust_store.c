/* Step "trust-store": for each environment, which keys a device believes for its hardware class.
 * Only keys of that very environment come in, so a development key never reaches a production
 * device. */
#include "hsm/ceremony/cer_priv.h"

#include "schema/core/hm_time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void kid_of(const struct hm_key *k, uint8_t out[static HM_KID_LEN])
{
    struct hm_digest id = hm_key_id(k);
    memcpy(out, id.b, HM_KID_LEN);
}

static int by_kid(const void *a, const void *b)
{
    return memcmp(a, b, HM_KID_LEN);
}

static int by_key(const void *a, const void *b)
{
    uint8_t ka[HM_KID_LEN];
    uint8_t kb[HM_KID_LEN];
    kid_of(&((const struct hm_ts_key *)a)->key, ka);
    kid_of(&((const struct hm_ts_key *)b)->key, kb);
    return memcmp(ka, kb, HM_KID_LEN);
}

static bool has(const struct cer_names *n, const char *name)
{
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(n->name[i], name) == 0)
            return true;
    return false;
}

/* Adds a key of some role once; its validity is the first one's. */
static enum hm_err add_key(struct hm_trust_store *t, const struct hm_key *key, uint64_t from,
                           uint64_t until, struct hm_why *why)
{
    for (size_t i = 0; i < t->key_count; i++)
        if (hm_key_eq(&t->keys[i].key, key))
            return HM_OK;
    if (t->key_count == HM_TS_KEYS_MAX)
        return hm_fail(why, HM_E_LIMIT, "more than %d keys in one trust store", HM_TS_KEYS_MAX);
    t->keys[t->key_count++] = (struct hm_ts_key){*key, from, until};
    return HM_OK;
}

static enum hm_err add_root(const struct ceremony *c, struct hm_trust_store *t, struct hm_why *why)
{
    struct hm_root root;
    enum hm_err err = cer_root(c, &root, why);
    for (size_t i = 0; err == HM_OK && i < root.count; i++) {
        kid_of(&root.keys[i], t->root_kids[t->root_count++]);
        err = add_key(t, &root.keys[i], 0, 0, why);
    }
    if (err != HM_OK)
        return err;
    t->root_threshold = root.threshold;
    qsort(t->root_kids, t->root_count, HM_KID_LEN, by_kid);
    return HM_OK;
}

static enum hm_err add_classes(struct hm_trust_store *t, const struct cer_hardware *h,
                               struct hm_ts_rule *rule, struct hm_why *why)
{
    rule->class_first = t->class_count;
    if (h->models.count * h->revisions.count * h->regions.count >
        HM_TS_CLASSES_MAX - t->class_count)
        return hm_fail(why, HM_E_LIMIT,
                       "product %s: more than %d hardware classes in one trust store", h->product,
                       HM_TS_CLASSES_MAX);
    for (size_t m = 0; m < h->models.count; m++)
        for (size_t r = 0; r < h->revisions.count; r++)
            for (size_t g = 0; g < h->regions.count; g++)
                t->classes[t->class_count++] =
                    hm_class_id(&t->vendor, h->product, h->models.name[m], h->revisions.name[r],
                                h->regions.name[g]);
    rule->class_count = t->class_count - rule->class_first;
    qsort(&t->classes[rule->class_first], rule->class_count, sizeof t->classes[0], by_kid);
    return HM_OK;
}

static enum hm_err add_rule(const struct ceremony *c, const struct cer_store *s,
                            const struct cer_hardware *h, struct hm_trust_store *t,
                            struct hm_why *why)
{
    struct hm_ts_rule *rule = &t->rules[t->rule_count++];
    rule->threshold = h->threshold;
    for (size_t i = 0; i < c->config.release_count; i++) {
        const struct cer_release_key *k = &c->config.release[i];
        struct hm_key key;
        if (strcmp(k->environment, s->environment) != 0 || !has(&k->products, h->product))
            continue;
        enum hm_err err = cer_public_key(c, &k->place, &key, why);
        if (err == HM_OK)
            err = add_key(t, &key, k->not_before_s, k->not_after_s, why);
        if (err != HM_OK)
            return err;
        kid_of(&key, rule->kids[rule->kid_count++]);
    }
    if (rule->kid_count < rule->threshold)
        return hm_fail(why, HM_E_CONFIG,
                       "trust store %s: product %s needs %zu release keys of this environment, "
                       "%zu are configured",
                       s->environment, h->product, rule->threshold, rule->kid_count);
    qsort(rule->kids, rule->kid_count, HM_KID_LEN, by_kid);
    return add_classes(t, h, rule, why);
}

static void add_floors(const struct cer_store *s, struct hm_trust_store *t)
{
    for (size_t i = 0; i < s->floor_count; i++) {
        const struct cer_floor *f = &s->floors[i];
        t->floors[t->floor_count].class_id =
            hm_class_id(&t->vendor, f->product, f->model, f->revision, f->region);
        t->floors[t->floor_count++].sequence = f->sequence;
    }
    qsort(t->floors, t->floor_count, sizeof t->floors[0], by_kid);
}

static void add_witnesses(const struct cer_store *s, struct hm_trust_store *t)
{
    for (size_t i = 0; i < s->witnesses.count; i++) {
        const struct hm_vkey *v = &s->witnesses.of[i].v;
        memcpy(t->witnesses[i].name, v->name, sizeof t->witnesses[i].name);
        memcpy(t->witnesses[i].key, v->key.raw, sizeof t->witnesses[i].key);
    }
    t->witness_count = s->witnesses.count;
    t->witness_quorum = s->witness_quorum;
}

static enum hm_err fill(const struct ceremony *c, const struct cer_store *s,
                        struct hm_trust_store *t, struct hm_why *why)
{
    t->epoch = s->epoch;
    t->issued_s = s->issued_s;
    t->vendor = hm_vendor_id(c->config.vendor_domain);
    enum hm_err err = cer_log_key(c, &t->log_key, why);
    if (err == HM_OK)
        err = add_root(c, t, why);
    for (size_t i = 0; err == HM_OK && i < s->hardware_count; i++)
        err = add_rule(c, s, &s->hardware[i], t, why);
    if (err != HM_OK)
        return err;
    add_floors(s, t);
    add_witnesses(s, t);
    qsort(t->keys, t->key_count, sizeof t->keys[0], by_key);
    return HM_OK;
}

static void say_witnesses(struct ceremony *c, const struct cer_store *s)
{
    if (s->witnesses.count == 0) {
        cer_say(&c->out, "    witnesses: none");
        return;
    }
    cer_say(&c->out, "    witnesses: %zu of these %zu must cosign", s->witness_quorum,
            s->witnesses.count);
    for (size_t i = 0; i < s->witnesses.count; i++) {
        HM_BUF_AUTO line = {.limit = 0};
        hm_cosigner_write(&s->witnesses.of[i], &line);
        cer_say(&c->out, "    %s", hm_buf_str(&line));
    }
    if (2 * s->witness_quorum <= s->witnesses.count)
        cer_say(&c->out,
                "    note: not more than half. Two histories of the log can each be cosigned by "
                "witnesses that saw no other");
}

static enum hm_err make_store(struct ceremony *c, const struct cer_store *s,
                              struct hm_trust_store *t, struct hm_why *why)
{
    char name[CER_STORE_NAME_MAX];
    char issued[HM_TIME_TEXT];
    HM_BUF_AUTO payload = {.limit = HM_TRUST_STORE_MAX};
    HM_BUF_AUTO document = {.limit = HM_TRUST_STORE_MAX};
    memset(t, 0, sizeof *t);
    enum hm_err err = fill(c, s, t, why);
    if (err == HM_OK)
        err = hm_trust_store_payload(t, &payload, why);
    if (err == HM_OK)
        err = cer_root_sign(c, hm_buf_bytes(&payload), &document, why);
    if (err == HM_OK)
        err = hm_trust_store_open(hm_buf_bytes(&document), t, why);
    if (err != HM_OK)
        return err;
    hm_time_format((int64_t)s->issued_s, issued);
    cer_say(&c->out, "  %s: epoch %llu, issued %s, %zu hardware classes, %zu release keys",
            s->environment, (unsigned long long)s->epoch, issued, t->class_count,
            t->key_count - t->root_count);
    say_witnesses(c, s);
    cer_store_name(s->environment, name);
    return cer_write(&c->out, name, hm_buf_bytes(&document), why);
}

enum hm_err cer_step_trust_store(struct ceremony *c, struct hm_why *why)
{
    HM_FREE struct hm_trust_store *t = calloc(1, sizeof *t); /* large */
    enum hm_err err = t != NULL ? HM_OK : hm_fail(why, HM_E_MEMORY, "no memory");
    cer_say(&c->out, "Trust stores");
    for (size_t i = 0; err == HM_OK && i < c->config.store_count; i++)
        err = make_store(c, &c->config.stores[i], t, why);
    return err;
}
