#include "tests/unit/schema/schema_store_fixture.h"

#include "tests/unit/schema/schema_rows.h"

#include <stdio.h>

static void kid_of(const struct fixture *f, int who, uint8_t kid[static HM_KID_LEN])
{
    hm_ts_kid(&f->s[who].key, kid);
}

static void add_key(struct fixture *f, int who)
{
    f->store.keys[f->store.key_count++] = (struct hm_ts_key){f->s[who].key, 1763683200, 0};
}

static void add_classes(struct hm_trust_store *t, size_t rule, size_t count)
{
    t->rules[rule].class_first = t->class_count;
    t->rules[rule].class_count = count;
    for (size_t i = 0; i < count; i++, t->class_count++)
        memset(t->classes[t->class_count].b, (int)(0x40 + t->class_count), 16);
}

static void fill_keys(struct fixture *f)
{
    struct hm_trust_store *t = &f->store;
    for (int who = ROOT_A; who <= RELEASE_B; who++)
        add_key(f, who);
    for (int i = 0; i < 3; i++)
        kid_of(f, ROOT_A + i, t->root_kids[i]);
    t->root_count = 3;
    t->root_threshold = 2;
    t->rule_count = 2;
    add_classes(t, 0, 3);
    add_classes(t, 1, 1);
    kid_of(f, RELEASE_A, t->rules[0].kids[0]);
    kid_of(f, RELEASE_B, t->rules[0].kids[1]);
    t->rules[0].kid_count = 2;
    t->rules[0].threshold = 2;
    kid_of(f, RELEASE_B, t->rules[1].kids[0]);
    t->rules[1].kid_count = 1;
    t->rules[1].threshold = 1;
}

static void fill_log(struct fixture *f)
{
    struct hm_trust_store *t = &f->store;
    assert_int_equal(hm_vkey_make("hallmark.example/rehearsal", &f->s[LOG].key, &t->log_key),
                     HM_OK);
    for (int i = 0; i < 2; i++) {
        (void)snprintf(t->witnesses[i].name, sizeof t->witnesses[i].name, "witness-%d.example", i);
        memcpy(t->witnesses[i].key, f->s[WITNESS_A + i].key.raw, 32);
    }
    t->witness_count = 2;
    t->witness_quorum = 1;
    memset(t->floors[0].class_id.b, 0x40, 16);
    t->floors[0].sequence = 4;
    memset(t->floors[1].class_id.b, 0x41, 16);
    t->floors[1].sequence = 0;
    t->floor_count = 2;
    kid_of(f, SPARE, t->revoked[0]);
    t->revoked_count = 1;
}

/* What hm_trust_store_payload writes is sorted: reading it back gives the sorted store. */
static void sort_store(struct fixture *f)
{
    HM_BUF_AUTO b = {.limit = 0};
    struct hm_why why = {""};
    if (hm_trust_store_payload(&f->store, &b, &why) != HM_OK)
        fail_msg("%s", why.text);
    assert_int_equal(hm_ts_decode(hm_buf_bytes(&b), &f->store, NULL), HM_OK);
}

struct fixture *store_fixture_new(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL)
        abort();
    for (int i = 0; i < KEYS; i++)
        signer_init(&f->s[i], i >= LOG && i <= WITNESS_B ? HM_KEY_ED25519 : HM_KEY_P256);
    f->store.epoch = 3;
    f->store.vendor = hm_vendor_id("example.com");
    f->store.issued_s = 1763683200;
    fill_keys(f);
    fill_log(f);
    sort_store(f);
    return f;
}

void store_fixture_free(struct fixture *f)
{
    for (int i = 0; i < KEYS; i++)
        signer_free(&f->s[i]);
    free(f);
}

enum hm_err store_open_signed(struct fixture *f, struct hm_bytes payload, struct hm_why *why)
{
    struct signer *roots[2] = {&f->s[ROOT_A], &f->s[ROOT_C]};
    HM_BUF_AUTO doc = {.limit = 0};
    signers_envelope(&doc, false, payload, roots, 2);
    return hm_trust_store_open(hm_buf_bytes(&doc), &f->opened, why);
}
