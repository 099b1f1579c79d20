/* An Ed25519 log key with a fixed seed, and signatures by OpenSSL. */
#ifndef TESTS_UNIT_LOG_TEST_KEYS_H
#define TESTS_UNIT_LOG_TEST_KEYS_H

#include "schema/log/hm_checkpoint.h"

struct log_test_key {
    uint8_t seed[32];
    struct hm_vkey vkey;
};
void log_test_key_make(const char *name, uint8_t seed, struct log_test_key *out);
void log_test_sign(const struct log_test_key *k, struct hm_bytes message, uint8_t sig[static 64]);
/* A signed checkpoint, appended. */
void log_test_note(const struct log_test_key *k, const struct hm_checkpoint *c, struct hm_buf *out);

#endif
