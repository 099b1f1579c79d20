#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_*: see struct hm_sha256_ctx */

#include "schema/core/hm_hash.h"

#include "schema/core/hm_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

/* The context is OpenSSL's own structure: no allocation per hash, and no search for an
 * implementation, which EVP repeats for every message. */
struct hm_sha256_ctx {
    SHA256_CTX c;
};

static void add(SHA256_CTX *c, const void *data, size_t len)
{
    if (len > 0 && SHA256_Update(c, data, len) != 1)
        abort();
}

struct hm_digest hm_sha256_3(struct hm_bytes a, struct hm_bytes b, struct hm_bytes c)
{
    SHA256_CTX h;
    struct hm_digest d;
    if (SHA256_Init(&h) != 1)
        abort();
    add(&h, a.data, a.len);
    add(&h, b.data, b.len);
    add(&h, c.data, c.len);
    if (SHA256_Final(d.b, &h) != 1)
        abort();
    return d;
}

struct hm_digest hm_sha256(struct hm_bytes data)
{
    return hm_sha256_3(data, (struct hm_bytes){NULL, 0}, (struct hm_bytes){NULL, 0});
}

bool hm_digest_eq(const struct hm_digest *a, const struct hm_digest *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

void hm_digest_hex(const struct hm_digest *d, char out[static HM_SHA256_HEX])
{
    hm_hex(d->b, sizeof d->b, out);
}

enum hm_err hm_digest_unhex(struct hm_bytes hex, struct hm_digest *out)
{
    return hm_unhex(hex, out->b, sizeof out->b);
}

struct hm_sha256_ctx *hm_sha256_new(void)
{
    struct hm_sha256_ctx *c = malloc(sizeof *c);
    if (c == NULL || SHA256_Init(&c->c) != 1)
        abort();
    return c;
}

void hm_sha256_add(struct hm_sha256_ctx *c, const void *data, size_t len)
{
    add(&c->c, data, len);
}

struct hm_digest hm_sha256_end(struct hm_sha256_ctx *c)
{
    struct hm_digest d;
    if (SHA256_Final(d.b, &c->c) != 1 || SHA256_Init(&c->c) != 1)
        abort();
    return d;
}

void hm_sha256_free(struct hm_sha256_ctx *c)
{
    free(c);
}

const struct hm_uuid HM_UUID_DNS = {{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4,
                                     0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}};

struct hm_uuid hm_uuid5(const struct hm_uuid *space, const char *name)
{
    uint8_t md[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    if (c == NULL || EVP_DigestInit_ex(c, EVP_sha1(), NULL) != 1 ||
        EVP_DigestUpdate(c, space->b, sizeof space->b) != 1 ||
        EVP_DigestUpdate(c, name, strlen(name)) != 1 || EVP_DigestFinal_ex(c, md, &n) != 1)
        abort();
    EVP_MD_CTX_free(c);
    struct hm_uuid u;
    memcpy(u.b, md, sizeof u.b);
    u.b[6] = (uint8_t)((u.b[6] & 0x0f) | 0x50);
    u.b[8] = (uint8_t)((u.b[8] & 0x3f) | 0x80);
    return u;
}

struct hm_uuid hm_vendor_id(const char *domain)
{
    return hm_uuid5(&HM_UUID_DNS, domain);
}

struct hm_uuid hm_class_id(const struct hm_uuid *vendor, const char *product, const char *model,
                           const char *revision, const char *region)
{
    struct hm_buf b = {0};
    hm_buf_printf(&b, "%s/%s/%s/%s", product, model, revision, region);
    const char *name = hm_buf_str(&b);
    if (name == NULL)
        abort();
    struct hm_uuid u = hm_uuid5(vendor, name);
    hm_buf_free(&b);
    return u;
}
