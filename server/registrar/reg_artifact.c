#include "server/registrar/reg_artifact.h"

#include "schema/core/hm_limits.h"
#include "schema/io/hm_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK ((size_t)256 * 1024)
#define TMP_PREFIX "tmp-"

static enum hm_err path_of(const char *dir, const struct hm_digest *d, char *out, size_t cap,
                           struct hm_why *why)
{
    char hex[HM_SHA256_HEX];
    hm_digest_hex(d, hex);
    if (snprintf(out, cap, "%s/sha256-%s", dir, hex) >= (int)cap)
        return hm_fail(why, HM_E_LIMIT, "%s: path too long", dir);
    return HM_OK;
}

enum hm_err reg_artifact_prepare(const char *dir, struct hm_why *why)
{
    enum hm_err err = hm_dir_make(dir, 0700, why);
    if (err != HM_OK)
        return err;
    DIR *d = opendir(dir);
    if (d == NULL)
        return hm_fail_errno(why, errno, "%s: cannot read the directory", dir);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        if (strncmp(e->d_name, TMP_PREFIX, sizeof TMP_PREFIX - 1) == 0)
            (void)unlinkat(dirfd(d), e->d_name, 0);
    (void)closedir(d);
    return HM_OK;
}

static enum hm_err copy_and_hash(int in, int out, uint64_t size, struct hm_digest *digest,
                                 struct hm_why *why)
{
    HM_FREE uint8_t *chunk = malloc(CHUNK);
    struct hm_sha256_ctx *h = hm_sha256_new();
    uint64_t done = 0;
    enum hm_err err = chunk != NULL ? HM_OK : hm_fail(why, HM_E_MEMORY, "no memory");
    while (err == HM_OK) {
        ssize_t n = pread(in, chunk, CHUNK, (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            err = hm_fail_errno(why, errno, "cannot read the artifact");
        if (n <= 0)
            break;
        done += (uint64_t)n;
        if (done > size)
            break;
        hm_sha256_add(h, chunk, (size_t)n);
        err = hm_fd_write(out, hm_bytes_of(chunk, (size_t)n), why);
    }
    *digest = hm_sha256_end(h);
    hm_sha256_free(h);
    if (err == HM_OK && done != size)
        err = hm_fail(why, HM_E_SIGNATURE, "artifact has %s%llu bytes, expected %llu",
                      done > size ? "more than " : "",
                      (unsigned long long)(done > size ? size : done), (unsigned long long)size);
    return err;
}

static enum hm_err take_into(const char *tmp, const char *path, int out,
                             const struct hm_digest *digest, uint64_t size, int fd,
                             struct hm_why *why)
{
    struct hm_digest found;
    enum hm_err err = copy_and_hash(fd, out, size, &found, why);
    if (err == HM_OK && !hm_digest_eq(&found, digest))
        err = hm_fail(why, HM_E_SIGNATURE,
                      "artifact bytes do not have the digest they were sent under");
    if (err == HM_OK && (fchmod(out, 0400) != 0 || fsync(out) != 0 || rename(tmp, path) != 0))
        err = hm_fail_errno(why, errno, "cannot keep the artifact");
    return err;
}

enum hm_err reg_artifact_take(const char *dir, const struct hm_digest *digest, uint64_t size,
                              int fd, struct hm_why *why)
{
    char path[4096];
    char tmp[4096];
    struct stat st;
    enum hm_err err = path_of(dir, digest, path, sizeof path, why);
    if (err != HM_OK)
        return err;
    if (size > HM_ARTIFACT_MAX)
        return hm_fail(why, HM_E_LIMIT, "artifact of %llu bytes exceeds the limit of %llu",
                       (unsigned long long)size, HM_ARTIFACT_MAX);
    if (stat(path, &st) == 0 && (uint64_t)st.st_size == size)
        return HM_OK;
    if (snprintf(tmp, sizeof tmp, "%s/" TMP_PREFIX "XXXXXX", dir) >= (int)sizeof tmp)
        return hm_fail(why, HM_E_LIMIT, "%s: path too long", dir);
    HM_FD_AUTO out = mkostemp(tmp, O_CLOEXEC);
    if (out < 0)
        return hm_fail_errno(why, errno, "%s: cannot create a file", dir);
    err = take_into(tmp, path, out, digest, size, fd, why);
    if (err != HM_OK) {
        (void)unlink(tmp);
        return err;
    }
    return hm_dir_sync(dir, why);
}

enum hm_err reg_artifact_open(const char *dir, const struct hm_digest *digest, int *fd,
                              uint64_t *size, struct hm_why *why)
{
    char path[4096];
    struct stat st;
    enum hm_err err = path_of(dir, digest, path, sizeof path, why);
    if (err != HM_OK)
        return err;
    HM_FD_AUTO got = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (got < 0 || fstat(got, &st) != 0)
        return hm_fail_errno(why, errno, "artifact is not in the store");
    *size = (uint64_t)st.st_size;
    *fd = got;
    got = -1;
    return HM_OK;
}
