/* SoftHSM tokens in a folder of their own, for the tests of this folder. One per process: SoftHSM
 * reads its configuration once. */
#ifndef TESTS_UNIT_HSM_HSM_TEST_TOKEN_H
#define TESTS_UNIT_HSM_HSM_TEST_TOKEN_H

#include "hsm/hsm.h"

#include <softhsm/cryptoki.h>
#include <stdbool.h>

#define TEST_PIN "271828"

struct test_tokens {
    char dir[64];
    char pin_file[96];
    char fault_file[96];
    char login_file[96];
    char module[256]; /* the fault module, around SoftHSM */
};

/* Makes tokens "alpha", "beta" and "log". False where SoftHSM is not installed. */
bool test_tokens_make(struct test_tokens *t);
void test_tokens_remove(struct test_tokens *t);

void test_pin_write(const struct test_tokens *t, const char *pin, unsigned mode);
void test_fault(const struct test_tokens *t, const char *line); /* "" for none */
size_t test_logins(const struct test_tokens *t);                /* C_Login calls so far */

/* Opens one token for tests. */
enum hm_err test_open(const struct test_tokens *t, const char *label, bool read_write,
                      struct hsm **out, struct hm_why *why);

/* A key pair made directly, with changed attributes. */
struct test_key {
    const char *label;
    CK_ATTRIBUTE_TYPE change; /* of the private key; 0: none */
    bool value;
    bool import;    /* C_CreateObject of a key from outside: not local */
    bool no_public; /* the public half is destroyed again */
    bool p384;
};
bool test_key_make(const struct test_tokens *t, const char *token, const struct test_key *k);

#endif
