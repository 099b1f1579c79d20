/* Key pairs for tests, and signatures that OpenSSL makes with them, in every form that documents
 * carry. */
#ifndef TESTS_UNIT_ATTEST_TEST_KEYS_H
#define TESTS_UNIT_ATTEST_TEST_KEYS_H

#include "schema/key/hm_key.h"

#include <openssl/evp.h>

struct attest_key {
    EVP_PKEY *pkey;
    struct hm_key key;
};
/* Ed25519 from a fixed seed; P-256 at random. application: NULL for plain keys. */
void attest_key_make(enum hm_key_alg alg, uint8_t seed, const char *application,
                     struct attest_key *out);
void attest_key_free(struct attest_key *k);

/* P-256: DER with SHA-256; Ed25519: 64 bytes. */
void attest_sign(const struct attest_key *k, struct hm_bytes message, struct hm_buf *sig);

void attest_put_u32(struct hm_buf *out, uint32_t v);
void attest_put_string(struct hm_buf *out, struct hm_bytes text);
void attest_put_mpint(struct hm_buf *out, const uint8_t raw[static 32]);

/* How an SSH signature is put together; every field may be made wrong. */
struct attest_sshsig {
    const struct attest_key *key;
    const char *ns;
    const char *hash;     /* "sha256" or "sha512" */
    const char *claim_ns; /* NULL: ns */
    const char *claim_hash;
    const char *type; /* NULL: the key's */
    uint8_t flags;    /* sk- keys */
    uint32_t counter;
    const char *application; /* NULL: the key's */
    const char *reserved;    /* NULL: empty */
    uint32_t version;        /* 0: 1 */
    const char *trailer;     /* bytes behind the signature's own fields */
};
/* The SSH signature blob (type, value, for sk- keys flags and counter). */
void attest_ssh_signature(const struct attest_sshsig *s, struct hm_bytes message,
                          struct hm_buf *out);
/* The whole SSHSIG blob, and its armour. */
void attest_sshsig_blob(const struct attest_sshsig *s, struct hm_bytes message, struct hm_buf *out);
void attest_armor(struct hm_bytes blob, size_t columns, struct hm_buf *out);

#endif
