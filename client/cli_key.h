/* Private keys of the user: PEM (PKCS#8, SEC1) and OpenSSH files, Ed25519 or P-256, not encrypted.
 * The secret lives in OpenSSL's own storage and is wiped when the key is freed. Thread: main. */
#ifndef CLIENT_CLI_KEY_H
#define CLIENT_CLI_KEY_H

#include "schema/core/hm_bytes.h"
#include "schema/key/hm_key.h"

#include <openssl/evp.h>

struct cli_key;

#define CLI_KEY_FILE_MAX ((size_t)64 * 1024)

/* Either form, told apart by the first line. HM_E_IO, HM_E_MALFORMED, HM_E_UNSUPPORTED (another
 * algorithm, or encrypted: the text says what to do). */
enum hm_err HM_MUST_USE cli_key_load(const char *path, struct cli_key **out, struct hm_why *why);
/* The content of an OpenSSH private key file (openssh-key-v1). */
enum hm_err HM_MUST_USE cli_key_from_openssh(struct hm_bytes text, struct cli_key **out,
                                             struct hm_why *why);
enum hm_err HM_MUST_USE cli_key_from_pem(struct hm_bytes text, struct cli_key **out,
                                         struct hm_why *why);
void cli_key_free(struct cli_key *k); /* NULL allowed */
void cli_key_free_ptr(struct cli_key **k);
#define CLI_KEY_AUTO __attribute__((cleanup(cli_key_free_ptr))) struct cli_key

const struct hm_key *cli_key_public(const struct cli_key *k);
/* Takes ownership of pkey in every case. */
enum hm_err HM_MUST_USE cli_key_adopt(EVP_PKEY *pkey, struct cli_key **out, struct hm_why *why);

/* Signature as DSSE wants it: DER ECDSA over SHA-256, or 64 bytes Ed25519. Appended. */
enum hm_err HM_MUST_USE cli_key_sign(const struct cli_key *k, struct hm_bytes message,
                                     struct hm_buf *out, struct hm_why *why);
/* The same as an SSH signature blob (type, value). Appended. */
enum hm_err HM_MUST_USE cli_key_sign_ssh(const struct cli_key *k, struct hm_bytes message,
                                         struct hm_buf *out, struct hm_why *why);

#endif
