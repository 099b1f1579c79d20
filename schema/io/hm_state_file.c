#include "schema/io/hm_state_file.h"

#include "schema/io/hm_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define COPIES 2
#define AT_TURN 8
#define AT_ID 16
#define AT_LENGTH 48
#define AT_CONTENT 52
#define PATH_LIMIT 4096

struct hm_state_file {
    int fd;
    char *path;
    struct hm_state_form form;
    struct hm_digest id;
    uint64_t turn; /* of the content */
    bool broken;   /* a write failed: what the file holds is unknown */
};

/* A file as it was read: both copies, and the one that counts. */
struct reading {
    uint8_t *bytes; /* COPIES * form->copy and one byte more */
    const uint8_t *best;
    bool same; /* both copies are whole and equal */
};

static void put_number(uint8_t *out, size_t len, uint64_t v)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(v >> (8 * (len - 1 - i)));
}

static uint64_t get_number(const uint8_t *in, size_t len)
{
    uint64_t v = 0;
    for (size_t i = 0; i < len; i++)
        v = v << 8 | in[i];
    return v;
}

static uint64_t turn_of(const uint8_t *copy)
{
    return get_number(copy + AT_TURN, 8);
}

static struct hm_digest sum_of(const struct hm_state_form *form, const uint8_t *copy)
{
    return hm_sha256(hm_bytes_of(copy, form->copy - HM_SHA256_LEN));
}

/* out: form->copy bytes of zeros. */
static enum hm_err encode(const struct hm_state_form *form, const struct hm_digest *id,
                          uint64_t turn, struct hm_bytes content, uint8_t *out)
{
    if (content.len > form->copy - HM_STATE_FILE_OVERHEAD)
        return HM_E_LIMIT;
    memcpy(out, form->magic, sizeof form->magic);
    put_number(out + AT_TURN, 8, turn);
    memcpy(out + AT_ID, id->b, sizeof id->b);
    put_number(out + AT_LENGTH, 4, content.len);
    if (content.len > 0)
        memcpy(out + AT_CONTENT, content.data, content.len);
    struct hm_digest sum = sum_of(form, out);
    memcpy(out + form->copy - sizeof sum.b, sum.b, sizeof sum.b);
    return HM_OK;
}

static bool whole(const struct hm_state_form *form, const uint8_t *copy)
{
    struct hm_digest sum = sum_of(form, copy);
    return memcmp(sum.b, copy + form->copy - sizeof sum.b, sizeof sum.b) == 0 &&
           memcmp(copy, form->magic, sizeof form->magic) == 0 &&
           get_number(copy + AT_LENGTH, 4) <= form->copy - HM_STATE_FILE_OVERHEAD;
}

/* The copy that counts, or NULL: no copy is whole, or they contradict each other. */
static const uint8_t *choose(const struct hm_state_form *form, const uint8_t *bytes, bool *same)
{
    const uint8_t *first = whole(form, bytes) ? bytes : NULL;
    const uint8_t *second = whole(form, bytes + form->copy) ? bytes + form->copy : NULL;
    *same = false;
    if (first == NULL || second == NULL)
        return first != NULL ? first : second;
    if (turn_of(first) != turn_of(second))
        return turn_of(first) > turn_of(second) ? first : second;
    *same = memcmp(first, second, form->copy) == 0;
    return *same ? first : NULL;
}

static enum hm_err read_copies(int fd, const char *path, const struct hm_state_form *form,
                               const struct hm_digest *id, struct reading *r, struct hm_why *why)
{
    size_t len = COPIES * form->copy;
    r->bytes = malloc(len + 1);
    if (r->bytes == NULL)
        return hm_fail(why, HM_E_MEMORY, "%s: no memory", path);
    ssize_t n = pread(fd, r->bytes, len + 1, 0);
    if (n < 0)
        return hm_fail_errno(why, errno, "%s: cannot read", path);
    r->best = (size_t)n == len ? choose(form, r->bytes, &r->same) : NULL;
    if (r->best == NULL)
        return hm_fail(why, HM_E_MALFORMED, "%s: damaged, no copy of the state in it is whole",
                       path);
    if (memcmp(r->best + AT_ID, id->b, sizeof id->b) != 0)
        return hm_fail(why, HM_E_DENIED, "%s: holds the state of something else", path);
    return HM_OK;
}

static void take_content(const struct reading *r, struct hm_buf *out)
{
    hm_buf_put(out, r->best + AT_CONTENT, (size_t)get_number(r->best + AT_LENGTH, 4));
}

static enum hm_err write_at(int fd, const char *path, const uint8_t *data, size_t len, off_t at,
                            struct hm_why *why)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, data, len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return hm_fail_errno(why, n < 0 ? errno : EIO, "%s: cannot write", path);
        data += n;
        at += n;
        len -= (size_t)n;
    }
    return HM_OK;
}

/* One after the other, so that one of them is whole at every moment. */
static enum hm_err write_copies(int fd, const char *path, const uint8_t *copy, size_t len,
                                struct hm_why *why)
{
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < COPIES; i++) {
        err = write_at(fd, path, copy, len, (off_t)(i * len), why);
        if (err == HM_OK && fdatasync(fd) != 0)
            err = hm_fail_errno(why, errno, "%s: cannot fdatasync", path);
    }
    return err;
}

static enum hm_err write_new(const char *path, const uint8_t *copy, size_t len, struct hm_why *why)
{
    HM_FD_AUTO fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return hm_fail_errno(why, errno, "%s: cannot create", path);
    enum hm_err err = write_copies(fd, path, copy, len, why);
    if (err == HM_OK && fsync(fd) != 0)
        err = hm_fail_errno(why, errno, "%s: cannot fsync", path);
    return err;
}

static enum hm_err sync_folder(const char *path, struct hm_why *why)
{
    HM_BUF_AUTO dir = {.limit = PATH_LIMIT};
    const char *slash = strrchr(path, '/');
    if (slash != NULL)
        hm_buf_put(&dir, path, (size_t)(slash - path) + 1);
    else
        hm_buf_puts(&dir, ".");
    const char *text = hm_buf_str(&dir);
    return text != NULL ? hm_dir_sync(text, why) : hm_fail(why, HM_E_MEMORY, "no memory");
}

static enum hm_err too_large(const char *path, const struct hm_state_form *form, struct hm_why *why)
{
    return hm_fail(why, HM_E_LIMIT, "%s: a state of more than %zu bytes", path,
                   form->copy - HM_STATE_FILE_OVERHEAD);
}

enum hm_err hm_state_file_create(const char *path, const struct hm_state_form *form,
                                 const struct hm_digest *id, struct hm_bytes content,
                                 struct hm_why *why)
{
    HM_BUF_AUTO name = {.limit = PATH_LIMIT};
    HM_FREE uint8_t *copy = calloc(1, form->copy);
    hm_buf_printf(&name, "%s.new", path);
    const char *fresh = hm_buf_str(&name);
    if (copy == NULL || fresh == NULL)
        return hm_fail(why, HM_E_MEMORY, "%s: no memory", path);
    if (encode(form, id, 0, content, copy) != HM_OK)
        return too_large(path, form, why);
    enum hm_err err = write_new(fresh, copy, form->copy, why);
    /* link(2), not rename(2): it never takes the place of a file that is there. */
    if (err == HM_OK && link(fresh, path) != 0)
        err = errno == EEXIST ? hm_fail(why, HM_E_CONFLICT, "%s: exists already", path)
                              : hm_fail_errno(why, errno, "%s: cannot create", path);
    (void)unlink(fresh);
    return err == HM_OK ? sync_folder(path, why) : err;
}

static enum hm_err open_file(const char *path, int access, int *out, struct hm_why *why)
{
    HM_FD_AUTO fd = open(path, access | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? hm_fail(why, HM_E_NOT_FOUND, "%s: missing", path)
                               : hm_fail_errno(why, errno, "%s: cannot open", path);
    if (access == O_RDWR && flock(fd, LOCK_EX | LOCK_NB) != 0)
        return hm_fail(why, HM_E_CONFLICT, "%s: another process holds it", path);
    *out = fd;
    fd = -1;
    return HM_OK;
}

/* Opens, reads and makes both copies the same again. */
static enum hm_err load(struct hm_state_file *s, struct hm_buf *content, bool *mended,
                        struct hm_why *why)
{
    struct reading r = {.bytes = NULL};
    enum hm_err err = open_file(s->path, O_RDWR, &s->fd, why);
    if (err == HM_OK)
        err = read_copies(s->fd, s->path, &s->form, &s->id, &r, why);
    if (err == HM_OK && !r.same)
        err = write_copies(s->fd, s->path, r.best, s->form.copy, why);
    if (err == HM_OK) {
        s->turn = turn_of(r.best);
        *mended = !r.same;
        take_content(&r, content);
        err = hm_buf_err(content);
    }
    free(r.bytes);
    return err;
}

enum hm_err hm_state_file_open(const char *path, const struct hm_state_form *form,
                               const struct hm_digest *id, struct hm_state_file **out,
                               struct hm_buf *content, bool *mended, struct hm_why *why)
{
    struct hm_state_file *s = calloc(1, sizeof *s);
    if (s == NULL)
        return hm_fail(why, HM_E_MEMORY, "%s: no memory", path);
    s->fd = -1;
    s->form = *form;
    s->id = *id;
    s->path = strdup(path);
    enum hm_err err = s->path == NULL ? hm_fail(why, HM_E_MEMORY, "%s: no memory", path)
                                      : load(s, content, mended, why);
    if (err != HM_OK) {
        hm_state_file_close(s);
        return err;
    }
    *out = s;
    return HM_OK;
}

enum hm_err hm_state_file_peek(const char *path, const struct hm_state_form *form,
                               const struct hm_digest *id, struct hm_buf *content,
                               struct hm_why *why)
{
    HM_FD_AUTO fd = -1;
    struct reading r = {.bytes = NULL};
    enum hm_err err = open_file(path, O_RDONLY, &fd, why);
    if (err == HM_OK)
        err = read_copies(fd, path, form, id, &r, why);
    if (err == HM_OK) {
        take_content(&r, content);
        err = hm_buf_err(content);
    }
    free(r.bytes);
    return err;
}

/* After a failed write the kernel may have dropped the page: look at what the file really holds. */
static enum hm_err open_again(struct hm_state_file *s, struct hm_why *why)
{
    HM_BUF_AUTO content = {.limit = s->form.copy};
    uint64_t told = s->turn;
    bool mended = false;
    hm_close_fd(&s->fd);
    enum hm_err err = load(s, &content, &mended, why);
    if (err == HM_OK && s->turn != told && s->turn != told + 1)
        err = hm_fail(why, HM_E_HISTORY, "%s: was changed behind our back", s->path);
    if (err != HM_OK) {
        s->turn = told;
        return err;
    }
    s->broken = false;
    return HM_OK;
}

enum hm_err hm_state_file_save(struct hm_state_file *s, struct hm_bytes content, struct hm_why *why)
{
    HM_FREE uint8_t *copy = calloc(1, s->form.copy);
    enum hm_err err = s->broken ? open_again(s, why) : HM_OK;
    if (err != HM_OK)
        return err;
    if (copy == NULL)
        return hm_fail(why, HM_E_MEMORY, "%s: no memory", s->path);
    if (encode(&s->form, &s->id, s->turn + 1, content, copy) != HM_OK)
        return too_large(s->path, &s->form, why);
    s->broken = true;
    err = write_copies(s->fd, s->path, copy, s->form.copy, why);
    if (err != HM_OK)
        return err;
    s->broken = false;
    s->turn++;
    return HM_OK;
}

void hm_state_file_close(struct hm_state_file *s)
{
    if (s == NULL)
        return;
    hm_close_fd(&s->fd);
    free(s->path);
    free(s);
}
