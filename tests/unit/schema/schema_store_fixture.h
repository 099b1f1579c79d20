/* A valid trust store and the keys around it, for the tests that spoil it. */
#ifndef TESTS_UNIT_SCHEMA_STORE_FIXTURE_H
#define TESTS_UNIT_SCHEMA_STORE_FIXTURE_H

#include "tests/unit/schema/schema_signer.h"

#include "schema/trust/hm_trust_store_priv.h"

/* Keys of the fixture: 2 of 3 root keys, two release keys, log and two witnesses. */
enum { ROOT_A, ROOT_B, ROOT_C, RELEASE_A, RELEASE_B, LOG, WITNESS_A, WITNESS_B, SPARE, KEYS };

struct fixture {
    struct signer s[KEYS];
    struct hm_trust_store store; /* valid, sorted */
    struct hm_trust_store work;
    struct hm_trust_store opened;
};

/* Fails the test where something does not work. Caller store_fixture_free()s. */
struct fixture *store_fixture_new(void);
void store_fixture_free(struct fixture *f);
/* Signs payload by two root keys and opens it into f->opened. */
enum hm_err store_open_signed(struct fixture *f, struct hm_bytes payload, struct hm_why *why);

#endif
