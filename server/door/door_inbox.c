#include "server/door/door_inbox.h"

#include "schema/core/hm_text.h"
#include "schema/io/hm_clock.h"
#include "schema/io/hm_file.h"
#include "schema/io/hm_random.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "sha256-"
#define TMP "tmp-"

struct door_inbox {
    int dir;
    char *path;
    uint64_t quota;
    _Atomic uint64_t used;
};

static void name_of(const struct hm_digest *d, char out[static 80])
{
    char hex[HM_SHA256_HEX];
    hm_digest_hex(d, hex);
    (void)snprintf(out, 80, PREFIX "%s", hex);
}

static void give_back(struct door_inbox *b, uint64_t size)
{
    (void)atomic_fetch_sub(&b->used, size);
}

static bool reserve(struct door_inbox *b, uint64_t size)
{
    uint64_t used = atomic_load(&b->used);
    do {
        if (size > b->quota || used > b->quota - size)
            return false;
    } while (!atomic_compare_exchange_weak(&b->used, &used, used + size));
    return true;
}

/* Calls fn for every file; false when the folder cannot be read. */
static bool each_file(struct door_inbox *b, void *ctx,
                      void (*fn)(struct door_inbox *b, const char *name, const struct stat *st,
                                 void *ctx))
{
    int fd = openat(b->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL) {
        hm_close_fd(&fd);
        return false;
    }
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        struct stat st;
        if (fstatat(b->dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            fn(b, e->d_name, &st, ctx);
    }
    (void)closedir(d);
    return true;
}

static void sweep(struct door_inbox *b, const char *name, const struct stat *st, void *ctx)
{
    (void)ctx;
    if (strncmp(name, TMP, strlen(TMP)) == 0)
        (void)unlinkat(b->dir, name, 0);
    else
        (void)atomic_fetch_add(&b->used, (uint64_t)st->st_size);
}

enum hm_err door_inbox_open(const char *dir, uint64_t quota, struct door_inbox **out,
                            struct hm_why *why)
{
    enum hm_err err = hm_dir_make(dir, 0700, why);
    if (err != HM_OK)
        return err;
    struct door_inbox *b = calloc(1, sizeof *b);
    char *path = strdup(dir);
    if (b == NULL || path == NULL) {
        free(b);
        free(path);
        return hm_fail(why, HM_E_MEMORY, "no memory for the inbox");
    }
    b->path = path;
    b->quota = quota;
    b->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (b->dir < 0 || faccessat(b->dir, ".", W_OK, 0) != 0 || !each_file(b, NULL, sweep)) {
        err = hm_fail_errno(why, errno, "inbox_dir %s: cannot be used", dir);
        door_inbox_close(b);
        return err;
    }
    *out = b;
    return HM_OK;
}

void door_inbox_close(struct door_inbox *b)
{
    if (b == NULL)
        return;
    hm_close_fd(&b->dir);
    free(b->path);
    free(b);
}

enum hm_err door_inbox_read(struct door_inbox *b, const struct hm_digest *d, int *fd,
                            uint64_t *size, struct hm_why *why)
{
    char name[80];
    struct stat st;
    name_of(d, name);
    HM_FD_AUTO f = openat(b->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (f < 0 || fstat(f, &st) != 0)
        return hm_fail_errno(why, errno, "%s", name);
    *fd = f;
    *size = (uint64_t)st.st_size;
    f = -1;
    return HM_OK;
}

static void remove_named(struct door_inbox *b, const char *name, uint64_t size)
{
    if (unlinkat(b->dir, name, 0) == 0)
        give_back(b, size);
}

void door_inbox_remove(struct door_inbox *b, const struct hm_digest *d)
{
    char name[80];
    struct stat st;
    name_of(d, name);
    if (fstatat(b->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        remove_named(b, name, (uint64_t)st.st_size);
}

struct expiry {
    int64_t before_s;
    size_t removed;
};

static void expire_one(struct door_inbox *b, const char *name, const struct stat *st, void *ctx)
{
    struct expiry *e = ctx;
    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0 || st->st_mtime >= e->before_s)
        return;
    remove_named(b, name, (uint64_t)st->st_size);
    e->removed++;
}

size_t door_inbox_expire(struct door_inbox *b, uint64_t ttl_s)
{
    struct expiry e = {.before_s = hm_clock_unix_s() - (int64_t)ttl_s};
    (void)each_file(b, &e, expire_one);
    return e.removed;
}

uint64_t door_inbox_used(struct door_inbox *b)
{
    return atomic_load(&b->used);
}

enum hm_err door_inbox_begin(struct door_inbox *b, uint64_t size, char name[static DOOR_TMP_NAME],
                             int *fd, struct hm_why *why)
{
    uint8_t random[16];
    char hex[2 * sizeof random + 1];
    if (!reserve(b, size))
        return hm_fail(why, HM_E_FULL, "the inbox may hold %llu bytes and holds %llu",
                       (unsigned long long)b->quota, (unsigned long long)atomic_load(&b->used));
    hm_random(random, sizeof random);
    hm_hex(random, sizeof random, hex);
    (void)snprintf(name, DOOR_TMP_NAME, TMP "%s", hex);
    int f = openat(b->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (f < 0) {
        give_back(b, size);
        return hm_fail_errno(why, errno, "inbox: cannot make a file");
    }
    *fd = f;
    return HM_OK;
}

void door_inbox_drop(struct door_inbox *b, const char *name, uint64_t size)
{
    (void)unlinkat(b->dir, name, 0);
    give_back(b, size);
}

enum hm_err door_inbox_keep(struct door_inbox *b, const char *name, uint64_t size,
                            const struct hm_digest *d, bool *new_one, struct hm_why *why)
{
    char final[80];
    name_of(d, final);
    int rc = renameat2(b->dir, name, b->dir, final, RENAME_NOREPLACE);
    if (rc != 0 && errno == EINVAL) /* a file system without that flag: the bytes are the same */
        rc = renameat(b->dir, name, b->dir, final);
    if (rc != 0) {
        bool twin = errno == EEXIST;
        if (!twin)
            (void)hm_fail_errno(why, errno, "inbox: cannot rename a finished upload");
        door_inbox_drop(b, name, size);
        if (!twin)
            return HM_E_IO;
    }
    *new_one = rc == 0;
    if (fsync(b->dir) != 0)
        return hm_fail_errno(why, errno, "inbox: cannot sync the folder");
    return HM_OK;
}
