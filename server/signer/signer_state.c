/* The state file. Slot: magic, u64 turn, log id, u64 size, root, note (u32 length), zeros, and in
 * its last 32 bytes the SHA-256 of everything before. The slot of the higher turn counts. */
#include "server/signer/signer_state.h"

#include "schema/io/hm_file.h"
#include "server/ipc/ipc_msg.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define SLOT 4096
#define SLOTS 2
#define CHECKED (SLOT - HM_SHA256_LEN)
#define PATH_LIMIT 4096

static const char magic[8] = {'H', 'M', 'S', 'L', 'A', 'S', 'T', '1'};

struct signer_state {
    int fd;
    char *path;
    struct hm_digest log_id;
    uint64_t turn; /* of the slot that counts */
    struct signer_last last;
    bool broken; /* a write failed: what the file holds is unknown */
};

struct slot {
    uint64_t turn;
    struct hm_digest log_id;
    struct signer_last last;
};

static void encode(const struct slot *s, uint8_t out[static SLOT])
{
    HM_BUF_AUTO b = {.limit = CHECKED};
    hm_buf_put(&b, magic, sizeof magic);
    ipc_put_u64(&b, s->turn);
    ipc_put_digest(&b, &s->log_id);
    ipc_put_u64(&b, s->last.size);
    ipc_put_digest(&b, &s->last.root);
    ipc_put_bytes(&b, hm_bytes_of(s->last.note, s->last.note_len));
    memset(out, 0, SLOT);
    if (hm_buf_err(&b) == HM_OK) /* its size is bounded by SIGNER_NOTE_MAX */
        memcpy(out, b.data, b.len);
    struct hm_digest sum = hm_sha256(hm_bytes_of(out, CHECKED));
    memcpy(out + CHECKED, sum.b, sizeof sum.b);
}

static bool decode(const uint8_t in[static SLOT], struct slot *out)
{
    struct ipc_in r;
    struct slot s = {.turn = 0};
    struct hm_digest sum = hm_sha256(hm_bytes_of(in, CHECKED));
    if (memcmp(sum.b, in + CHECKED, sizeof sum.b) != 0 || memcmp(in, magic, sizeof magic) != 0)
        return false;
    ipc_in_begin(&r, hm_bytes_of(in + sizeof magic, CHECKED - sizeof magic));
    s.turn = ipc_get_u64(&r);
    ipc_get_digest(&r, &s.log_id);
    s.last.size = ipc_get_u64(&r);
    ipc_get_digest(&r, &s.last.root);
    struct hm_bytes note = ipc_get_bytes(&r, SIGNER_NOTE_MAX);
    if (r.err != HM_OK)
        return false;
    s.last.note_len = note.len;
    if (note.len > 0)
        memcpy(s.last.note, note.data, note.len);
    *out = s;
    return true;
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

static char *join(const char *dir, const char *name)
{
    HM_BUF_AUTO b = {.limit = PATH_LIMIT};
    hm_buf_printf(&b, "%s/%s", dir, name);
    const char *text = hm_buf_str(&b);
    return text != NULL ? strdup(text) : NULL;
}

static enum hm_err write_new(const char *path, const struct hm_digest *log_id, struct hm_why *why)
{
    uint8_t bytes[SLOTS * SLOT] = {0};
    struct slot s = {.turn = 0, .log_id = *log_id, .last = {.root = {{0}}}};
    struct hm_bytes nothing = {NULL, 0};
    s.last.root = hm_sha256(nothing); /* of the empty tree (RFC 6962 §2.1) */
    encode(&s, bytes);
    HM_FD_AUTO fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return hm_fail_errno(why, errno, "%s: cannot create", path);
    enum hm_err err = write_at(fd, path, bytes, sizeof bytes, 0, why);
    if (err == HM_OK && fsync(fd) != 0)
        err = hm_fail_errno(why, errno, "%s: cannot fsync", path);
    return err;
}

enum hm_err signer_state_init(const char *dir, const struct hm_digest *log_id, struct hm_why *why)
{
    HM_FREE char *path = join(dir, SIGNER_STATE_FILE);
    HM_FREE char *fresh = join(dir, SIGNER_STATE_FILE ".new");
    if (path == NULL || fresh == NULL)
        return hm_fail(why, HM_E_MEMORY, "%s: path too long", dir);
    enum hm_err err = write_new(fresh, log_id, why);
    /* link(2), not rename(2): it never takes the place of a file that is there. */
    if (err == HM_OK && link(fresh, path) != 0)
        err = errno == EEXIST
                  ? hm_fail(why, HM_E_CONFLICT,
                            "%s: exists already; a signer is initialised once, and never again "
                            "while its log lives",
                            path)
                  : hm_fail_errno(why, errno, "%s: cannot create", path);
    (void)unlink(fresh);
    return err == HM_OK ? hm_dir_sync(dir, why) : err;
}

/* Reads both slots. Answers how many were whole; the one of the higher turn is in *out. */
static enum hm_err read_slots(int fd, const char *path, struct slot *out, unsigned *whole,
                              bool *torn, struct hm_why *why)
{
    uint8_t bytes[SLOTS * SLOT + 1];
    ssize_t n = pread(fd, bytes, sizeof bytes, 0);
    if (n < 0)
        return hm_fail_errno(why, errno, "%s: cannot read", path);
    *whole = 0;
    *torn = false;
    for (size_t i = 0; n == SLOTS * SLOT && i < SLOTS; i++) {
        struct slot s;
        static const uint8_t zeros[SLOT];
        if (decode(bytes + i * SLOT, &s)) {
            if (*whole == 0 || s.turn > out->turn)
                *out = s;
            (*whole)++;
        } else if (memcmp(bytes + i * SLOT, zeros, SLOT) != 0) {
            *torn = true;
        }
    }
    return HM_OK;
}

static enum hm_err open_file(const char *path, int *out, struct hm_why *why)
{
    HM_FD_AUTO fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return hm_fail(why, HM_E_NOT_FOUND,
                       "%s: missing. Without it this signer cannot know what it signed last. A "
                       "new log: run `hallmark-signer init` once. An old log: bring the file back",
                       path);
    if (fd < 0)
        return hm_fail_errno(why, errno, "%s: cannot open", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return hm_fail(why, HM_E_CONFLICT, "%s: another signer holds it", path);
    *out = fd;
    fd = -1;
    return HM_OK;
}

static enum hm_err open_slots(const char *path, const struct hm_digest *log_id, int *fd_out,
                              struct slot *s, bool *torn, struct hm_why *why)
{
    HM_FD_AUTO fd = -1;
    unsigned whole = 0;
    enum hm_err err = open_file(path, &fd, why);
    if (err == HM_OK)
        err = read_slots(fd, path, s, &whole, torn, why);
    if (err != HM_OK)
        return err;
    if (whole == 0)
        return hm_fail(why, HM_E_MALFORMED,
                       "%s: damaged, no slot of it is whole; what was signed last is unknown. "
                       "Bring back a copy that is as new as the log's newest checkpoint",
                       path);
    if (!hm_digest_eq(&s->log_id, log_id))
        return hm_fail(why, HM_E_DENIED, "%s: belongs to another log", path);
    *fd_out = fd;
    fd = -1;
    return HM_OK;
}

enum hm_err signer_state_open(const char *dir, const struct hm_digest *log_id,
                              struct signer_state **out, struct signer_last *last, bool *torn,
                              struct hm_why *why)
{
    struct slot s;
    struct signer_state *st = calloc(1, sizeof *st);
    if (st == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for the state");
    st->fd = -1;
    st->log_id = *log_id;
    st->path = join(dir, SIGNER_STATE_FILE);
    enum hm_err err = st->path == NULL ? hm_fail(why, HM_E_MEMORY, "%s: path too long", dir)
                                       : open_slots(st->path, log_id, &st->fd, &s, torn, why);
    if (err != HM_OK) {
        signer_state_close(st);
        return err;
    }
    st->turn = s.turn;
    st->last = s.last;
    *last = s.last;
    *out = st;
    return HM_OK;
}

static bool same_last(const struct signer_last *a, const struct signer_last *b)
{
    return a->size == b->size && hm_digest_eq(&a->root, &b->root) && a->note_len == b->note_len &&
           memcmp(a->note, b->note, a->note_len) == 0;
}

/* After a failed write the kernel may have dropped the page: look at what the disk really holds. */
static enum hm_err open_again(struct signer_state *s, struct hm_why *why)
{
    struct slot now;
    bool torn = false;
    hm_close_fd(&s->fd);
    s->fd = -1;
    enum hm_err err = open_slots(s->path, &s->log_id, &s->fd, &now, &torn, why);
    if (err != HM_OK)
        return err;
    /* The failed write may have arrived after all: it was never told to anybody, but it is newer.
     */
    if (now.turn == s->turn && !same_last(&now.last, &s->last))
        return hm_fail(why, HM_E_HISTORY, "%s: holds another checkpoint than was saved", s->path);
    if (now.turn < s->turn || now.turn > s->turn + 1)
        return hm_fail(why, HM_E_HISTORY, "%s: was changed behind our back", s->path);
    s->broken = false;
    return HM_OK;
}

enum hm_err signer_state_save(struct signer_state *s, const struct signer_last *last,
                              struct hm_why *why)
{
    uint8_t bytes[SLOT];
    enum hm_err err = s->broken ? open_again(s, why) : HM_OK;
    if (err != HM_OK)
        return err;
    struct slot next = {s->turn + 1, s->log_id, *last};
    encode(&next, bytes);
    s->broken = true;
    err = write_at(s->fd, s->path, bytes, SLOT, (off_t)(next.turn % SLOTS) * SLOT, why);
    if (err == HM_OK && fdatasync(s->fd) != 0)
        err = hm_fail_errno(why, errno, "%s: cannot fdatasync", s->path);
    if (err != HM_OK)
        return err;
    s->broken = false;
    s->turn = next.turn;
    s->last = *last;
    return HM_OK;
}

void signer_state_close(struct signer_state *s)
{
    if (s == NULL)
        return;
    hm_close_fd(&s->fd);
    free(s->path);
    free(s);
}
