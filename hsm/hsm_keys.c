/* Reading a token's private keys and judging them by what the token says of each. Missing answers
 * are refusals: a token that does not know an attribute has not said that a key is safe. */
#include "hsm/hsm_priv.h"

#include <stdio.h>
#include <string.h>

#define OBJECTS_MAX 64

struct demand {
    CK_ATTRIBUTE_TYPE type;
    bool must_be;
    const char *name;
    const char *meaning;
};

static const struct demand demands[] = {
    {CKA_TOKEN, true, "CKA_TOKEN", "the key does not live on the token"},
    {CKA_SENSITIVE, true, "CKA_SENSITIVE", "its value can be read"},
    {CKA_ALWAYS_SENSITIVE, true, "CKA_ALWAYS_SENSITIVE", "its value could be read once"},
    {CKA_EXTRACTABLE, false, "CKA_EXTRACTABLE", "it can leave the token"},
    {CKA_NEVER_EXTRACTABLE, true, "CKA_NEVER_EXTRACTABLE", "it could leave the token once"},
    {CKA_LOCAL, true, "CKA_LOCAL", "it was not generated on the token"},
    {CKA_SIGN, true, "CKA_SIGN", "it may not sign"},
    {CKA_DECRYPT, false, "CKA_DECRYPT", "it may do more than sign"},
    {CKA_UNWRAP, false, "CKA_UNWRAP", "it may do more than sign"},
    {CKA_DERIVE, false, "CKA_DERIVE", "it may do more than sign"},
    {CKA_SIGN_RECOVER, false, "CKA_SIGN_RECOVER", "it may do more than sign"},
};

/* Where an object is looked at. */
struct view {
    struct hsm *h;
    const struct hsm_token *t;
    CK_OBJECT_HANDLE object;
};

static CK_RV get(const struct view *v, CK_ATTRIBUTE_TYPE type, void *out, size_t cap, size_t *len)
{
    CK_ATTRIBUTE a = {type, out, cap};
    CK_RV rv = v->h->m.f->C_GetAttributeValue(v->t->session, v->object, &a, 1);
    if (rv != CKR_OK)
        return rv;
    if (a.ulValueLen > cap)
        return CKR_BUFFER_TOO_SMALL;
    *len = a.ulValueLen;
    return CKR_OK;
}

static void refuse(struct hsm_key_info *info, const char *name, bool found_known, bool must_be,
                   const char *meaning)
{
    (void)snprintf(info->refused, sizeof info->refused, "%s is %s and must be %s: %s", name,
                   !found_known ? "not told by the token"
                   : must_be    ? "false"
                                : "true",
                   must_be ? "true" : "false", meaning);
}

/* A lost token is an error; an unusable key is a note in info->refused. */
static CK_RV judge(const struct view *v, struct hsm_key_info *info)
{
    for (size_t i = 0; i < sizeof demands / sizeof demands[0]; i++) {
        const struct demand *d = &demands[i];
        CK_BBOOL is = CK_FALSE;
        size_t len = 0;
        CK_RV rv = get(v, d->type, &is, sizeof is, &len);
        if (rv != CKR_OK && hsm_ckr_is_lost(rv))
            return rv;
        bool known = rv == CKR_OK && len == sizeof is;
        if (!known || (is != CK_FALSE) != d->must_be) {
            refuse(info, d->name, known, d->must_be, d->meaning);
            return CKR_OK;
        }
    }
    return CKR_OK;
}

static CK_RV find_objects(const struct view *v, CK_ATTRIBUTE *match, CK_ULONG match_count,
                          CK_OBJECT_HANDLE *out, CK_ULONG cap, CK_ULONG *count)
{
    CK_FUNCTION_LIST_PTR f = v->h->m.f;
    CK_RV rv = f->C_FindObjectsInit(v->t->session, match, match_count);
    if (rv != CKR_OK)
        return rv;
    rv = f->C_FindObjects(v->t->session, out, cap, count);
    CK_RV end = f->C_FindObjectsFinal(v->t->session);
    return rv != CKR_OK ? rv : end;
}

/* CKA_EC_POINT is a DER OCTET STRING around the point; some tokens give the point bare. */
static bool point_to_key(enum hm_key_alg alg, const uint8_t *p, size_t len, struct hm_key *out)
{
    size_t want = alg == HM_KEY_P256 ? 65 : 32;
    if (len == want + 2 && p[0] == 0x04 && p[1] == want) {
        p += 2;
        len -= 2;
    }
    return len == want && hm_key_from_raw(alg, hm_bytes_of(p, len), out, NULL) == HM_OK;
}

static CK_RV read_public(const struct view *v, const struct hsm_key *k, CK_KEY_TYPE type,
                         enum hm_key_alg alg, struct hm_key *out)
{
    CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
    uint8_t id[HSM_ID_MAX];
    memcpy(id, k->id, k->id_len);
    CK_ATTRIBUTE match[] = {{CKA_CLASS, &class, sizeof class},
                            {CKA_KEY_TYPE, &type, sizeof type},
                            {CKA_ID, id, k->id_len}};
    CK_OBJECT_HANDLE found[2];
    CK_ULONG count = 0;
    CK_RV rv = find_objects(v, match, 3, found, 2, &count);
    if (rv != CKR_OK || count != 1)
        return rv;
    struct view pub = {v->h, v->t, found[0]};
    uint8_t point[128];
    size_t len = 0;
    rv = get(&pub, CKA_EC_POINT, point, sizeof point, &len);
    if (rv == CKR_OK && !point_to_key(alg, point, len, out))
        out->alg = HM_KEY_NONE;
    return hsm_ckr_is_lost(rv) ? rv : CKR_OK;
}

static enum hm_key_alg alg_of(CK_KEY_TYPE type)
{
    if (type == CKK_EC)
        return HM_KEY_P256; /* another curve fails when its point is read */
    return type == CKK_EC_EDWARDS ? HM_KEY_ED25519 : HM_KEY_NONE;
}

static CK_RV read_key(const struct view *v, struct hsm_key *k)
{
    CK_KEY_TYPE type = 0;
    size_t len = 0;
    CK_RV rv = get(v, CKA_LABEL, k->info.label, sizeof k->info.label - 1, &len);
    if (rv == CKR_OK)
        k->info.label[len] = '\0';
    if (!hsm_ckr_is_lost(rv))
        rv = get(v, CKA_ID, k->id, sizeof k->id, &k->id_len);
    if (!hsm_ckr_is_lost(rv))
        rv = get(v, CKA_KEY_TYPE, &type, sizeof type, &len);
    if (hsm_ckr_is_lost(rv))
        return rv;
    enum hm_key_alg alg = alg_of(type);
    rv = judge(v, &k->info);
    if (rv == CKR_OK && alg != HM_KEY_NONE && k->id_len > 0)
        rv = read_public(v, k, type, alg, &k->info.key);
    if (rv == CKR_OK && k->info.refused[0] == '\0' && k->info.key.alg == HM_KEY_NONE)
        (void)snprintf(k->info.refused, sizeof k->info.refused,
                       "not a P-256 or Ed25519 key with exactly one public half of the same "
                       "CKA_ID on the token");
    return rv;
}

/* A key read again after the token came back takes the place of its first reading. */
static struct hsm_key *known_key(struct hsm *h, const struct hsm_key *k)
{
    for (size_t i = 0; i < h->key_count; i++)
        if (h->keys[i].info.token == k->info.token &&
            hm_key_eq(&h->keys[i].info.key, &k->info.key) &&
            strcmp(h->keys[i].info.label, k->info.label) == 0)
            return &h->keys[i];
    return NULL;
}

static enum hm_err keep(struct hsm *h, const struct hsm_token *t, const struct hsm_key *k,
                        struct hm_why *why)
{
    if (h->keys_known) {
        struct hsm_key *old = known_key(h, k);
        if (old != NULL && k->info.refused[0] == '\0') {
            old->handle = k->handle;
            old->present = true;
        }
        return HM_OK;
    }
    if (h->key_count == HSM_KEYS_MAX)
        return hm_fail(why, HM_E_LIMIT, "token \"%s\": more than %d private keys", t->label,
                       HSM_KEYS_MAX);
    h->keys[h->key_count++] = *k;
    return HM_OK;
}

/* libp11 names keys by CKA_ID, so an id that stands twice would leave open which of them signs. */
static void refuse_twins(struct hsm *h, size_t token)
{
    for (size_t i = 0; i < h->key_count; i++) {
        struct hsm_key *a = &h->keys[i];
        for (size_t j = 0; a->info.token == token && j < h->key_count; j++) {
            const struct hsm_key *b = &h->keys[j];
            if (i != j && b->info.token == token && a->id_len == b->id_len &&
                memcmp(a->id, b->id, a->id_len) == 0 && a->info.refused[0] == '\0')
                (void)snprintf(a->info.refused, sizeof a->info.refused,
                               "another private key on the token has the same CKA_ID");
        }
    }
}

enum hm_err hsm_keys_read(struct hsm *h, size_t token, struct hm_why *why)
{
    struct hsm_token *t = &h->tokens[token];
    struct view v = {h, t, 0};
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE match = {CKA_CLASS, &class, sizeof class};
    CK_OBJECT_HANDLE found[OBJECTS_MAX + 1];
    CK_ULONG count = 0;
    CK_RV rv = find_objects(&v, &match, 1, found, OBJECTS_MAX + 1, &count);
    if (rv != CKR_OK)
        return hsm_fail_token(why, t, "C_FindObjects", rv);
    if (count > OBJECTS_MAX)
        return hm_fail(why, HM_E_LIMIT, "token \"%s\": more than %d private keys", t->label,
                       OBJECTS_MAX);
    for (CK_ULONG i = 0; i < count; i++) {
        struct hsm_key k = {.info = {.token = token}, .handle = found[i], .present = true};
        v.object = found[i];
        rv = read_key(&v, &k);
        if (rv != CKR_OK)
            return hsm_fail_token(why, t, "C_GetAttributeValue", rv);
        enum hm_err err = keep(h, t, &k, why);
        if (err != HM_OK)
            return err;
    }
    refuse_twins(h, token);
    return HM_OK;
}
