/* What the files of this folder share: the point checks, which need big numbers. */
#ifndef SCHEMA_KEY_HM_KEY_PRIV_H
#define SCHEMA_KEY_HM_KEY_PRIV_H

#include "schema/key/hm_key.h"

/* The raw value is a point of its curve that can serve as a public key. P-256: on the curve,
 * uncompressed. Ed25519: canonical encoding (RFC 8032 §5.1.3), on the curve, not of small order
 * (such a key verifies any message). */
bool hm_key_point_ok(const struct hm_key *k);

/* hm_key_from_raw without looking at the point. */
enum hm_err HM_MUST_USE hm_key_of_raw(enum hm_key_alg alg, struct hm_bytes raw, struct hm_key *out,
                                      struct hm_why *why);

/* An EVP_PKEY of this key, or NULL where libcrypto refuses it. Caller EVP_PKEY_free()s. */
struct evp_pkey_st *hm_key_import(const struct hm_key *k);

#endif
