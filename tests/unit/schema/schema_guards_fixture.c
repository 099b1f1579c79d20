#include "tests/unit/schema/schema_guards_fixture.h"

#include "tests/unit/schema/schema_rows.h"

#include "schema/json/hm_json_canon.h"

#include <stdio.h>

static void fill_guard(const struct fixture *f, struct hm_guard *g, int release,
                       const char *environment, size_t approvals)
{
    g->key = hm_key_id(&f->s[release].key);
    (void)snprintf(g->environment, sizeof g->environment, "%s", environment);
    g->approvals = approvals;
    g->approvers = calloc(3, sizeof *g->approvers);
    assert_non_null(g->approvers);
    for (int i = 0; i < 3; i++)
        g->approvers[i] = f->s[ALICE + i].key;
    /* one of them a security key */
    (void)snprintf(g->approvers[2].application, sizeof g->approvers[2].application, "ssh:");
    g->approver_count = 3;
}

void guards_fill(const struct fixture *f, struct hm_guards *g)
{
    memset(g, 0, sizeof *g);
    (void)snprintf(g->origin, sizeof g->origin, ORIGIN);
    assert_int_equal(hm_vkey_make(ORIGIN, &f->s[LOG].key, &g->log_key), HM_OK);
    g->root = f->root;
    g->guards = calloc(2, sizeof *g->guards);
    assert_non_null(g->guards);
    g->count = 2;
    fill_guard(f, &g->guards[0], RELEASE, "production", 2);
    fill_guard(f, &g->guards[1], DEV_RELEASE, "development", 0);
}

static void fill_genesis(const struct fixture *f, struct hm_genesis *g)
{
    memset(g, 0, sizeof *g);
    (void)snprintf(g->origin, sizeof g->origin, ORIGIN);
    assert_int_equal(hm_vkey_make(ORIGIN, &f->s[LOG].key, &g->log_key), HM_OK);
    g->root = f->root;
    g->guards = hm_sha256(hm_bytes_str("guards"));
    g->policy = hm_sha256(hm_bytes_str("policy"));
    (void)snprintf(g->trust_stores[0].environment, HM_NAME_MAX, "production");
    (void)snprintf(g->trust_stores[1].environment, HM_NAME_MAX, "development");
    g->trust_store_count = 2;
}

static json_t *parsed(const struct hm_buf *b)
{
    json_t *doc = NULL;
    assert_int_equal(hm_json_canon_check(hm_buf_bytes(b), 16, NULL), HM_OK);
    assert_int_equal(hm_json_parse(hm_buf_bytes(b), HM_JSON_OURS(HM_GUARDS_MAX), &doc, NULL),
                     HM_OK);
    return doc;
}

struct fixture *guards_fixture_new(void)
{
    struct hm_guards guards;
    struct hm_genesis genesis;
    HM_BUF_AUTO a = {.limit = 0};
    HM_BUF_AUTO b = {.limit = 0};
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL)
        abort();
    for (int i = 0; i < KEYS; i++)
        signer_init(&f->s[i], i == LOG || i >= BOB ? HM_KEY_ED25519 : HM_KEY_P256);
    f->root.keys[0] = f->s[ROOT_A].key;
    f->root.keys[1] = f->s[ROOT_B].key;
    f->root.count = f->root.threshold = 2;
    guards_fill(f, &guards);
    fill_genesis(f, &genesis);
    if (hm_guards_payload(&guards, &a, NULL) != HM_OK ||
        hm_genesis_payload(&genesis, &b, NULL) != HM_OK)
        abort();
    f->guards = parsed(&a);
    f->genesis = parsed(&b);
    hm_guards_free(&guards);
    return f;
}

void guards_fixture_free(struct fixture *f)
{
    for (int i = 0; i < KEYS; i++)
        signer_free(&f->s[i]);
    json_decref(f->guards);
    json_decref(f->genesis);
    free(f);
}

void guards_sign_by_root(struct fixture *f, struct hm_bytes payload, struct hm_buf *doc)
{
    struct signer *roots[2] = {&f->s[ROOT_A], &f->s[ROOT_B]};
    signers_envelope(doc, false, payload, roots, 2);
}

enum hm_err guards_try(const struct fixture *f, struct hm_bytes doc, struct hm_why *why)
{
    struct hm_guards g;
    memset(&g, 0x5a, sizeof g);
    enum hm_err err = hm_guards_open(doc, &f->root, &g, why);
    if (err == HM_OK)
        hm_guards_free(&g);
    else
        assert_int_equal(g.count, (size_t)0x5a5a5a5a5a5a5a5a); /* untouched */
    return err;
}

enum hm_err genesis_try(const struct fixture *f, struct hm_bytes doc, struct hm_why *why)
{
    struct hm_genesis g;
    memset(&g, 0x5a, sizeof g);
    enum hm_err err = hm_genesis_open(doc, &f->root, &g, why);
    if (err != HM_OK)
        assert_int_equal(g.trust_store_count, (size_t)0x5a5a5a5a5a5a5a5a);
    return err;
}
