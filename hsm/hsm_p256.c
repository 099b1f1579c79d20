/* P-256 through libp11. Login, flags and attributes are not its business: hsm_token.c and
 * hsm_keys.c did them in the same instance of the module. libp11's sessions share that login; it
 * must never be asked to open a session itself in another mode, since it then closes all of them.
 */
#include "hsm/hsm_priv.h"

#include <openssl/err.h>
#include <string.h>

/* The PKCS#11 value behind a libp11 failure; CKR_FUNCTION_FAILED if OpenSSL failed by itself. */
static CK_RV take_error(void)
{
    CK_RV rv = CKR_FUNCTION_FAILED;
    for (unsigned long e = ERR_get_error(); e != 0; e = ERR_get_error())
        if (ERR_GET_LIB(e) == ERR_get_CKR_code())
            rv = (CK_RV)ERR_GET_REASON(e);
    return rv;
}

static PKCS11_SLOT *slot_of(const struct hsm *h, const struct hsm_token *t)
{
    for (unsigned i = 0; i < h->m.slot_count; i++)
        if (PKCS11_get_slotid_from_slot(&h->m.slots[i]) == t->slot)
            return &h->m.slots[i];
    return NULL;
}

static bool is_usable(const struct hsm_key *k, size_t token, enum hm_key_alg alg)
{
    return k->present && k->info.token == token && k->info.key.alg == alg &&
           k->info.refused[0] == '\0';
}

static size_t count_usable(const struct hsm *h, size_t token, enum hm_key_alg alg)
{
    size_t n = 0;
    for (size_t i = 0; i < h->key_count; i++)
        n += is_usable(&h->keys[i], token, alg);
    return n;
}

static enum hm_err open_context(struct hsm *h, struct hm_why *why)
{
    if (h->m.p11 != NULL)
        return HM_OK;
    PKCS11_CTX *p11 = PKCS11_CTX_new();
    if (p11 == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for libp11");
    if (PKCS11_CTX_load(p11, h->module_path) != 0) {
        CK_RV rv = take_error();
        PKCS11_CTX_free(p11);
        return hm_fail(why, HM_E_TOKEN, "%s: libp11 cannot load it: %s", h->module_path,
                       hsm_ckr_name(rv));
    }
    h->m.p11 = p11;
    if (PKCS11_enumerate_slots(p11, &h->m.slots, &h->m.slot_count) != 0) {
        CK_RV rv = take_error();
        return hm_fail(why, hsm_ckr_err(rv), "%s: libp11 cannot list its slots: %s", h->module_path,
                       hsm_ckr_name(rv));
    }
    return HM_OK;
}

static enum hm_err open_key(struct hsm_key *k, const struct hsm_token *t, PKCS11_KEY *list,
                            unsigned count, struct hm_why *why)
{
    for (unsigned i = 0; i < count; i++) {
        if (list[i].id_len != k->id_len || memcmp(list[i].id, k->id, k->id_len) != 0)
            continue;
        k->pkey = PKCS11_get_private_key(&list[i]);
        k->signing = k->pkey != NULL ? EVP_PKEY_CTX_new(k->pkey, NULL) : NULL;
        if (k->signing != NULL && EVP_PKEY_sign_init(k->signing) == 1)
            return HM_OK;
        return hm_fail(why, HM_E_TOKEN, "token \"%s\": libp11 cannot use key \"%s\": %s", t->label,
                       k->info.label, hsm_ckr_name(take_error()));
    }
    return hm_fail(why, HM_E_TOKEN,
                   "token \"%s\": libp11 does not find key \"%s\" (it finds none on a token that "
                   "holds an Ed25519 key; keep the log key on a token of its own)",
                   t->label, k->info.label);
}

/* libp11 waits for ever where it cannot open a session, so that is tried before it is asked. */
static enum hm_err check_new_session(struct hsm *h, const struct hsm_token *t, struct hm_why *why)
{
    CK_SESSION_HANDLE s = 0;
    CK_RV rv = h->m.f->C_OpenSession(t->slot, CKF_SERIAL_SESSION, NULL, NULL, &s);
    if (rv == CKR_OK)
        rv = h->m.f->C_CloseSession(s);
    return rv == CKR_OK ? HM_OK : hsm_fail_token(why, t, "C_OpenSession", rv);
}

/* The same while it works: a token that is gone is noticed here, in the session of our own. */
static enum hm_err check_session(struct hsm *h, const struct hsm_token *t, struct hm_why *why)
{
    CK_SESSION_INFO info = {.state = CKS_RO_PUBLIC_SESSION};
    CK_RV rv = h->m.f->C_GetSessionInfo(t->session, &info);
    if (rv == CKR_OK && info.state != CKS_RO_USER_FUNCTIONS && info.state != CKS_RW_USER_FUNCTIONS)
        rv = CKR_USER_NOT_LOGGED_IN;
    return rv == CKR_OK ? HM_OK : hsm_fail_token(why, t, "C_GetSessionInfo", rv);
}

static enum hm_err open_token(struct hsm *h, size_t token, struct hm_why *why)
{
    struct hsm_token *t = &h->tokens[token];
    PKCS11_KEY *list = NULL;
    unsigned count = 0;
    enum hm_err err = check_new_session(h, t, why);
    if (err == HM_OK)
        err = open_context(h, why);
    if (err != HM_OK)
        return err;
    PKCS11_SLOT *slot = slot_of(h, t);
    if (slot == NULL || slot->token == NULL)
        return hm_fail(why, HM_E_UNAVAILABLE, "token \"%s\": gone while it was opened", t->label);
    if (PKCS11_enumerate_keys(slot->token, &list, &count) != 0)
        return hsm_fail_token(why, t, "PKCS11_enumerate_keys", take_error());
    for (size_t i = 0; i < h->key_count && err == HM_OK; i++)
        if (is_usable(&h->keys[i], token, HM_KEY_P256))
            err = open_key(&h->keys[i], t, list, count, why);
    return err;
}

enum hm_err hsm_p256_open(struct hsm *h, struct hm_why *why)
{
    enum hm_err err = HM_OK;
    for (size_t i = 0; i < h->token_count && err == HM_OK; i++)
        if (count_usable(h, i, HM_KEY_P256) > 0)
            err = open_token(h, i, why);
    ERR_clear_error(); /* libp11 leaves notes of what it tried */
    return err;
}

void hsm_p256_close(struct hsm *h)
{
    for (size_t i = 0; i < h->key_count; i++) {
        EVP_PKEY_CTX_free(h->keys[i].signing);
        EVP_PKEY_free(h->keys[i].pkey);
        h->keys[i].signing = NULL;
        h->keys[i].pkey = NULL;
    }
    if (h->m.p11 == NULL)
        return;
    if (h->m.slots != NULL)
        PKCS11_release_all_slots(h->m.p11, h->m.slots, h->m.slot_count);
    PKCS11_CTX_unload(h->m.p11);
    PKCS11_CTX_free(h->m.p11);
    h->m.p11 = NULL;
    h->m.slots = NULL;
    h->m.slot_count = 0;
    ERR_clear_error();
}

enum hm_err hsm_p256_sign(struct hsm *h, struct hsm_key *k, const struct hm_digest *digest,
                          uint8_t sig[static HSM_SIG_LEN], struct hm_why *why)
{
    const struct hsm_token *t = &h->tokens[k->info.token];
    uint8_t der[80];
    size_t len = sizeof der;
    if (k->signing == NULL)
        return hm_fail(why, HM_E_UNAVAILABLE, "token \"%s\": key \"%s\" is not open", t->label,
                       k->info.label);
    enum hm_err err = check_session(h, t, why);
    if (err != HM_OK)
        return err;
    if (EVP_PKEY_sign(k->signing, der, &len, digest->b, sizeof digest->b) != 1)
        return hsm_fail_token(why, t, "C_Sign (libp11)", take_error());
    if (hm_ecdsa_der_to_raw(hm_bytes_of(der, len), sig) != HM_OK)
        return hm_fail(why, HM_E_TOKEN, "token \"%s\": key \"%s\" gave no ECDSA signature",
                       t->label, k->info.label);
    return HM_OK;
}
