/* Statements about a change of the policy: exact bytes, and every damaged proposal is refused. */
#include "tests/unit/test_rows.h"

#include "schema/attest/hm_policy_statement.h"

#include <stdio.h>

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C64 "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static const char proposal[] = "policy-proposal/v1\n"
                               "origin hallmark.example/rehearsal\n"
                               "policy sha256:" A64 "\n"
                               "in-force sha256:" B64 "\n"
                               "expires 2026-11-28T00:00:00Z\n"
                               "reason Carol joins\n";
static const char approval[] = "policy-approval/v1\n"
                               "origin hallmark.example/rehearsal\n"
                               "proposal 41\n"
                               "proposed " C64 "\n"
                               "policy sha256:" A64 "\n"
                               "in-force sha256:" B64 "\n"
                               "expires 2026-11-28T00:00:00Z\n";

static void proposal_round_trip(void **state)
{
    struct hm_policy_proposal p;
    struct hm_why why = {""};
    HM_BUF_AUTO out = {0};
    (void)state;
    assert_int_equal(hm_policy_proposal_parse(hm_bytes_str(proposal), &p, &why), HM_OK);
    assert_string_equal(p.reason, "Carol joins");
    assert_int_equal(p.expires_s, 1795824000);
    assert_int_equal(hm_policy_proposal_write(&p, &out, &why), HM_OK);
    assert_string_equal(hm_buf_str(&out), proposal);
}

static void approval_bytes(void **state)
{
    struct hm_digest a;
    struct hm_digest b;
    struct hm_digest c;
    HM_BUF_AUTO out = {0};
    (void)state;
    memset(a.b, 0xaa, sizeof a.b);
    memset(b.b, 0xbb, sizeof b.b);
    memset(c.b, 0xcc, sizeof c.b);
    struct hm_policy_approval s = {.origin = "hallmark.example/rehearsal",
                                   .proposal = 41,
                                   .leaf = &c,
                                   .policy = &a,
                                   .in_force = &b,
                                   .expires_s = 1795824000};
    assert_int_equal(hm_policy_approval_write(&s, &out, NULL), HM_OK);
    assert_string_equal(hm_buf_str(&out), approval);
    s.origin = "two words";
    assert_int_equal(hm_policy_approval_write(&s, &out, NULL), HM_E_MALFORMED);
    s.origin = "a/b";
    s.expires_s = 0;
    assert_int_equal(hm_policy_approval_write(&s, &out, NULL), HM_E_MALFORMED);
}

/* Not one byte can be left out, and what follows does not belong to it. */
static void every_cut(void **state)
{
    struct hm_policy_proposal p;
    (void)state;
    for (size_t n = 0; n < sizeof proposal - 1; n++)
        assert_int_not_equal(hm_policy_proposal_parse(hm_bytes_of(proposal, n), &p, NULL), HM_OK);
    assert_int_not_equal(hm_policy_proposal_parse(hm_bytes_of(proposal, sizeof proposal), &p, NULL),
                         HM_OK);
}

/* A flipped bit is refused, or it stands in a value and is read as another one. */
static void every_flip(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof proposal - 1; i++) {
        struct hm_policy_proposal p;
        HM_BUF_AUTO again = {0};
        char text[sizeof proposal];
        memcpy(text, proposal, sizeof text);
        text[i] = (char)(text[i] ^ 1);
        struct hm_bytes b = hm_bytes_of(text, sizeof text - 1);
        if (hm_policy_proposal_parse(b, &p, NULL) != HM_OK)
            continue;
        assert_int_equal(hm_policy_proposal_write(&p, &again, NULL), HM_OK);
        assert_true(hm_bytes_eq(hm_buf_bytes(&again), b));
    }
}

struct row {
    const char *name;
    const char *text;
};
#define HEAD "policy-proposal/v1\norigin a/b\n"
#define TAIL "expires 2026-11-28T00:00:00Z\nreason x\n"
#define BOTH "policy sha256:" A64 "\nin-force sha256:" B64 "\n"
static const struct row rows[] = {
    {"an approval", approval},
    {"a rejection", "release-rejection/v1\norigin a/b\n" BOTH TAIL},
    {"another version", "policy-proposal/v2\norigin a/b\n" BOTH TAIL},
    {"lines in another order", HEAD "in-force sha256:" B64 "\npolicy sha256:" A64 "\n" TAIL},
    {"digest without its name", HEAD "policy " A64 "\nin-force sha256:" B64 "\n" TAIL},
    {"digest in upper case",
     HEAD "policy sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
          "in-force sha256:" B64 "\n" TAIL},
    {"time without zone", HEAD BOTH "expires 2026-11-28T00:00:00\nreason x\n"},
    {"no reason", HEAD BOTH "expires 2026-11-28T00:00:00Z\nreason \n"},
    {"a line more", HEAD BOTH TAIL "more x\n"},
    {"an empty line", HEAD "\n" BOTH TAIL},
    {"carriage returns", "policy-proposal/v1\r\norigin a/b\r\n" BOTH TAIL},
    {"origin with a space", "policy-proposal/v1\norigin a b\n" BOTH TAIL},
    {"reason with a bidirectional control",
     HEAD BOTH "expires 2026-11-28T00:00:00Z\nreason a\xe2\x80\xae"
               "b\n"},
};

static void refused(void **state)
{
    const struct row *r = *state;
    struct hm_policy_proposal p;
    assert_int_not_equal(hm_policy_proposal_parse(hm_bytes_str(r->text), &p, NULL), HM_OK);
}

int main(void)
{
    struct CMUnitTest tests[ROWS(rows) + 4] = {
        cmocka_unit_test(proposal_round_trip),
        cmocka_unit_test(approval_bytes),
        cmocka_unit_test(every_cut),
        cmocka_unit_test(every_flip),
    };
    (void)ADD_ROWS(tests, 4, refused, rows);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
