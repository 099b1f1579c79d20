/* Is a raw public value a usable point? OpenSSL checks P-256 while importing; for Ed25519 it
 * imports any 32 bytes, so the check of RFC 8032 §5.1.3 stands here. Public values only: time need
 * not be constant. */
#include "schema/key/hm_key_priv.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

static bool p256_point_ok(const struct hm_key *k)
{
    if (k->raw[0] != 0x04)
        return false;
    EVP_PKEY *pkey = hm_key_import(k);
    EVP_PKEY_free(pkey);
    return pkey != NULL;
}

/* p = 2^255 - 19 and the curve's d, big-endian hex. */
static const char field_p[] = "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed";
static const char curve_d[] = "52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3";

/* y of the points whose order divides 8: 0 and 1 and -1 are compared apart, these two are of
 * order 8. */
static const char *const order8_y[] = {
    "7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7",
    "05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826",
};

struct field {
    BN_CTX *ctx;
    BIGNUM *p, *d, *y, *u, *v, *t;
};

static bool field_load(struct field *f, const uint8_t raw[static 32])
{
    uint8_t le[32];
    memcpy(le, raw, sizeof le);
    le[31] &= 0x7f; /* the sign of x */
    f->p = BN_CTX_get(f->ctx);
    f->d = BN_CTX_get(f->ctx);
    f->y = BN_CTX_get(f->ctx);
    f->u = BN_CTX_get(f->ctx);
    f->v = BN_CTX_get(f->ctx);
    f->t = BN_CTX_get(f->ctx);
    return f->t != NULL && BN_hex2bn(&f->p, field_p) != 0 && BN_hex2bn(&f->d, curve_d) != 0 &&
           BN_lebin2bn(le, sizeof le, f->y) != NULL;
}

static bool small_order(struct field *f)
{
    bool small = BN_is_zero(f->y) || BN_is_one(f->y);
    small = small || !BN_copy(f->t, f->p) || !BN_sub_word(f->t, 1) || BN_cmp(f->t, f->y) == 0;
    for (size_t i = 0; i < sizeof order8_y / sizeof order8_y[0]; i++)
        small = small || BN_hex2bn(&f->t, order8_y[i]) == 0 || BN_cmp(f->t, f->y) == 0;
    return small;
}

/* x^2 = (y^2 - 1) / (d y^2 + 1) has a root exactly when the product of both is a square. */
static bool on_curve(struct field *f)
{
    if (!BN_mod_sqr(f->u, f->y, f->p, f->ctx) || !BN_mod_mul(f->v, f->u, f->d, f->p, f->ctx) ||
        !BN_add_word(f->v, 1) || !BN_sub_word(f->u, 1) ||
        !BN_mod_mul(f->t, f->u, f->v, f->p, f->ctx))
        return false;
    return BN_kronecker(f->t, f->p, f->ctx) == 1;
}

static bool ed25519_point_ok(const struct hm_key *k)
{
    struct field f = {.ctx = BN_CTX_new()};
    if (f.ctx == NULL)
        return false;
    BN_CTX_start(f.ctx);
    bool ok = field_load(&f, k->raw) && BN_cmp(f.y, f.p) < 0 && !small_order(&f) && on_curve(&f);
    BN_CTX_end(f.ctx);
    BN_CTX_free(f.ctx);
    return ok;
}

bool hm_key_point_ok(const struct hm_key *k)
{
    return k->alg == HM_KEY_P256 ? p256_point_ok(k)
                                 : k->alg == HM_KEY_ED25519 && ed25519_point_ok(k);
}
