/* The state file where the end-to-end tests cannot reach: write errors, and files changed behind
 * the signer's back. */
#include "server/signer/signer_state.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define SLOT 4096

struct fixture {
    char dir[64];
    char file[128];
    struct hm_digest id;
    struct signer_state *s;
    struct signer_last last;
};

static int make(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct hm_why why = {""};
    bool torn = true;
    if (f == NULL)
        return -1;
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/hallmark-state-XXXXXX");
    f->id = hm_sha256(hm_bytes_str("a verifier key"));
    *state = f;
    if (mkdtemp(f->dir) == NULL || signer_state_init(f->dir, &f->id, &why) != HM_OK ||
        signer_state_open(f->dir, &f->id, &f->s, &f->last, &torn, &why) != HM_OK)
        return -1;
    (void)snprintf(f->file, sizeof f->file, "%s/" SIGNER_STATE_FILE, f->dir);
    return torn ? -1 : 0;
}

static int drop(void **state)
{
    struct fixture *f = *state;
    signer_state_close(f->s);
    (void)unlink(f->file);
    (void)rmdir(f->dir);
    free(f);
    return 0;
}

static struct signer_last checkpoint(uint64_t size)
{
    struct signer_last l = {.size = size, .note_len = 100};
    l.root = hm_sha256(hm_bytes_of(&size, sizeof size));
    memset(l.note, (int)('a' + size % 26), l.note_len);
    return l;
}

static void expect_on_disk(struct fixture *f, const struct signer_last *want)
{
    struct hm_why why = {""};
    struct signer_last got;
    bool torn = false;
    signer_state_close(f->s);
    f->s = NULL;
    assert_int_equal(signer_state_open(f->dir, &f->id, &f->s, &got, &torn, &why), HM_OK);
    assert_int_equal(got.size, want->size);
    assert_true(hm_digest_eq(&got.root, &want->root));
    assert_int_equal(got.note_len, want->note_len);
    assert_memory_equal(got.note, want->note, want->note_len);
}

static void saves_are_read_back(void **state)
{
    struct fixture *f = *state;
    struct hm_why why = {""};
    struct hm_digest empty = hm_sha256(hm_bytes_of(NULL, 0));
    assert_int_equal(f->last.size, 0);
    assert_int_equal(f->last.note_len, 0);
    assert_true(hm_digest_eq(&f->last.root, &empty));
    for (uint64_t i = 1; i < 10; i++) {
        struct signer_last l = checkpoint(i);
        assert_int_equal(signer_state_save(f->s, &l, &why), HM_OK);
        expect_on_disk(f, &l);
    }
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit r = {bytes, RLIM_INFINITY};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void failed_write_is_followed_by_another_look(void **state)
{
    struct fixture *f = *state;
    struct hm_why why = {""};
    struct signer_last one = checkpoint(1);
    struct signer_last two = checkpoint(2);
    struct signer_last three = checkpoint(3);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(signer_state_save(f->s, &one, &why), HM_OK); /* slot 1 */
    assert_int_equal(signer_state_save(f->s, &two, &why), HM_OK); /* slot 0 */
    limit_file_size(SLOT);
    assert_int_equal(signer_state_save(f->s, &three, &why), HM_E_IO);
    assert_non_null(strstr(why.text, SIGNER_STATE_FILE));
    assert_int_equal(signer_state_save(f->s, &three, &why), HM_E_IO);
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(signer_state_save(f->s, &three, &why), HM_OK);
    expect_on_disk(f, &three);
}

static void put(const struct fixture *f, off_t at, const void *data, size_t len)
{
    int fd = open(f->file, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, data, len, at), (ssize_t)len);
    (void)close(fd);
}

/* Breaks a write, does something to the file, and asks to save again. */
static enum hm_err save_after(struct fixture *f, void (*change)(struct fixture *f))
{
    struct hm_why why = {""};
    struct signer_last one = checkpoint(1);
    struct signer_last two = checkpoint(2);
    struct signer_last three = checkpoint(3);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(signer_state_save(f->s, &one, &why), HM_OK);
    assert_int_equal(signer_state_save(f->s, &two, &why), HM_OK);
    limit_file_size(0);
    assert_int_equal(signer_state_save(f->s, &three, &why), HM_E_IO);
    limit_file_size(RLIM_INFINITY);
    change(f);
    return signer_state_save(f->s, &three, &why);
}

static void roll_back(struct fixture *f)
{
    static const uint8_t zeros[SLOT];
    put(f, 0, zeros, sizeof zeros); /* the newest slot is gone: the file says size 1 */
}

static void remove_file(struct fixture *f)
{
    (void)unlink(f->file);
}

static void garbage(struct fixture *f)
{
    uint8_t junk[2 * SLOT];
    memset(junk, 0x5a, sizeof junk);
    put(f, 0, junk, sizeof junk);
}

static void fresh_file(struct fixture *f)
{
    (void)unlink(f->file);
    assert_int_equal(signer_state_init(f->dir, &f->id, NULL), HM_OK);
}

static void rolled_back(void **state)
{
    assert_int_equal(save_after(*state, roll_back), HM_E_HISTORY);
}

static void removed(void **state)
{
    assert_int_equal(save_after(*state, remove_file), HM_E_NOT_FOUND);
}

static void overwritten(void **state)
{
    assert_int_equal(save_after(*state, garbage), HM_E_MALFORMED);
}

static void initialised_again(void **state)
{
    assert_int_equal(save_after(*state, fresh_file), HM_E_HISTORY);
}

static void every_flipped_byte(void **state)
{
    struct fixture *f = *state;
    struct hm_why why = {""};
    struct signer_last one = checkpoint(1);
    uint8_t slot[SLOT];
    assert_int_equal(signer_state_save(f->s, &one, &why), HM_OK);
    signer_state_close(f->s);
    f->s = NULL;
    int fd = open(f->file, O_RDONLY);
    assert_int_equal(pread(fd, slot, SLOT, SLOT), SLOT);
    (void)close(fd);
    for (size_t i = 0; i < SLOT; i += i < 256 ? 1 : 61) {
        struct signer_state *s = NULL;
        struct signer_last got;
        bool torn = false;
        uint8_t bad = slot[i] ^ 0x10;
        put(f, (off_t)(SLOT + i), &bad, 1);
        /* the older slot is whole: it counts, and the damage is told */
        assert_int_equal(signer_state_open(f->dir, &f->id, &s, &got, &torn, &why), HM_OK);
        assert_true(torn);
        assert_int_equal(got.size, 0);
        signer_state_close(s);
        put(f, (off_t)(SLOT + i), &slot[i], 1);
    }
}

static void refusals(void **state)
{
    struct fixture *f = *state;
    struct hm_why why = {""};
    struct signer_state *s = NULL;
    struct signer_last got;
    bool torn = false;
    struct hm_digest other = hm_sha256(hm_bytes_str("another key"));
    assert_int_equal(signer_state_open(f->dir, &f->id, &s, &got, &torn, &why),
                     HM_E_CONFLICT); /* held */
    signer_state_close(f->s);
    f->s = NULL;
    assert_int_equal(signer_state_open(f->dir, &other, &s, &got, &torn, &why), HM_E_DENIED);
    assert_int_equal(signer_state_init(f->dir, &f->id, &why), HM_E_CONFLICT);
    assert_int_equal(signer_state_open("/nonexistent", &f->id, &s, &got, &torn, &why),
                     HM_E_NOT_FOUND);
    assert_int_equal(truncate(f->file, SLOT), 0);
    assert_int_equal(signer_state_open(f->dir, &f->id, &s, &got, &torn, &why), HM_E_MALFORMED);
    assert_null(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(saves_are_read_back, make, drop),
        cmocka_unit_test_setup_teardown(failed_write_is_followed_by_another_look, make, drop),
        cmocka_unit_test_setup_teardown(rolled_back, make, drop),
        cmocka_unit_test_setup_teardown(removed, make, drop),
        cmocka_unit_test_setup_teardown(overwritten, make, drop),
        cmocka_unit_test_setup_teardown(initialised_again, make, drop),
        cmocka_unit_test_setup_teardown(every_flipped_byte, make, drop),
        cmocka_unit_test_setup_teardown(refusals, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
