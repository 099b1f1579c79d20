/* Roster statements: one spelling, every cut refused, and the digest of a list. */
#include "tests/unit/test_rows.h"

#include "schema/attest/hm_roster.h"

#include <stdio.h>

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_1 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOTaR0mwSWWvm+e1zH9KEOlTAhlTjfPzyPRe2FUHiizo"
#define KEY_2 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBaKj5xL3n7zBW7KcoOVoJJogvDJsx8rjyAxWp5Z+Obf"
#define HEAD_OF(serial)                                                                            \
    "roster/v1\norigin a/b\nkey " A64 "\nguards sha256:" A64 "\nserial " serial                    \
    "\nformer sha256:" A64 "\n"
#define HEAD HEAD_OF("1")

static struct hm_roster roster; /* large; one thread */

static void round_trip(void **state)
{
    static const char text[] = HEAD "approver " KEY_1 "\napprover " KEY_2 "\n";
    static const char lines[] = "approver " KEY_1 "\napprover " KEY_2 "\n";
    HM_BUF_AUTO again = {0};
    struct hm_digest d;
    struct hm_digest want = hm_sha256(hm_bytes_str(lines));
    (void)state;
    assert_int_equal(hm_roster_parse(hm_bytes_str(text), &roster, NULL), HM_OK);
    assert_int_equal(roster.count, 2);
    assert_int_equal(roster.serial, 1);
    assert_int_equal(hm_roster_write(&roster, &again, NULL), HM_OK);
    assert_string_equal(hm_buf_str(&again), text);
    assert_int_equal(hm_roster_digest(roster.approvers, roster.count, &d, NULL), HM_OK);
    assert_true(hm_digest_eq(&d, &want));
}

static void every_cut(void **state)
{
    static const char text[] = HEAD "approver " KEY_1 "\n";
    (void)state;
    for (size_t n = 0; n < sizeof text - 1; n++) {
        /* Without its last line it is a whole statement, with nobody in it. */
        bool whole = n == sizeof HEAD - 1;
        enum hm_err err = hm_roster_parse(hm_bytes_of(text, n), &roster, NULL);
        assert_int_equal(err == HM_OK, whole);
    }
}

static void too_many(void **state)
{
    static struct hm_roster r;
    HM_BUF_AUTO out = {0};
    (void)state;
    assert_int_equal(hm_roster_parse(hm_bytes_str(HEAD), &r, NULL), HM_OK);
    r.count = HM_ROSTER_APPROVERS_MAX + 1;
    assert_int_equal(hm_roster_write(&r, &out, NULL), HM_E_MALFORMED);
    r.count = 0;
    r.serial = 0;
    assert_int_equal(hm_roster_write(&r, &out, NULL), HM_E_MALFORMED);
}

struct row {
    const char *name;
    const char *text;
};
static const struct row rows[] = {
    {"another type", "release-approval/v1\norigin a/b\n"},
    {"a policy approval", "policy-approval/v1\norigin a/b\nproposal 1\n"},
    {"serial 0", HEAD_OF("0") "approver " KEY_1 "\n"},
    {"serial with a zero in front", HEAD_OF("01") "approver " KEY_1 "\n"},
    {"serial above 2^53", HEAD_OF("9007199254740993") "approver " KEY_1 "\n"},
    {"a key twice", HEAD "approver " KEY_1 "\napprover " KEY_1 "\n"},
    {"a comment", HEAD "approver " KEY_1 " carol\n"},
    {"options in front", HEAD "approver no-pty " KEY_1 "\n"},
    {"two spaces", HEAD "approver  " KEY_1 "\n"},
    {"no key", HEAD "approver ssh-ed25519\n"},
    {"RSA", HEAD "approver ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ==\n"},
    {"type that lies",
     HEAD "approver ecdsa-sha2-nistp256 "
          "AAAAC3NzaC1lZDI1NTE5AAAAIOTaR0mwSWWvm+e1zH9KEOlTAhlTjfPzyPRe2FUHiizo\n"},
    {"a line behind", HEAD "approver " KEY_1 "\nserial 2\n"},
    {"carriage return", HEAD "approver " KEY_1 "\r\n"},
    {"key id with its name", "roster/v1\norigin a/b\nkey sha256:" A64 "\nguards sha256:" A64
                             "\nserial 1\nformer sha256:" A64 "\n"},
    {"lines in another order", "roster/v1\norigin a/b\nguards sha256:" A64 "\nkey " A64
                               "\nserial 1\nformer sha256:" A64 "\n"},
};

static void refused(void **state)
{
    const struct row *r = *state;
    assert_int_not_equal(hm_roster_parse(hm_bytes_str(r->text), &roster, NULL), HM_OK);
}

int main(void)
{
    struct CMUnitTest tests[ROWS(rows) + 3] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(every_cut),
        cmocka_unit_test(too_many),
    };
    (void)ADD_ROWS(tests, 3, refused, rows);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
