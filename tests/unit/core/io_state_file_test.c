/* The state that is kept twice: read back, mended, refused; write errors; every torn write. */
#include "tests/unit/test_rows.h"

#include "schema/io/hm_state_file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define COPY 4096

static const struct hm_state_form form = {{'H', 'M', 'T', 'E', 'S', 'T', '0', '1'}, COPY};

struct fixture {
    char dir[64];
    char file[128];
    struct hm_digest id;
    struct hm_state_file *s;
};

static int make(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    HM_BUF_AUTO content = {0};
    struct hm_why why = {""};
    bool mended = true;
    if (f == NULL)
        return -1;
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/hallmark-state-XXXXXX");
    if (mkdtemp(f->dir) == NULL)
        return -1;
    (void)snprintf(f->file, sizeof f->file, "%s/state", f->dir);
    f->id = hm_sha256(hm_bytes_str("log.example/one"));
    assert_int_equal(hm_state_file_create(f->file, &form, &f->id, hm_bytes_str("one"), &why),
                     HM_OK);
    assert_int_equal(hm_state_file_open(f->file, &form, &f->id, &f->s, &content, &mended, &why),
                     HM_OK);
    assert_true(hm_bytes_eq_str(hm_buf_bytes(&content), "one"));
    assert_false(mended);
    *state = f;
    return 0;
}

static int drop(void **state)
{
    struct fixture *f = *state;
    hm_state_file_close(f->s);
    (void)unlink(f->file);
    (void)rmdir(f->dir);
    free(f);
    return 0;
}

static enum hm_err reopen(struct fixture *f, struct hm_buf *content, bool *mended)
{
    hm_state_file_close(f->s);
    f->s = NULL;
    hm_buf_reset(content);
    return hm_state_file_open(f->file, &form, &f->id, &f->s, content, mended, NULL);
}

static void expect(struct fixture *f, const char *text, bool want_mended)
{
    HM_BUF_AUTO content = {0};
    bool mended = !want_mended;
    assert_int_equal(reopen(f, &content, &mended), HM_OK);
    assert_true(hm_bytes_eq_str(hm_buf_bytes(&content), text));
    assert_int_equal(mended, want_mended);
}

static enum hm_err save(struct fixture *f, const char *text)
{
    return hm_state_file_save(f->s, hm_bytes_str(text), NULL);
}

static void get(const struct fixture *f, uint8_t bytes[static 2 * COPY])
{
    int fd = open(f->file, O_RDONLY);
    assert_int_equal(pread(fd, bytes, (size_t)2 * COPY, 0), 2 * COPY);
    (void)close(fd);
}

static void put(const struct fixture *f, const uint8_t *bytes, size_t len)
{
    int fd = open(f->file, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    (void)close(fd);
}

static void saves_are_read_back(void **state)
{
    struct fixture *f = *state;
    HM_BUF_AUTO seen = {0};
    for (int i = 0; i < 5; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "state %d", i);
        assert_int_equal(save(f, text), HM_OK);
        hm_buf_reset(&seen);
        assert_int_equal(hm_state_file_peek(f->file, &form, &f->id, &seen, NULL), HM_OK);
        assert_true(hm_bytes_eq_str(hm_buf_bytes(&seen), text));
        expect(f, text, false);
    }
    assert_int_equal(save(f, ""), HM_OK);
    expect(f, "", false);
}

static void limits(void **state)
{
    struct fixture *f = *state;
    uint8_t most[COPY] = {0};
    struct hm_bytes largest = hm_bytes_of(most, COPY - HM_STATE_FILE_OVERHEAD);
    HM_BUF_AUTO content = {0};
    bool mended = false;
    assert_int_equal(hm_state_file_save(f->s, largest, NULL), HM_OK);
    largest.len++;
    assert_int_equal(hm_state_file_save(f->s, largest, NULL), HM_E_LIMIT);
    assert_int_equal(reopen(f, &content, &mended), HM_OK);
    assert_int_equal(content.len, COPY - HM_STATE_FILE_OVERHEAD);
}

/* A write that stopped after n bytes leaves the old state or the new one, whatever n is. */
static void every_torn_write(void **state)
{
    struct fixture *f = *state;
    static uint8_t before[2 * COPY];
    static uint8_t after[2 * COPY];
    static uint8_t torn[2 * COPY];
    assert_int_equal(save(f, "the old state"), HM_OK);
    get(f, before);
    assert_int_equal(save(f, "the new state"), HM_OK);
    get(f, after);
    for (size_t n = 0; n <= sizeof torn; n += n % COPY < 80 || n % COPY >= COPY - 40 ? 1 : 97) {
        memcpy(torn, before, sizeof torn);
        memcpy(torn, after, n);
        put(f, torn, sizeof torn);
        expect(f, n < COPY ? "the old state" : "the new state",
               memcmp(torn, before, sizeof torn) != 0 && memcmp(torn, after, sizeof torn) != 0);
        expect(f, n < COPY ? "the old state" : "the new state", false); /* it was mended */
    }
}

/* Damage of one copy, wherever it is, loses nothing; damage of both is an error. */
static void every_flipped_byte(void **state)
{
    struct fixture *f = *state;
    static uint8_t good[2 * COPY];
    HM_BUF_AUTO content = {0};
    bool mended = false;
    assert_int_equal(save(f, "acknowledged"), HM_OK);
    get(f, good);
    for (size_t i = 0; i < sizeof good; i += i % COPY < 80 ? 1 : 61) {
        static uint8_t bad[2 * COPY];
        memcpy(bad, good, sizeof bad);
        bad[i] ^= 0x10;
        put(f, bad, sizeof bad);
        expect(f, "acknowledged", true);
        bad[(i + COPY) % sizeof bad] ^= 0x10;
        put(f, bad, sizeof bad);
        assert_int_equal(reopen(f, &content, &mended), HM_E_MALFORMED);
    }
}

static void cut_and_grown(void **state)
{
    struct fixture *f = *state;
    static uint8_t good[2 * COPY + 1];
    HM_BUF_AUTO content = {0};
    bool mended = false;
    get(f, good);
    static const size_t lengths[] = {0, 1, COPY - 1, COPY, COPY + 1, 2 * COPY - 1, 2 * COPY + 1};
    for (size_t i = 0; i < ROWS(lengths); i++) {
        put(f, good, lengths[i]);
        assert_int_equal(reopen(f, &content, &mended), HM_E_MALFORMED);
    }
    put(f, good, (size_t)2 * COPY);
    expect(f, "one", false);
}

/* The same turn with two contents: nobody knows which is true. */
static void copies_that_contradict(void **state)
{
    struct fixture *f = *state;
    static uint8_t ours[2 * COPY];
    static uint8_t theirs[2 * COPY];
    HM_BUF_AUTO content = {0};
    bool mended = false;
    assert_int_equal(save(f, "ours"), HM_OK);
    get(f, ours);
    hm_state_file_close(f->s);
    f->s = NULL;
    (void)unlink(f->file);
    assert_int_equal(hm_state_file_create(f->file, &form, &f->id, hm_bytes_str("one"), NULL),
                     HM_OK);
    assert_int_equal(reopen(f, &content, &mended), HM_OK);
    assert_int_equal(save(f, "theirs"), HM_OK);
    get(f, theirs);
    memcpy(ours + COPY, theirs + COPY, COPY);
    put(f, ours, sizeof ours);
    assert_int_equal(reopen(f, &content, &mended), HM_E_MALFORMED);
}

static void refusals(void **state)
{
    struct fixture *f = *state;
    struct hm_state_file *s = NULL;
    HM_BUF_AUTO content = {0};
    bool mended = false;
    struct hm_digest other = hm_sha256(hm_bytes_str("log.example/two"));
    struct hm_state_form newer = form;
    newer.magic[7] = '2';
    assert_int_equal(hm_state_file_create(f->file, &form, &f->id, hm_bytes_str("x"), NULL),
                     HM_E_CONFLICT);
    assert_int_equal(hm_state_file_open(f->file, &form, &f->id, &s, &content, &mended, NULL),
                     HM_E_CONFLICT); /* held */
    hm_state_file_close(f->s);
    f->s = NULL;
    assert_int_equal(hm_state_file_open(f->file, &form, &other, &s, &content, &mended, NULL),
                     HM_E_DENIED);
    assert_int_equal(hm_state_file_open(f->file, &newer, &f->id, &s, &content, &mended, NULL),
                     HM_E_MALFORMED);
    (void)unlink(f->file);
    assert_int_equal(hm_state_file_open(f->file, &form, &f->id, &s, &content, &mended, NULL),
                     HM_E_NOT_FOUND);
    assert_int_equal(symlink("/dev/null", f->file), 0);
    assert_int_equal(hm_state_file_open(f->file, &form, &f->id, &s, &content, &mended, NULL),
                     HM_E_IO);
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit r = {bytes, RLIM_INFINITY};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void failed_write_is_followed_by_another_look(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(save(f, "two"), HM_OK);
    limit_file_size(COPY); /* the first copy arrives, the second does not */
    assert_int_equal(save(f, "three"), HM_E_IO);
    assert_int_equal(save(f, "three"), HM_E_IO);
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(save(f, "four"), HM_OK);
    expect(f, "four", false);
}

/* Breaks a write, changes the file behind the program's back, and asks to save again. */
static enum hm_err save_after(struct fixture *f, const uint8_t *file, size_t len)
{
    limit_file_size(0);
    assert_int_equal(save(f, "lost"), HM_E_IO);
    limit_file_size(RLIM_INFINITY);
    if (file != NULL)
        put(f, file, len);
    else
        (void)unlink(f->file);
    return save(f, "next");
}

static void rolled_back(void **state)
{
    struct fixture *f = *state;
    static uint8_t old[2 * COPY];
    get(f, old);
    assert_int_equal(save(f, "two"), HM_OK);
    assert_int_equal(save(f, "three"), HM_OK);
    assert_int_equal(save_after(f, old, sizeof old), HM_E_HISTORY);
    assert_int_equal(save(f, "next"), HM_E_HISTORY);
}

static void removed(void **state)
{
    assert_int_equal(save_after(*state, NULL, 0), HM_E_NOT_FOUND);
}

static void overwritten(void **state)
{
    static uint8_t junk[2 * COPY];
    memset(junk, 0x5a, sizeof junk);
    assert_int_equal(save_after(*state, junk, sizeof junk), HM_E_MALFORMED);
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(saves_are_read_back),
        WITH(limits),
        WITH(every_torn_write),
        WITH(every_flipped_byte),
        WITH(cut_and_grown),
        WITH(copies_that_contradict),
        WITH(refusals),
        WITH(failed_write_is_followed_by_another_look),
        WITH(rolled_back),
        WITH(removed),
        WITH(overwritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
