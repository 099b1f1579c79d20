/* Making a key pair on a token: everything that hsm_keys.c demands stands in the template. */
#include "hsm/hsm_priv.h"

#include "schema/io/hm_random.h"

#include <string.h>

#define NEW_ID_LEN 16

/* prime256v1 and Ed25519 as DER object identifiers. */
static const uint8_t p256_oid[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t ed25519_oid[] = {0x06, 0x03, 0x2b, 0x65, 0x70};

struct recipe {
    CK_MECHANISM_TYPE mechanism;
    CK_KEY_TYPE type;
    uint8_t params[16];
    size_t params_len;
};

static void choose(enum hm_key_alg alg, struct recipe *r)
{
    bool ed = alg == HM_KEY_ED25519;
    r->mechanism = ed ? CKM_EC_EDWARDS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN;
    r->type = ed ? CKK_EC_EDWARDS : CKK_EC;
    r->params_len = ed ? sizeof ed25519_oid : sizeof p256_oid;
    memcpy(r->params, ed ? ed25519_oid : p256_oid, r->params_len);
}

static CK_RV generate(struct hsm *h, const struct hsm_token *t, const char *label,
                      enum hm_key_alg alg)
{
    struct recipe r;
    choose(alg, &r);
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    uint8_t id[NEW_ID_LEN];
    char name[HSM_LABEL_MAX + 1];
    size_t name_len = strlen(label);
    memcpy(name, label, name_len + 1);
    hm_random(id, sizeof id);
    CK_ATTRIBUTE pub[] = {{CKA_TOKEN, &yes, sizeof yes},
                          {CKA_PRIVATE, &no, sizeof no},
                          {CKA_VERIFY, &yes, sizeof yes},
                          {CKA_ENCRYPT, &no, sizeof no},
                          {CKA_WRAP, &no, sizeof no},
                          {CKA_KEY_TYPE, &r.type, sizeof r.type},
                          {CKA_EC_PARAMS, r.params, r.params_len},
                          {CKA_LABEL, name, name_len},
                          {CKA_ID, id, sizeof id}};
    CK_ATTRIBUTE priv[] = {
        {CKA_TOKEN, &yes, sizeof yes},     {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes}, {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_SIGN, &yes, sizeof yes},      {CKA_SIGN_RECOVER, &no, sizeof no},
        {CKA_DECRYPT, &no, sizeof no},     {CKA_UNWRAP, &no, sizeof no},
        {CKA_DERIVE, &no, sizeof no},      {CKA_KEY_TYPE, &r.type, sizeof r.type},
        {CKA_LABEL, name, name_len},       {CKA_ID, id, sizeof id}};
    CK_MECHANISM mechanism = {r.mechanism, NULL, 0};
    CK_OBJECT_HANDLE pub_key;
    CK_OBJECT_HANDLE priv_key;
    return h->m.f->C_GenerateKeyPair(t->session, &mechanism, pub, sizeof pub / sizeof pub[0], priv,
                                     sizeof priv / sizeof priv[0], &pub_key, &priv_key);
}

static enum hm_err may_generate(const struct hsm *h, size_t token, const char *label,
                                struct hm_why *why)
{
    size_t at = 0;
    if (!h->read_write)
        return hm_fail(why, HM_E_STATE, "the tokens were opened for signing only");
    if (label[0] == '\0' || strlen(label) > HSM_LABEL_MAX)
        return hm_fail(why, HM_E_CONFIG, "key label \"%s\": expected 1 to %d bytes", label,
                       HSM_LABEL_MAX);
    if (hsm_key_find(h, token, label, &at, NULL) != HM_E_NOT_FOUND)
        return hm_fail(why, HM_E_CONFLICT, "token \"%s\" holds a key \"%s\" already",
                       h->tokens[token].label, label);
    return HM_OK;
}

/* libp11 and the table of keys learn of the new one by reading everything again. */
static enum hm_err read_again(struct hsm *h, struct hm_why *why)
{
    hsm_unload(h);
    h->keys_known = false;
    h->key_count = 0;
    return hsm_load(h, why);
}

enum hm_err hsm_generate(struct hsm *h, size_t token, const char *label, enum hm_key_alg alg,
                         size_t *index, struct hm_why *why)
{
    (void)pthread_rwlock_wrlock(&h->gate);
    enum hm_err err = may_generate(h, token, label, why);
    if (err == HM_OK) {
        CK_RV rv = generate(h, &h->tokens[token], label, alg);
        if (rv != CKR_OK)
            err = hsm_fail_token(why, &h->tokens[token], "C_GenerateKeyPair", rv);
    }
    if (err == HM_OK)
        err = read_again(h, why);
    if (err == HM_OK)
        err = hsm_key_find(h, token, label, index, why);
    (void)pthread_rwlock_unlock(&h->gate);
    return err;
}
