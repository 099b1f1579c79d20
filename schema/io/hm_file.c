#include "schema/io/hm_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum hm_err hm_fail_errno(struct hm_why *why, int err, const char *fmt, ...)
{
    if (why != NULL) {
        va_list ap;
        va_start(ap, fmt);
        int n = vsnprintf(why->text, sizeof why->text, fmt, ap);
        va_end(ap);
        char text[128];
        const char *msg = strerror_r(err, text, sizeof text);
        if (n >= 0 && (size_t)n < sizeof why->text)
            (void)snprintf(why->text + n, sizeof why->text - (size_t)n, ": %s", msg);
    }
    if (err == ENOSPC || err == EDQUOT)
        return HM_E_FULL;
    if (err == ENOENT)
        return HM_E_NOT_FOUND;
    return err == ENOMEM ? HM_E_MEMORY : HM_E_IO;
}

void hm_close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

enum hm_err hm_fd_read(int fd, const char *name, size_t max, struct hm_buf *out, struct hm_why *why)
{
    size_t total = 0;
    for (;;) {
        uint8_t chunk[16384];
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return hm_fail_errno(why, errno, "%s: cannot read", name);
        if (n == 0)
            break;
        total += (size_t)n;
        if (total > max)
            return hm_fail(why, HM_E_LIMIT, "%s: larger than the limit of %zu bytes", name, max);
        hm_buf_put(out, chunk, (size_t)n);
    }
    enum hm_err err = hm_buf_err(out);
    return err == HM_OK ? HM_OK : hm_fail(why, err, "%s: no memory for its content", name);
}

enum hm_err hm_file_read(const char *path, size_t max, struct hm_buf *out, struct hm_why *why)
{
    HM_FD_AUTO fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return hm_fail_errno(why, errno, "%s: cannot open", path);
    return hm_fd_read(fd, path, max, out, why);
}

enum hm_err hm_fd_write(int fd, struct hm_bytes data, struct hm_why *why)
{
    size_t done = 0;
    while (done < data.len) {
        ssize_t n = write(fd, data.data + done, data.len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return hm_fail_errno(why, errno, "cannot write");
        done += (size_t)n;
    }
    return HM_OK;
}

static void dir_of(const char *path, char *out, size_t cap)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        (void)snprintf(out, cap, ".");
    else if (slash == path)
        (void)snprintf(out, cap, "/");
    else
        (void)snprintf(out, cap, "%.*s", (int)(slash - path), path);
}

enum hm_err hm_dir_sync(const char *path, struct hm_why *why)
{
    HM_FD_AUTO fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return hm_fail_errno(why, errno, "%s: cannot sync the directory", path);
    return HM_OK;
}

static enum hm_err write_and_sync(int fd, struct hm_bytes data, mode_t mode, struct hm_why *why)
{
    enum hm_err err = hm_fd_write(fd, data, why);
    if (err != HM_OK)
        return err;
    if (fchmod(fd, mode) != 0 || fsync(fd) != 0)
        return hm_fail_errno(why, errno, "cannot sync");
    return HM_OK;
}

enum hm_err hm_file_write_atomic(const char *path, struct hm_bytes data, mode_t mode,
                                 struct hm_why *why)
{
    char tmp[4096];
    char dir[4096];
    if (snprintf(tmp, sizeof tmp, "%s.tmp-XXXXXX", path) >= (int)sizeof tmp)
        return hm_fail(why, HM_E_LIMIT, "%s: path too long", path);
    dir_of(path, dir, sizeof dir);
    HM_FD_AUTO fd = mkostemp(tmp, O_CLOEXEC);
    if (fd < 0)
        return hm_fail_errno(why, errno, "%s: cannot create", tmp);
    enum hm_err err = write_and_sync(fd, data, mode, why);
    if (err == HM_OK && rename(tmp, path) != 0)
        err = hm_fail_errno(why, errno, "cannot rename to its final name");
    if (err != HM_OK) {
        (void)unlink(tmp);
        return hm_fail_in(why, err, "%s", path);
    }
    return hm_dir_sync(dir, why);
}

enum hm_err hm_dir_make(const char *path, mode_t mode, struct hm_why *why)
{
    char part[4096];
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof part)
        return hm_fail(why, HM_E_LIMIT, "%s: bad path length", path);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        (void)snprintf(part, sizeof part, "%.*s", (int)i, path);
        if (mkdir(part, mode) != 0 && errno != EEXIST)
            return hm_fail_errno(why, errno, "%s: cannot make the directory", part);
    }
    return HM_OK;
}

enum hm_err hm_fd_read_into(int fd, void *room, size_t cap, size_t *len, struct hm_why *why)
{
    *len = 0;
    while (*len < cap) {
        ssize_t n = read(fd, (uint8_t *)room + *len, cap - *len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return hm_fail_errno(why, errno, "cannot read");
        if (n == 0)
            return HM_OK;
        *len += (size_t)n;
    }
    return hm_fail(why, HM_E_LIMIT, "%zu bytes or more", cap);
}
