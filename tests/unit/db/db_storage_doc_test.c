/* The commands of docs/formats/storage.md, run by a shell with sqlite3 and sha256sum on a backup:
 * they confirm a good log, and they find a changed one. */
#include "db_test_util.h"

#include <stdlib.h>

#define SKIPPED 77

static void fill(struct t_log *t, char copy[static 128])
{
    const struct hm_bytes blob = hm_bytes_str("a signed request");
    t_append(t->log, 6);
    struct hm_record r = t_record(6);
    r.evidence_count = 1;
    r.evidence[0] = hm_sha256(blob);
    T_OK(db_log_begin(t->log, why));
    T_OK(db_log_append(t->log, 9000, &r, &blob, hm_bytes_str("{\"name\":\"Ada\"}"), why));
    T_OK(db_log_commit(t->log, why));
    t_append(t->log, 4);
    t_put_checkpoint(t->log);
    (void)snprintf(copy, 128, "%s/copy.db", t->d.dir);
    T_OK(db_log_backup(t->log, copy, why));
}

/* Exit code of the shell; `expect` lines in its output are counted into *found. */
static int run(const struct t_log *t, const char *copy, const char *expect, int *found)
{
    const char *source = getenv("HALLMARK_SOURCE");
    char cmd[1024];
    char line[512];
    (void)snprintf(
        cmd, sizeof cmd,
        "cd '%s' && command -v sqlite3 >/dev/null || exit %d; "
        "awk '/^```sh/{p=1;next}/^```/{p=0}p' '%s/docs/formats/storage.md' | DB='%s' I=6 sh -eu",
        t->d.dir, SKIPPED, source != NULL ? source : "../../..", copy);
    FILE *f = popen(cmd, "r");
    assert_non_null(f);
    *found = 0;
    while (fgets(line, sizeof line, f) != NULL)
        *found += strstr(line, expect) != NULL;
    int rc = pclose(f);
    return rc == -1 ? 255 : (rc >> 8) & 0xff;
}

static void test_good(void **state)
{
    struct t_log *t = *state;
    char copy[128];
    int found = 0;
    fill(t, copy);
    int rc = run(t, copy, "is right", &found);
    if (rc == SKIPPED)
        skip();
    assert_int_equal(rc, 0);
    assert_int_equal(found, 4);
    assert_int_equal(run(t, copy, "11 records, the last leaf hash is", &found), 0);
    assert_int_equal(found, 1);
    assert_int_equal(run(t, copy, "as head says", &found), 0);
    assert_int_equal(found, 1);
    assert_int_equal(run(t, copy, T_ORIGIN, &found),
                     0); /* the checkpoint: its text, and its signature line */
    assert_int_equal(found, 2);
}

static void test_changed(void **state)
{
    struct t_log *t = *state;
    char copy[128];
    int found = 0;
    fill(t, copy);
    assert_int_equal(
        t_raw(
            copy,
            "DROP TRIGGER record_no_update;"
            "UPDATE record SET bytes=CAST(replace(bytes, 'quorum', 'quorun') AS BLOB) WHERE idx=4"),
        SQLITE_OK);
    int rc = run(t, copy, "record 4: its bytes", &found);
    if (rc == SKIPPED)
        skip();
    assert_int_not_equal(rc, 0);
    assert_int_equal(found, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_good, t_log_setup, t_log_teardown),
        cmocka_unit_test_setup_teardown(test_changed, t_log_setup, t_log_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
