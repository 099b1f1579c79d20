#include "server/registrar/reg_policies.h"

#include "schema/key/hm_key.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

struct release_key {
    uint8_t raw[HM_KEY_RAW_MAX];
    size_t raw_len;
    EVP_PKEY *pkey; /* importing a P-256 key costs a third of a verification: done once */
};
struct entry {
    struct entry *next;
    struct policy *policy;
    struct hm_buf document;
    struct release_key *keys;
    size_t key_count;
};
struct reg_policies {
    reg_policy_ptr *in_force;
    pthread_mutex_t adding;
    _Atomic(struct entry *) first; /* entries are only ever put in front, complete */
    struct reg_activation activation;
    bool changed; /* in the running transaction; then these two were before: */
    const struct policy *before;
    struct reg_activation activation_before;
};

static void entry_free(struct entry *e)
{
    for (size_t i = 0; i < e->key_count; i++)
        EVP_PKEY_free(e->keys[i].pkey);
    free(e->keys);
    policy_free(e->policy);
    hm_buf_free(&e->document);
    free(e);
}

static void entry_drop(struct entry **e)
{
    if (*e != NULL)
        entry_free(*e);
}

enum hm_err reg_policies_open(reg_policy_ptr *in_force, struct reg_policies **out,
                              struct hm_why *why)
{
    struct reg_policies *s = calloc(1, sizeof *s);
    if (s == NULL || pthread_mutex_init(&s->adding, NULL) != 0) {
        free(s);
        return hm_fail(why, HM_E_MEMORY, "no memory for the policies");
    }
    s->in_force = in_force;
    atomic_init(&s->first, NULL);
    *out = s;
    return HM_OK;
}

void reg_policies_close(struct reg_policies *s)
{
    if (s == NULL)
        return;
    struct entry *e = atomic_load(&s->first);
    while (e != NULL) {
        struct entry *next = e->next;
        entry_free(e);
        e = next;
    }
    (void)pthread_mutex_destroy(&s->adding);
    free(s);
}

static const struct entry *find(const struct reg_policies *s, const struct hm_digest *digest)
{
    const struct entry *e = s->first;
    while (e != NULL && !hm_digest_eq(policy_digest(e->policy), digest))
        e = e->next;
    return e;
}

const struct policy *reg_policies_find(const struct reg_policies *s, const struct hm_digest *digest)
{
    const struct entry *e = find(s, digest);
    return e != NULL ? e->policy : NULL;
}

struct hm_bytes reg_policies_document(const struct reg_policies *s, const struct policy *p)
{
    const struct entry *e = find(s, policy_digest(p));
    return e != NULL ? hm_buf_bytes(&e->document) : hm_bytes_of(NULL, 0);
}

static enum hm_err import_keys(struct entry *e, struct hm_why *why)
{
    size_t n = 0;
    while (policy_key_at(e->policy, n) != NULL)
        n++;
    e->keys = calloc(n + 1, sizeof *e->keys);
    if (e->keys == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for release keys");
    for (; e->key_count < n; e->key_count++) {
        const struct hm_key *k = &policy_key_at(e->policy, e->key_count)->key;
        struct release_key *out = &e->keys[e->key_count];
        uint8_t buf[HM_KEY_SPKI_MAX];
        struct hm_bytes spki = hm_key_spki(k, buf);
        const uint8_t *at = spki.data;
        memcpy(out->raw, k->raw, k->raw_len);
        out->raw_len = k->raw_len;
        out->pkey = d2i_PUBKEY(NULL, &at, (long)spki.len);
        if (out->pkey == NULL)
            return hm_fail(why, HM_E_INTERNAL, "OpenSSL does not take a release key of the policy");
    }
    return HM_OK;
}

enum hm_err reg_policies_add(struct reg_policies *s, struct hm_bytes document,
                             const struct policy **out, struct hm_why *why)
{
    __attribute__((cleanup(entry_drop))) struct entry *e = calloc(1, sizeof *e);
    if (e == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for a policy");
    e->document.limit = HM_POLICY_MAX;
    hm_buf_put(&e->document, document.data, document.len);
    enum hm_err err = policy_load(document, &e->policy, why);
    if (err == HM_OK)
        err = import_keys(e, why);
    if (err == HM_OK && hm_buf_err(&e->document) != HM_OK)
        err = hm_fail(why, hm_buf_err(&e->document), "no memory for a policy");
    if (err != HM_OK)
        return err;
    (void)pthread_mutex_lock(&s->adding);
    const struct entry *there = find(s, policy_digest(e->policy));
    if (there == NULL) {
        e->next = atomic_load(&s->first);
        atomic_store(&s->first, e);
        there = e;
        e = NULL;
    }
    (void)pthread_mutex_unlock(&s->adding);
    *out = there->policy;
    return HM_OK;
}

static enum hm_err verify(EVP_PKEY *pkey, struct hm_bytes msg, struct hm_bytes sig)
{
    HM_BUF_AUTO der = {.limit = 128};
    struct hm_digest digest = hm_sha256(msg);
    if (sig.len != 64 || hm_ecdsa_raw_to_der(sig.data, &der) != HM_OK)
        return HM_E_SIGNATURE;
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(pkey, NULL);
    bool ok = c != NULL && EVP_PKEY_verify_init(c) == 1 &&
              EVP_PKEY_verify(c, der.data, der.len, digest.b, sizeof digest.b) == 1;
    EVP_PKEY_CTX_free(c);
    return ok ? HM_OK : HM_E_SIGNATURE;
}

enum hm_err reg_policies_verify(const struct reg_policies *s, struct hm_bytes pub,
                                struct hm_bytes msg, struct hm_bytes sig)
{
    for (const struct entry *e = s->first; e != NULL; e = e->next)
        for (size_t i = 0; i < e->key_count; i++)
            if (hm_bytes_eq(pub, hm_bytes_of(e->keys[i].raw, e->keys[i].raw_len)))
                return verify(e->keys[i].pkey, msg, sig);
    return HM_E_NOT_FOUND;
}

void reg_policies_use(struct reg_policies *s, const struct policy *p, struct reg_activation how)
{
    if (!s->changed) {
        s->before = atomic_load(s->in_force);
        s->activation_before = s->activation;
        s->changed = true;
    }
    s->activation = how;
    atomic_store(s->in_force, p);
}

void reg_policies_settle(struct reg_policies *s, bool committed)
{
    if (!s->changed)
        return;
    s->changed = false;
    if (committed)
        return;
    s->activation = s->activation_before;
    atomic_store(s->in_force, s->before);
}

struct reg_activation reg_policies_activation(const struct reg_policies *s)
{
    return s->activation;
}
