/* Inbox, allowances, gate, pinned log key: the parts of the door that keep something. */
#include "schema/core/hm_text.h"
#include "schema/io/hm_clock.h"
#include "schema/io/hm_file.h"
#include "server/door/door_gate.h"
#include "server/door/door_inbox.h"
#include "server/door/door_model_priv.h"
#include "server/door/door_people.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char dir[64];
    struct door_inbox *inbox;
};

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    assert_non_null(p);
    (void)snprintf(p->dir, sizeof p->dir, "/tmp/door-parts-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    assert_int_equal(door_inbox_open(p->dir, 1000, &p->inbox, NULL), HM_OK);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    char command[96];
    door_inbox_close(p->inbox);
    (void)snprintf(command, sizeof command, "rm -rf %s", p->dir);
    int rc = system(command);
    free(p);
    return rc;
}

static bool there(const struct place *p, const char *name)
{
    char path[200];
    (void)snprintf(path, sizeof path, "%s/%s", p->dir, name);
    return access(path, F_OK) == 0;
}

static struct hm_digest add(struct place *p, const char *text, bool *new_one)
{
    char name[DOOR_TMP_NAME];
    int fd = -1;
    struct hm_digest d = hm_sha256(hm_bytes_str(text));
    assert_int_equal(door_inbox_begin(p->inbox, strlen(text), name, &fd, NULL), HM_OK);
    assert_true(there(p, name));
    assert_int_equal(hm_fd_write(fd, hm_bytes_str(text), NULL), HM_OK);
    (void)close(fd);
    assert_int_equal(door_inbox_keep(p->inbox, name, strlen(text), &d, new_one, NULL), HM_OK);
    assert_false(there(p, name));
    return d;
}

static void keeps_and_reads(void **state)
{
    struct place *p = *state;
    bool new_one = false;
    struct hm_digest d = add(p, "twelve bytes", &new_one);
    int fd = -1;
    uint64_t size = 0;
    assert_true(new_one);
    assert_int_equal(door_inbox_used(p->inbox), 12);
    assert_int_equal(door_inbox_read(p->inbox, &d, &fd, &size, NULL), HM_OK);
    assert_int_equal(size, 12);
    (void)close(fd);
    (void)add(p, "twelve bytes", &new_one);
    assert_false(new_one);
    assert_int_equal(door_inbox_used(p->inbox), 12);
    door_inbox_remove(p->inbox, &d);
    door_inbox_remove(p->inbox, &d);
    assert_int_equal(door_inbox_used(p->inbox), 0);
    assert_int_equal(door_inbox_read(p->inbox, &d, &fd, &size, NULL), HM_E_NOT_FOUND);
}

static void quota_holds(void **state)
{
    struct place *p = *state;
    char a[DOOR_TMP_NAME];
    char b[DOOR_TMP_NAME];
    int fd = -1;
    assert_int_equal(door_inbox_begin(p->inbox, 1001, a, &fd, NULL), HM_E_FULL);
    assert_int_equal(door_inbox_begin(p->inbox, UINT64_MAX, a, &fd, NULL), HM_E_FULL);
    assert_int_equal(door_inbox_begin(p->inbox, 600, a, &fd, NULL), HM_OK);
    (void)close(fd);
    assert_int_equal(door_inbox_begin(p->inbox, 401, b, &fd, NULL), HM_E_FULL);
    door_inbox_drop(p->inbox, a, 600);
    assert_false(there(p, a));
    assert_int_equal(door_inbox_begin(p->inbox, 1000, b, &fd, NULL), HM_OK);
    (void)close(fd);
    door_inbox_drop(p->inbox, b, 1000);
    assert_int_equal(door_inbox_used(p->inbox), 0);
}

static void leftovers_go_and_the_rest_counts(void **state)
{
    struct place *p = *state;
    char name[DOOR_TMP_NAME];
    int fd = -1;
    bool new_one = false;
    (void)add(p, "kept", &new_one);
    assert_int_equal(door_inbox_begin(p->inbox, 5, name, &fd, NULL), HM_OK);
    (void)close(fd);
    door_inbox_close(p->inbox);
    assert_int_equal(door_inbox_open(p->dir, 1000, &p->inbox, NULL), HM_OK);
    assert_false(there(p, name));
    assert_int_equal(door_inbox_used(p->inbox), 4);
}

static void old_artifacts_expire(void **state)
{
    struct place *p = *state;
    bool new_one = false;
    char hex[HM_SHA256_HEX];
    char path[200];
    struct hm_digest d = add(p, "old", &new_one);
    (void)add(p, "young", &new_one);
    hm_digest_hex(&d, hex);
    (void)snprintf(path, sizeof path, "%s/sha256-%s", p->dir, hex);
    const struct timespec past[2] = {{1000, 0}, {1000, 0}};
    assert_int_equal(utimensat(AT_FDCWD, path, past, 0), 0);
    assert_int_equal(door_inbox_expire(p->inbox, 3600), 1);
    assert_int_equal(door_inbox_used(p->inbox), 5);
}

static void symlinks_are_not_followed(void **state)
{
    struct place *p = *state;
    struct hm_digest d = hm_sha256(hm_bytes_str("x"));
    char hex[HM_SHA256_HEX];
    char path[200];
    int fd = -1;
    uint64_t size = 0;
    hm_digest_hex(&d, hex);
    (void)snprintf(path, sizeof path, "%s/sha256-%s", p->dir, hex);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_not_equal(door_inbox_read(p->inbox, &d, &fd, &size, NULL), HM_OK);
}

static void pin_holds(void **state)
{
    struct place *p = *state;
    struct hm_why why = {.text = ""};
    char db[100];
    (void)snprintf(db, sizeof db, "%s/query.db", p->dir);
    struct hm_bytes a = hm_bytes_str("origin+01234567+AAAA");
    struct hm_bytes b = hm_bytes_str("origin+01234567+AAAB");
    assert_int_equal(door_pin_check(db, a, &why), HM_OK);
    assert_int_equal(door_pin_check(db, a, &why), HM_OK);
    assert_int_equal(door_pin_check(db, b, &why), HM_E_HISTORY);
    assert_non_null(strstr(why.text, "first contact"));
    assert_int_equal(door_pin_check(db, hm_bytes_of(a.data, a.len - 1), &why), HM_E_HISTORY);
    assert_int_equal(door_pin_check(db, hm_bytes_of(NULL, 0), &why), HM_E_HISTORY);
    assert_int_equal(door_pin_check(db, a, &why), HM_OK);
}

static void an_empty_pin_fits_nothing(void **state)
{
    struct place *p = *state;
    char path[120];
    char db[100];
    (void)snprintf(db, sizeof db, "%s/query.db", p->dir);
    (void)snprintf(path, sizeof path, "%s.logkey", db);
    assert_int_equal(hm_file_write_atomic(path, hm_bytes_of(NULL, 0), 0600, NULL), HM_OK);
    assert_int_equal(door_pin_check(db, hm_bytes_str("k"), NULL), HM_E_HISTORY);
}

static void allowance_runs_out_per_principal(void **state)
{
    (void)state;
    struct door_people *p = door_people_new(60); /* two at once, then one a second */
    assert_non_null(p);
    assert_int_equal(door_people_take(p, "ci"), 0);
    assert_int_equal(door_people_take(p, "ci"), 0);
    assert_int_equal(door_people_take(p, "ci"), 1);
    assert_int_equal(door_people_take(p, "other"), 0);
    door_people_free(p);
}

static void allowance_is_large_by_default(void **state)
{
    (void)state;
    struct door_people *p = door_people_new(600000);
    for (int i = 0; i < 15000; i++)
        assert_int_equal(door_people_take(p, "ci"), 0);
    door_people_free(p);
}

static void more_principals_than_places(void **state)
{
    (void)state;
    struct door_people *p = door_people_new(60);
    for (int i = 0; i < 4 * HM_PRINCIPALS_MAX + 10; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "p%d", i);
        (void)door_people_take(p, id);
    }
    door_people_free(p);
}

static void gate_counts(void **state)
{
    (void)state;
    unsigned alice, bob, more;
    struct door_gate *g = door_gate_new(2);
    assert_true(door_gate_enter(g, "alice", 0, &alice));
    assert_false(door_gate_enter(g, "alice", 0, &more)); /* half of them for one */
    assert_true(door_gate_enter(g, "bob", 0, &bob));
    assert_false(door_gate_enter(g, "carol", 0, &more));
    int64_t began = hm_clock_mono_ms();
    assert_false(door_gate_enter(g, "carol", 50, &more));
    assert_true(hm_clock_mono_ms() - began >= 40);
    door_gate_leave(g, alice);
    assert_false(door_gate_enter(g, "bob", 0, &more));
    assert_true(door_gate_enter(g, "carol", 50, &more));
    door_gate_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_and_reads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(quota_holds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leftovers_go_and_the_rest_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(old_artifacts_expire, set_up, tear_down),
        cmocka_unit_test_setup_teardown(symlinks_are_not_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pin_holds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_pin_fits_nothing, set_up, tear_down),
        cmocka_unit_test(allowance_runs_out_per_principal),
        cmocka_unit_test(allowance_is_large_by_default),
        cmocka_unit_test(more_principals_than_places),
        cmocka_unit_test(gate_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
