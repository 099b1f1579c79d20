/* Key guards and genesis, what may stand in them: round trip, one edit of the signed JSON per row,
 * rosters. */
#include "tests/unit/schema/schema_guards_fixture.h"
#include "tests/unit/schema/schema_rows.h"

#include "schema/json/hm_json_canon.h"
#include "schema/trust/hm_keydoc.h"

#include <stdio.h>

static struct fixture *fixture; /* made once: keys cost time. One thread. */

static void guards_round_trip(void **state)
{
    (void)state;
    struct hm_guards g;
    HM_BUF_AUTO b = {.limit = 0};
    HM_BUF_AUTO again = {.limit = 0};
    HM_BUF_AUTO doc = {.limit = 0};
    assert_int_equal(hm_json_canon(fixture->guards, &b, NULL), HM_OK);
    guards_sign_by_root(fixture, hm_buf_bytes(&b), &doc);
    assert_int_equal(hm_guards_open(hm_buf_bytes(&doc), &fixture->root, &g, NULL), HM_OK);
    assert_string_equal(g.origin, ORIGIN);
    struct hm_digest id = hm_key_id(&fixture->s[RELEASE].key);
    const struct hm_guard *guard = hm_guards_find(&g, &id);
    assert_non_null(guard);
    assert_int_equal(guard->approvals, 2);
    assert_int_equal(guard->approver_count, 3);
    assert_string_equal(guard->environment, "production");
    assert_true(hm_key_is_sk(&guard->approvers[2]));
    id = hm_key_id(&fixture->s[ALICE].key);
    assert_null(hm_guards_find(&g, &id));
    assert_int_equal(hm_guards_payload(&g, &again, NULL), HM_OK);
    assert_true(hm_bytes_eq(hm_buf_bytes(&again), hm_buf_bytes(&b)));
    hm_guards_free(&g);
    hm_guards_free(&g);
    hm_guards_free(NULL);
}

static void genesis_round_trip(void **state)
{
    (void)state;
    struct hm_genesis g;
    HM_BUF_AUTO b = {.limit = 0};
    HM_BUF_AUTO again = {.limit = 0};
    HM_BUF_AUTO doc = {.limit = 0};
    assert_int_equal(hm_json_canon(fixture->genesis, &b, NULL), HM_OK);
    guards_sign_by_root(fixture, hm_buf_bytes(&b), &doc);
    assert_int_equal(hm_genesis_open(hm_buf_bytes(&doc), &fixture->root, &g, NULL), HM_OK);
    assert_int_equal(g.trust_store_count, 2);
    assert_string_equal(g.trust_stores[1].environment, "development");
    assert_int_equal(hm_genesis_payload(&g, &again, NULL), HM_OK);
    assert_true(hm_bytes_eq(hm_buf_bytes(&again), hm_buf_bytes(&b)));
}

/* The value of an edit: JSON text, "@N" a key object of fixture key N, "#N" its key id, "+N" a
 * verifier key line of it, NULL deletes. */
static json_t *value_of(const char *text)
{
    int who = text[0] != '\0' ? atoi(text + 1) : 0;
    char hex[HM_SHA256_HEX];
    struct hm_digest id;
    struct hm_vkey v;
    HM_BUF_AUTO line = {.limit = 0};
    switch (text[0]) {
    case '@':
        return hm_keydoc_write(&fixture->s[who].key);
    case '#':
        id = hm_key_id(&fixture->s[who].key);
        hm_digest_hex(&id, hex);
        return json_string(hex);
    case '+':
        assert_int_equal(hm_vkey_make(ORIGIN, &fixture->s[who].key, &v), HM_OK);
        hm_vkey_write(&v, &line);
        return json_string(hm_buf_str(&line));
    default:
        return json_loads(text, JSON_DECODE_ANY, NULL);
    }
}

static json_t *child(json_t *v, const char *step)
{
    return json_is_array(v) ? json_array_get(v, (size_t)atoi(step)) : json_object_get(v, step);
}

/* path: members and indexes between slashes. */
static void edit(json_t *doc, const char *path, const char *value)
{
    char steps[128];
    char *rest = NULL;
    (void)snprintf(steps, sizeof steps, "%s", path);
    char *step = strtok_r(steps, "/", &rest);
    for (char *next = strtok_r(NULL, "/", &rest); next != NULL; next = strtok_r(NULL, "/", &rest)) {
        doc = child(doc, step);
        step = next;
    }
    int failed;
    if (value == NULL)
        failed = json_is_array(doc) ? json_array_remove(doc, (size_t)atoi(step))
                                    : json_object_del(doc, step);
    else if (json_is_array(doc) && (size_t)atoi(step) == json_array_size(doc))
        failed = json_array_append_new(doc, value_of(value));
    else
        failed = json_is_array(doc) ? json_array_set_new(doc, (size_t)atoi(step), value_of(value))
                                    : json_object_set_new(doc, step, value_of(value));
    assert_int_equal(failed, 0);
}

struct edit_row {
    const char *name;
    const char *path;
    const char *value;
    const char *says;
};

static const struct edit_row common_rows[] = {
    {"type of another", "type", "\"release-approval/v1\"", "$.type"},
    {"type of another version", "type", "\"key-guards/v2\"", "$.type"},
    {"no type", "type", NULL, "$.type"},
    {"no origin", "origin", NULL, "$.origin"},
    {"origin with space", "origin", "\"a b\"", "$.origin"},
    {"another origin than the log key's", "origin", "\"other.example\"", "$.log_key"},
    {"no log key", "log_key", NULL, "$.log_key"},
    {"log key is no line", "log_key", "\"x\"", "$.log_key"},
    {"no root", "root", NULL, "$.root"},
    {"root threshold 0", "root/threshold", "0", "$.root.threshold"},
    {"root threshold above its keys", "root/threshold", "3", "$.root"},
    {"root threshold lower than trusted", "root/threshold", "1", "$.root"},
    {"root threshold as text", "root/threshold", "\"2\"", "$.root.threshold"},
    {"root key twice", "root/keys/1", "@0", "$.root"},
    {"root without keys", "root/keys", "[]", "$.root.keys"},
    {"root key more than trusted", "root/keys/2", "@8", "$.root"},
    {"root key of another", "root/keys/1", "@8", "$.root"},
    {"root key without form", "root/keys/1", "{}", "$.root.keys[1]"},
    {"root key broken", "root/keys/1/pem", "\"x\"", "$.root.keys[1].pem"},
    {"root key in two forms", "root/keys/1/ssh", "\"ssh-ed25519 AAAA\"", "$.root.keys[1]"},
    {"unknown member", "extra", "1", "$.extra: unknown member"},
    {"unknown member of the root", "root/extra", "1", "$.root.extra: unknown member"},
};

static const struct edit_row guards_rows[] = {
    {"guards: empty", "guards", "[]", "$.guards"},
    {"guards: no object", "guards/0", "1", "$.guards[0]"},
    {"guards: log key is a root key", "root/keys/1", "@4", "$.log_key"},
    {"guards: unknown member", "guards/0/extra", "1", "$.guards[0].extra: unknown member"},
    {"guards: no approvals", "guards/0/approvals", NULL, "$.guards[0].approvals"},
    {"guards: 0 approvals in production", "guards/0/approvals", "0", "$.guards[0].approvals"},
    {"guards: more approvals than approvers", "guards/0/approvals", "4", "$.guards[0].approvals"},
    {"guards: negative approvals", "guards/0/approvals", "-1", NULL},
    {"guards: development becomes production", "guards/1/environment", "\"production\"",
     "$.guards[1].approvals"},
    {"guards: development becomes staging", "guards/1/environment", "\"staging\"",
     "$.guards[1].approvals"},
    {"guards: unknown environment", "guards/0/environment", "\"Production\"",
     "$.guards[0].environment"},
    {"guards: key guarded twice", "guards/1/key", "#2", "$.guards[1].key"},
    {"guards: key is no digest", "guards/0/key", "\"ab\"", "$.guards[0].key"},
    {"guards: key is a root key", "guards/0/key", "#0", "$.guards[0].key"},
    {"guards: key is the log's", "guards/0/key", "#4", "$.guards[0].key"},
    {"guards: approver twice", "guards/0/approvers/1", "@5", "$.guards[0].approvers[1]"},
    {"guards: approver twice, once as security key", "guards/0/approvers/0", "@7",
     "$.guards[0].approvers[2]"},
    {"guards: approver is a root key", "guards/0/approvers/0", "@0", "$.guards[0].approvers[0]"},
    {"guards: approver is the log", "guards/0/approvers/0", "@4", "$.guards[0].approvers[0]"},
    {"guards: approver is its own release key", "guards/0/approvers/0", "@2",
     "$.guards[0].approvers[0]"},
    {"guards: approver is another release key", "guards/0/approvers/0", "@3",
     "$.guards[0].approvers[0]"},
    {"guards: approver without form", "guards/0/approvers/2", "{}", "$.guards[0].approvers[2]"},
    {"guards: serial number 0", "serial", "0", "$.serial"},
    {"guards: serial number as text", "serial", "\"1\"", "$.serial"},
    {"guards: roster without keys", "guards/0/roster", "{\"keys\":[],\"threshold\":2}",
     "$.guards[0].roster.keys"},
    {"guards: roster without threshold", "guards/0/roster", "{\"keys\":[]}", "$.guards[0].roster"},
    {"guards: roster as a list", "guards/0/roster", "[]", "$.guards[0].roster"},
    {"guards: approver unknown form", "guards/0/approvers/2", "{\"pgp\":\"x\"}",
     "$.guards[0].approvers[2].pgp: unknown member"},
};

static const struct edit_row genesis_rows[] = {
    {"genesis: no guards", "guards", NULL, "$.guards"},
    {"genesis: guards is no digest", "guards", "\"x\"", "$.guards"},
    {"genesis: no policy", "policy", NULL, "$.policy"},
    {"genesis: no trust stores", "trust_stores", NULL, "$.trust_stores"},
    {"genesis: environment twice", "trust_stores/1/environment", "\"production\"",
     "$.trust_stores[1].environment"},
    {"genesis: environment unknown", "trust_stores/1/environment", "\"test\"",
     "$.trust_stores[1].environment"},
    {"genesis: store is no digest", "trust_stores/0/sha256", "\"x\"", "$.trust_stores[0].sha256"},
    {"genesis: unknown member of a store", "trust_stores/0/extra", "true",
     "$.trust_stores[0].extra: unknown member"},
    {"genesis: log key is a root key", "root/keys/1", "@4", "$.log_key"},
};

static void open_edited(json_t *original, const struct edit_row *row,
                        enum hm_err (*open)(const struct fixture *, struct hm_bytes,
                                            struct hm_why *))
{
    HM_JSON_AUTO *doc = json_deep_copy(original);
    HM_BUF_AUTO b = {.limit = 0};
    HM_BUF_AUTO signed_doc = {.limit = 0};
    struct hm_why why = {""};
    edit(doc, row->path, row->value);
    assert_int_equal(hm_json_canon(doc, &b, NULL), HM_OK);
    guards_sign_by_root(fixture, hm_buf_bytes(&b), &signed_doc);
    assert_int_not_equal(open(fixture, hm_buf_bytes(&signed_doc), &why), HM_OK);
    if (row->says != NULL && strstr(why.text, row->says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why.text, row->says);
}

static void edited_guards(void **state)
{
    open_edited(fixture->guards, *state, guards_try);
}

static void edited_genesis(void **state)
{
    open_edited(fixture->genesis, *state, genesis_try);
}

/* Whether a guard of 2 of {alice, bob, carol} may have this roster. */
static enum hm_err with_roster(const int *keys, size_t count, size_t threshold)
{
    struct hm_guards g;
    HM_BUF_AUTO b = {.limit = 0};
    guards_fill(fixture, &g);
    g.guards[0].roster = calloc(count + 1, sizeof *g.guards[0].roster);
    assert_non_null(g.guards[0].roster);
    for (size_t i = 0; i < count; i++)
        g.guards[0].roster[i] = fixture->s[keys[i]].key;
    g.guards[0].roster_count = count;
    g.guards[0].roster_threshold = threshold;
    enum hm_err err = hm_guards_payload(&g, &b, NULL);
    hm_guards_free(&g);
    return err;
}

static void rosters(void **state)
{
    struct signer more;
    (void)state;
    signer_init(&more, HM_KEY_ED25519);
    struct signer kept = fixture->s[ROOT_A];
    assert_int_equal(with_roster((const int[]){OTHER}, 1, 1), HM_E_MALFORMED); /* below M */
    assert_int_equal(with_roster((const int[]){OTHER}, 1, 2), HM_E_MALFORMED);
    assert_int_equal(with_roster((const int[]){OTHER, OTHER}, 2, 2), HM_E_MALFORMED);
    assert_int_equal(with_roster((const int[]){OTHER, ALICE}, 2, 2), HM_E_MALFORMED);
    assert_int_equal(with_roster((const int[]){OTHER, ROOT_B}, 2, 2), HM_E_MALFORMED);
    assert_int_equal(with_roster((const int[]){OTHER, LOG}, 2, 2), HM_E_MALFORMED);
    assert_int_equal(with_roster((const int[]){OTHER, RELEASE}, 2, 2), HM_E_MALFORMED);
    assert_int_equal(with_roster((const int[]){OTHER, DEV_RELEASE}, 2, 2), HM_E_MALFORMED);
    fixture->s[ROOT_A] = more; /* a key that nothing else knows; the root is a copy */
    assert_int_equal(with_roster((const int[]){OTHER, ROOT_A}, 2, 2), HM_OK);
    assert_int_equal(with_roster((const int[]){OTHER, ROOT_A}, 2, 0), HM_E_MALFORMED);
    assert_int_equal(with_roster((const int[]){OTHER, ROOT_A}, 2, 3), HM_E_MALFORMED);
    fixture->s[ROOT_A] = kept;
    signer_free(&more);
}

int main(void)
{
    struct CMUnitTest tests[2 * COUNT(common_rows) + COUNT(guards_rows) + COUNT(genesis_rows) + 3];
    fixture = guards_fixture_new();
    size_t n = ADD_ROWS(tests, 0, edited_guards, common_rows);
    n = ADD_ROWS(tests, n, edited_genesis, common_rows);
    n = ADD_ROWS(tests, n, edited_guards, guards_rows);
    n = ADD_ROWS(tests, n, edited_genesis, genesis_rows);
    n = ADD_TEST(tests, n, guards_round_trip);
    n = ADD_TEST(tests, n, genesis_round_trip);
    n = ADD_TEST(tests, n, rosters);
    int failed = _cmocka_run_group_tests("schema_guards", tests, n, NULL, NULL);
    guards_fixture_free(fixture);
    return failed;
}
