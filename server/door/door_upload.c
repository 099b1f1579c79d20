#include "server/door/door_upload.h"

#include "schema/io/hm_file.h"
#include "server/door/door_conn.h"
#include "server/door/door_handlers.h"
#include "server/door/door_inbox.h"
#include "server/door/door_metrics.h"
#include "server/ipc/ipc_msg.h"
#include "server/ipc/ipc_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK ((size_t)128 * 1024)
/* The kernel is told to write this much behind us, so that the fsync at the end is short. */
#define WRITEBACK ((uint64_t)4 * 1024 * 1024)

struct door_upload {
    struct door_inbox *inbox;
    struct hm_digest want;
    uint64_t size;
    char tmp[DOOR_TMP_NAME];
    bool store; /* false: the bytes are here already and are only checked */
    int fd;
    uint64_t written;
    uint64_t behind; /* written and handed to writeback */
    struct hm_sha256_ctx *sha;
    size_t held;
    uint8_t chunk[CHUNK];
};

enum hm_err door_digest_parse(const char *text, struct hm_digest *out)
{
    if (strncmp(text, "sha256:", 7) != 0)
        return HM_E_MALFORMED;
    return hm_digest_unhex(hm_bytes_str(text + 7), out);
}

static bool parse_digest(struct door_req *r, struct hm_digest *out)
{
    if (door_digest_parse(r->match.capture[0], out) == HM_OK)
        return true;
    door_problem(r, DOOR_BAD_PARAMETER, "expected sha256: and 64 lower-case hex digits");
    return false;
}

/* The registrar's own copy: descriptor and size. */
static enum hm_err registrar_open(struct door_req *r, const struct hm_digest *d, int *fd,
                                  uint64_t *size)
{
    struct hm_buf *frame = &r->conn->frame;
    struct ipc_in in;
    int got = -1;
    hm_buf_reset(frame);
    ipc_put_digest(frame, d);
    enum hm_err err = ipc_pool_call(r->door->registrar, REG_ARTIFACT_OPEN, hm_buf_bytes(frame), -1,
                                    &r->conn->reply, &got,
                                    (int64_t)r->door->config->registrar_timeout_ms, &r->why);
    if (err == HM_OK) {
        ipc_in_begin(&in, hm_buf_bytes(&r->conn->reply));
        *size = ipc_get_u64(&in);
        if (ipc_in_end(&in, &r->why) != HM_OK || got < 0)
            err = hm_fail(&r->why, HM_E_INTERNAL, "the registrar sent no artifact");
    }
    if (err != HM_OK)
        hm_close_fd(&got);
    else
        *fd = got;
    return err;
}

static bool is_here(struct door_req *r, const struct hm_digest *d)
{
    HM_FD_AUTO fd = -1;
    uint64_t size = 0;
    return door_inbox_read(r->door->inbox, d, &fd, &size, NULL) == HM_OK ||
           registrar_open(r, d, &fd, &size) == HM_OK;
}

void door_upload_begin(struct door_req *r)
{
    struct hm_digest want;
    if (!parse_digest(r, &want))
        return;
    struct door_upload *u = calloc(1, sizeof *u);
    if (u == NULL) {
        door_problem(r, DOOR_UNAVAILABLE, "no memory for another upload");
        return;
    }
    u->inbox = r->door->inbox;
    u->want = want;
    u->size = r->body_len;
    u->fd = -1;
    if (!is_here(r, &want)) {
        enum hm_err err = door_inbox_begin(u->inbox, u->size, u->tmp, &u->fd, &r->why);
        if (err != HM_OK) {
            free(u);
            door_problem_of(r, err, &r->why);
            return;
        }
        u->store = true;
    }
    u->sha = hm_sha256_new();
    r->upload = u;
}

/* A file-size limit is as full as a full disk. */
static enum hm_err write_chunk(struct door_upload *u, struct hm_why *why)
{
    hm_sha256_add(u->sha, u->chunk, u->held);
    size_t done = 0;
    while (u->store && done < u->held) {
        ssize_t n = write(u->fd, u->chunk + done, u->held - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return hm_fail_errno(why, errno == EFBIG ? ENOSPC : errno, "inbox: cannot write");
        done += (size_t)n;
    }
    u->written += u->held;
    u->held = 0;
    if (u->store && u->written - u->behind >= WRITEBACK) {
        (void)sync_file_range(u->fd, (off_t)u->behind, (off_t)(u->written - u->behind),
                              SYNC_FILE_RANGE_WRITE);
        u->behind = u->written;
    }
    return HM_OK;
}

static void give_up(struct door_req *r, enum hm_err err)
{
    door_upload_free(r->upload);
    r->upload = NULL;
    door_problem_of(r, err, &r->why);
}

void door_upload_more(struct door_req *r, const char *data, size_t len)
{
    struct door_upload *u = r->upload;
    door_metrics_uploaded(r->door->metrics, len);
    while (len > 0) {
        size_t n = CHUNK - u->held < len ? CHUNK - u->held : len;
        memcpy(u->chunk + u->held, data, n);
        u->held += n;
        data += n;
        len -= n;
        enum hm_err err = u->held == CHUNK ? write_chunk(u, &r->why) : HM_OK;
        if (err != HM_OK) {
            give_up(r, err);
            return;
        }
    }
}

static enum hm_err store(struct door_upload *u, bool *new_one, struct hm_why *why)
{
    if (fsync(u->fd) != 0)
        return hm_fail_errno(why, errno, "inbox: cannot sync an upload");
    hm_close_fd(&u->fd);
    u->fd = -1;
    u->store = false; /* keep takes the tmp file over */
    return door_inbox_keep(u->inbox, u->tmp, u->size, &u->want, new_one, why);
}

static void acknowledge(struct door_req *r, bool new_one)
{
    struct hm_buf *out = &r->conn->out;
    char hex[HM_SHA256_HEX];
    hm_digest_hex(&r->upload->want, hex);
    hm_buf_reset(out);
    hm_buf_printf(out, "{\"sha256\":\"%s\",\"size\":%llu}\n", hex,
                  (unsigned long long)r->upload->size);
    door_ok(r, "application/json", hm_buf_bytes(out));
    r->answer.status = new_one ? 201 : 200;
}

void door_upload_end(struct door_req *r)
{
    struct door_upload *u = r->upload;
    bool new_one = false;
    enum hm_err err = write_chunk(u, &r->why);
    if (err == HM_OK) {
        struct hm_digest have = hm_sha256_end(u->sha);
        if (!hm_digest_eq(&have, &u->want)) {
            char hex[HM_SHA256_HEX];
            hm_digest_hex(&have, hex);
            door_upload_free(u);
            r->upload = NULL;
            door_problem(r, DOOR_DIGEST_MISMATCH, "these bytes are sha256:%s", hex);
            return;
        }
        if (u->store)
            err = store(u, &new_one, &r->why);
    }
    if (err != HM_OK)
        give_up(r, err);
    else
        acknowledge(r, new_one);
}

void door_upload_free(struct door_upload *u)
{
    if (u == NULL)
        return;
    hm_close_fd(&u->fd);
    if (u->store)
        door_inbox_drop(u->inbox, u->tmp, u->size);
    hm_sha256_free(u->sha);
    free(u);
}

void door_get_artifact(struct door_req *r)
{
    struct hm_digest d;
    int fd = -1;
    uint64_t size = 0;
    if (!parse_digest(r, &d))
        return;
    enum hm_err err = registrar_open(r, &d, &fd, &size);
    if (err == HM_E_NOT_FOUND && door_inbox_read(r->door->inbox, &d, &fd, &size, NULL) == HM_OK)
        err = HM_OK;
    if (err != HM_OK) {
        door_problem_of(r, err, &r->why);
        return;
    }
    door_ok(r, "application/octet-stream", hm_bytes_of(NULL, 0));
    r->answer.fd = fd;
    r->answer.fd_size = size;
}
