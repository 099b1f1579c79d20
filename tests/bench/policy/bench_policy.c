/* What a decision and the check of an approval cost, against bare signature verifications in the
 * same run. One JSON line for each figure, in the form of bench.py. Usage: bench_policy <source
 * tree>.
 */
#include "schema/attest/hm_signed.h"
#include "schema/core/hm_text.h"
#include "schema/trust/hm_keydoc.h"
#include "tests/unit/policy/policy_facts.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PRINCIPALS 200
#define RULES 100
#define ROUNDS 9 /* the median of so many counts */
#define DECISIONS 2000
#define CHECKS 400
#define STATEMENT 900 /* bytes of a usual approval statement */

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench_policy: %s\n", what);
    exit(1);
}

static double now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* ---- a key pair, and what it signed ---- */

struct signer {
    EVP_PKEY *pkey;
    struct hm_key key;
    const EVP_MD *md; /* NULL: Ed25519 */
    uint8_t message[4096];
    size_t message_len;
    uint8_t sig[128];
    size_t sig_len;
};

static void make_key(struct signer *s, bool p256)
{
    s->pkey = p256 ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    s->md = p256 ? EVP_sha256() : NULL;
    uint8_t *der = NULL;
    int n = s->pkey != NULL ? i2d_PUBKEY(s->pkey, &der) : 0;
    must(n > 0, "cannot make a key");
    must(hm_key_from_spki(hm_bytes_of(der, (size_t)n), &s->key, NULL) == HM_OK,
         "cannot read a key");
    OPENSSL_free(der);
}

static void sign(struct signer *s, struct hm_bytes message)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    s->sig_len = sizeof s->sig;
    s->message_len = message.len;
    must(message.len <= sizeof s->message, "the message is too long");
    memcpy(s->message, message.data, message.len);
    must(c != NULL && EVP_DigestSignInit(c, NULL, s->md, NULL, s->pkey) == 1 &&
             EVP_DigestSign(c, s->sig, &s->sig_len, message.data, message.len) == 1,
         "cannot sign");
    EVP_MD_CTX_free(c);
}

/* The bare primitive: one verification with a key that is ready. */
static void verify_bare(void *ctx)
{
    const struct signer *s = ctx;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    must(c != NULL && EVP_DigestVerifyInit(c, NULL, s->md, NULL, s->pkey) == 1 &&
             EVP_DigestVerify(c, s->sig, s->sig_len, s->message, s->message_len) == 1,
         "a good signature does not verify");
    EVP_MD_CTX_free(c);
}

/* ---- an approval ---- */

struct approval {
    struct signer signer;
    struct hm_key_ready *ready; /* as the policy keeps it */
    struct hm_buf statement;
    struct hm_buf document;
    struct hm_signed parsed;
};

/* Is it this person's, over this very statement? */
static void check_parsed(const struct approval *a, const struct hm_signed *s)
{
    must(hm_signed_verify_with(s, HM_SIGNED_APPROVAL, &a->signer.key, a->ready, NULL) == HM_OK &&
             hm_bytes_eq(hm_signed_payload(s), hm_buf_bytes(&a->statement)),
         "a good approval is refused");
}

static void check_approval(void *ctx)
{
    const struct approval *a = ctx;
    check_parsed(a, &a->parsed);
}

static void read_and_check(void *ctx)
{
    const struct approval *a = ctx;
    struct hm_signed s;
    must(hm_signed_parse(hm_buf_bytes(&a->document), HM_SIGNED_MAX, &s, NULL) == HM_OK,
         "a good approval cannot be read");
    check_parsed(a, &s);
    hm_signed_free(&s);
}

static void make_statement(struct hm_buf *out)
{
    hm_buf_puts(out, "release-approval/v1\n");
    while (out->len < STATEMENT)
        hm_buf_puts(
            out, "artifact sha256:0011223344556677889900112233445566778899001122334455667788990011"
                 " 786432 firmware.bin\n");
}

static void make_dsse(struct approval *a)
{
    HM_BUF_AUTO pae = {.limit = 8192};
    const char *type = hm_signed_payload_type(HM_SIGNED_APPROVAL);
    hm_buf_printf(&pae, "DSSEv1 %zu %s %zu ", strlen(type), type, a->statement.len);
    hm_buf_put(&pae, a->statement.data, a->statement.len);
    sign(&a->signer, hm_buf_bytes(&pae));
    must(hm_signed_write_dsse(&a->document, HM_SIGNED_APPROVAL, hm_buf_bytes(&a->statement),
                              hm_bytes_of(a->signer.sig, a->signer.sig_len), NULL) == HM_OK,
         "cannot write the document");
}

static void put_string(struct hm_buf *b, struct hm_bytes s)
{
    const uint8_t len[4] = {0, 0, (uint8_t)(s.len >> 8), (uint8_t)s.len};
    hm_buf_put(b, len, sizeof len);
    hm_buf_put(b, s.data, s.len);
}

static void put_common(struct hm_buf *b)
{
    put_string(b, hm_bytes_str(hm_signed_namespace(HM_SIGNED_APPROVAL)));
    put_string(b, hm_bytes_str(""));
    put_string(b, hm_bytes_str("sha256"));
}

/* PROTOCOL.sshsig. */
static void make_ssh(struct approval *a)
{
    HM_BUF_AUTO data = {.limit = 4096};
    HM_BUF_AUTO blob = {.limit = 4096};
    HM_BUF_AUTO part = {.limit = 4096};
    HM_BUF_AUTO armour = {.limit = 8192};
    const struct hm_digest digest = hm_sha256(hm_buf_bytes(&a->statement));
    hm_buf_puts(&data, "SSHSIG");
    put_common(&data);
    put_string(&data, hm_bytes_of(digest.b, sizeof digest.b));
    sign(&a->signer, hm_buf_bytes(&data));
    hm_buf_put(&blob, "SSHSIG\0\0\0\1", 10);
    hm_key_ssh_blob(&a->signer.key, &part);
    put_string(&blob, hm_buf_bytes(&part));
    put_common(&blob);
    hm_buf_reset(&part);
    put_string(&part, hm_bytes_str("ssh-ed25519"));
    put_string(&part, hm_bytes_of(a->signer.sig, a->signer.sig_len));
    put_string(&blob, hm_buf_bytes(&part));
    hm_buf_reset(&part);
    hm_base64(&part, hm_buf_bytes(&blob));
    hm_buf_puts(&armour, "-----BEGIN SSH SIGNATURE-----\n");
    for (size_t i = 0; i < part.len; i += 70) {
        hm_buf_put(&armour, part.data + i, part.len - i < 70 ? part.len - i : 70);
        hm_buf_putc(&armour, '\n');
    }
    hm_buf_puts(&armour, "-----END SSH SIGNATURE-----\n");
    must(hm_signed_write_ssh(&a->document, hm_buf_bytes(&a->statement), hm_buf_bytes(&armour)) ==
             HM_OK,
         "cannot write the document");
}

/* ---- a decision ---- */

struct decision {
    struct policy *policy;
    struct facts_doc facts;
    json_t *facts_doc;
};

static void decide(void *ctx)
{
    const struct decision *d = ctx;
    struct policy_verdict v;
    policy_evaluate(d->policy, &d->facts.facts, &v);
    must(v.allow, "the decision is a no");
}

/* A raw value that decodes as a point; loading wants keys, nobody signs with them. */
static struct hm_key any_key(size_t n)
{
    struct hm_key k;
    for (size_t i = 0; i < 64; i++) {
        uint64_t seed[2] = {n, i};
        struct hm_digest d = hm_sha256(hm_bytes_of(seed, sizeof seed));
        if (hm_key_from_raw(HM_KEY_ED25519, hm_bytes_of(d.b, 32), &k, NULL) == HM_OK)
            return k;
    }
    must(false, "no point found");
    return (struct hm_key){0};
}

static void add_people(json_t *doc)
{
    json_t *people = json_object_get(doc, "principals");
    json_t *group = json_object_get(json_array_get(json_object_get(doc, "groups"), 0), "members");
    for (size_t i = json_array_size(people); i < PRINCIPALS; i++) {
        const struct hm_key k = any_key(i);
        char id[32];
        (void)snprintf(id, sizeof id, "person-%03zu", i);
        must(json_array_append_new(people,
                                   json_pack("{s:s, s:[s], s:[o]}", "id", id, "roles", "approver",
                                             "approval_keys", hm_keydoc_write(&k))) == 0 &&
                 json_array_append_new(group, json_string(id)) == 0,
             "no memory");
    }
}

static void add_rules(json_t *doc)
{
    json_t *rules = json_object_get(doc, "rules");
    json_t *products = json_object_get(json_array_get(json_object_get(doc, "keys"), 0), "products");
    for (size_t i = json_array_size(rules); i < RULES; i++) {
        char product[32];
        json_t *r = json_deep_copy(json_array_get(rules, 0));
        (void)snprintf(product, sizeof product, "product-%03zu", i);
        must(r != NULL && json_object_set_new(r, "id", json_string(product)) == 0 &&
                 json_object_set_new(r, "products", json_pack("[s]", product)) == 0 &&
                 json_array_append_new(products, json_string(product)) == 0 &&
                 json_array_append_new(rules, r) == 0,
             "no memory");
    }
}

/* Everything that a rule can ask without asking the log, in both rules of the key. */
#define DEMANDING                                                                                  \
    "rules/0/approvals={'stages':[{'group':'release-managers','count':1},{'of':[{'group':"         \
    "'release-managers','count':1},{'group':'security','count':1}]}],'veto':['security']};"        \
    "rules/1/approvals=@rules/0/approvals;rules/0/provenance/refs=['refs/tags/v*'];"               \
    "rules/1/provenance/refs=['refs/tags/v*'];rules/0/hardware=['er-100'];"                        \
    "rules/0/limits={'max_size':1000000,'no_downgrade':true};"                                     \
    "rules/0/freeze={'utc_offset':'+01:00','windows':[{'days':['sat','sun'],'from':'00:00',"       \
    "'to':'24:00'}]}"
#define FACTS                                                                                      \
    "hardware=[{'model':'er-100','revision':'b'}];size=786432;now_s=1795392000;"                   \
    "last={'version':'2.0.9','rollback_floor':0,'size':786000};approvals/0/record=10;"             \
    "approvals/1/record=11;approvals/2={'principal':'dave','record':12,'key':"                     \
    "'447356cae610b37bf9af45e85ca3f06175fcbf2c700781a46790e7bb73d22139'}"

static void make_decision(struct decision *d)
{
    HM_JSON_AUTO *doc = document_json("accept/full.json");
    struct hm_why why = {""};
    d->facts_doc = document_json("facts/full.json");
    must(doc != NULL && d->facts_doc != NULL, "the documents are not there");
    must(document_edit(doc, DEMANDING, NULL) && document_edit(d->facts_doc, FACTS, doc),
         "the documents are not as expected");
    add_people(doc);
    add_rules(doc);
    HM_FREE char *text = json_dumps(doc, 0);
    must(text != NULL && policy_load(hm_bytes_str(text), &d->policy, &why) == HM_OK, why.text);
    must(facts_read(d->facts_doc, &d->facts), "the facts are not as expected");
}

/* ---- measuring ---- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double count(void (*f)(void *), void *ctx, size_t n)
{
    double start = now_us();
    for (size_t i = 0; i < n; i++)
        f(ctx);
    return (now_us() - start) / (double)n;
}

/* Both by turns, so that a slower machine slows both; the medians. */
static void figure(const char *bench, void (*f)(void *), void *ctx, size_t n, struct signer *bare,
                   double limit)
{
    double value[ROUNDS];
    double against[ROUNDS];
    (void)count(f, ctx, n / 4 + 1);
    (void)count(verify_bare, bare, CHECKS / 4);
    for (size_t i = 0; i < ROUNDS; i++) {
        value[i] = count(f, ctx, n);
        against[i] = count(verify_bare, bare, CHECKS);
    }
    qsort(value, ROUNDS, sizeof value[0], compare);
    qsort(against, ROUNDS, sizeof against[0], compare);
    printf("{\"bench\": \"%s\", \"value\": %.4f, \"unit\": \"us\", \"bare\": %.4f, "
           "\"ratio\": %.4f",
           bench, value[ROUNDS / 2], against[ROUNDS / 2], value[ROUNDS / 2] / against[ROUNDS / 2]);
    if (limit > 0)
        printf(", \"limit\": %.2f", limit);
    puts("}");
}

/* The check of an approval that was read, and with reading it (JSON, base64, armour). */
static void approval(const char *kind, bool p256, void (*make)(struct approval *))
{
    struct approval a = {.statement = {.limit = 8192}, .document = {.limit = HM_SIGNED_MAX}};
    char bench[64];
    make_key(&a.signer, p256);
    must(hm_key_ready_make(&a.signer.key, &a.ready) == HM_OK, "cannot import a key");
    make_statement(&a.statement);
    make(&a);
    must(hm_signed_parse(hm_buf_bytes(&a.document), HM_SIGNED_MAX, &a.parsed, NULL) == HM_OK,
         "a good approval cannot be read");
    (void)snprintf(bench, sizeof bench, "approval_check_%s", kind);
    figure(bench, check_approval, &a, CHECKS, &a.signer, 1.2);
    (void)snprintf(bench, sizeof bench, "approval_read_and_check_%s", kind);
    figure(bench, read_and_check, &a, CHECKS, &a.signer, 1.2);
    hm_signed_free(&a.parsed);
    hm_key_ready_free(a.ready);
    EVP_PKEY_free(a.signer.pkey);
    hm_buf_free(&a.statement);
    hm_buf_free(&a.document);
}

int main(int argc, char **argv)
{
    struct decision d = {.policy = NULL};
    struct signer p256 = {.pkey = NULL};
    must(argc == 2 && setenv("HALLMARK_SOURCE", argv[1], 1) == 0,
         "usage: bench_policy <source tree>");
    make_decision(&d);
    make_key(&p256, true);
    sign(&p256, hm_bytes_str("the bytes of one release"));
    figure("policy_decision", decide, &d, DECISIONS, &p256, 0.25);
    approval("p256", true, make_dsse);
    approval("ed25519", false, make_dsse);
    approval("ssh", false, make_ssh);
    facts_free(&d.facts);
    json_decref(d.facts_doc);
    policy_free(d.policy);
    EVP_PKEY_free(p256.pkey);
    return 0;
}
