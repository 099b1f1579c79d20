/* Fresh keys that sign, for tests: libcrypto directly, none of Hallmark's own code but the key
 * type. */
#ifndef TESTS_UNIT_SCHEMA_SIGNER_H
#define TESTS_UNIT_SCHEMA_SIGNER_H

#include "schema/cose/hm_authwrap.h"

struct signer {
    struct evp_pkey_st *pkey;
    struct hm_key key;
};

/* Aborts where libcrypto fails. */
void signer_init(struct signer *s, enum hm_key_alg alg);
void signer_free(struct signer *s);
/* P-256: DER; Ed25519: 64 bytes. Appended. */
void signer_sign(const struct signer *s, struct hm_bytes msg, struct hm_buf *sig);
void signer_sign_raw(const struct signer *s, struct hm_bytes msg, uint8_t sig[static 64]);
/* A root-signed document (or tagged envelope) over payload, signed by each of the signers. */
void signers_envelope(struct hm_buf *out, bool tagged, struct hm_bytes payload,
                      struct signer *const *signers, size_t count);

#endif
