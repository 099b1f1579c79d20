/* A key on a token, by the bare PKCS#11 calls. Whatever fails ends the program. */
#ifndef TESTS_BENCH_BENCH_TOKEN_H
#define TESTS_BENCH_BENCH_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include <softhsm/cryptoki.h>

struct bench_key {
    CK_FUNCTION_LIST_PTR f;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
    CK_MECHANISM mechanism; /* CKM_ECDSA or CKM_EDDSA, as the key is */
};

/* Loads and initializes the module; its functions are called by several threads, or by one. */
CK_FUNCTION_LIST_PTR bench_module(const char *path, bool threads);
/* A session of its own with the token of this label, logged in, and the private key of this label.
 * pin_file: without a newline. */
void bench_key_open(CK_FUNCTION_LIST_PTR f, const char *token, const char *label,
                    const char *pin_file, struct bench_key *out);
/* 64 bytes into sig. */
void bench_key_sign(const struct bench_key *k, const unsigned char *data, size_t len,
                    unsigned char sig[64]);

#endif
