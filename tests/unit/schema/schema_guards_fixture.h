/* Key guards and a genesis that are good, and the keys around them, for the tests that spoil them.
 */
#ifndef TESTS_UNIT_SCHEMA_GUARDS_FIXTURE_H
#define TESTS_UNIT_SCHEMA_GUARDS_FIXTURE_H

#include "tests/unit/schema/schema_signer.h"

#include "schema/json/hm_json.h"
#include "schema/trust/hm_genesis.h"

#define ORIGIN "hallmark.example/rehearsal"

enum { ROOT_A, ROOT_B, RELEASE, DEV_RELEASE, LOG, ALICE, BOB, CAROL, OTHER, KEYS };

struct fixture {
    struct signer s[KEYS];
    struct hm_root root; /* 2 of 2 */
    json_t *guards;
    json_t *genesis;
};

/* Makes keys, which costs time: once for each program. Ends it where something does not work.
 * Caller guards_fixture_free()s. */
struct fixture *guards_fixture_new(void);
void guards_fixture_free(struct fixture *f);
/* What f->guards was made of. Caller hm_guards_free()s. */
void guards_fill(const struct fixture *f, struct hm_guards *g);
/* Appends to doc the payload, signed by both root keys. */
void guards_sign_by_root(struct fixture *f, struct hm_bytes payload, struct hm_buf *doc);
/* Whether the document opens under the root; a refusal must leave the output untouched. */
enum hm_err guards_try(const struct fixture *f, struct hm_bytes doc, struct hm_why *why);
enum hm_err genesis_try(const struct fixture *f, struct hm_bytes doc, struct hm_why *why);

#endif
