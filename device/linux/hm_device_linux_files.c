/* Slots and storage in files. Thread: one at a time per directory. Errors: false, errno says why.
 */
#include "device/linux/hm_device_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNTER_FILE "counter.bin"
#define OUTCOME_FILE "outcomes.jsonl"
#define COUNTER_LEN 8
#define FILE_MODE 0600

static void close_fd(const int *fd)
{
    int saved = errno;
    if (*fd >= 0)
        (void)close(*fd);
    errno = saved;
}

#define FD_AUTO __attribute__((cleanup(close_fd))) int

bool hmd_linux_open(const char *path, struct hmd_linux *out)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return false;
    *out = (struct hmd_linux){dir, {-1, -1}};
    return true;
}

void hmd_linux_close(struct hmd_linux *l)
{
    if (l == NULL || l->dir < 0)
        return;
    for (unsigned i = 0; i < HMD_SLOTS; i++)
        if (l->slot[i] >= 0)
            (void)close(l->slot[i]);
    (void)close(l->dir);
    *l = (struct hmd_linux){-1, {-1, -1}};
}

const char *hmd_linux_slot_name(unsigned slot)
{
    return slot == 0 ? "slot-a.img" : "slot-b.img";
}

static bool write_all(int fd, const uint8_t *data, size_t len, off_t at)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, data, len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool read_all(int fd, uint8_t *data, size_t len, off_t at)
{
    while (len > 0) {
        ssize_t n = pread(fd, data, len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = EIO;
        if (n <= 0)
            return false;
        data += n;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

bool hmd_linux_replace(const struct hmd_linux *l, const char *name, const void *data, size_t len)
{
    char temp[64];
    if (snprintf(temp, sizeof temp, "%s.new", name) >= (int)sizeof temp) {
        errno = ENAMETOOLONG;
        return false;
    }
    FD_AUTO fd =
        openat(l->dir, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    return fd >= 0 && write_all(fd, data, len, 0) && fsync(fd) == 0 &&
           renameat(l->dir, temp, l->dir, name) == 0 && fsync(l->dir) == 0;
}

bool hmd_linux_read(int dir, const char *name, uint8_t *data, size_t cap, size_t *len)
{
    struct stat st;
    /* Without O_NONBLOCK a FIFO on update media would hold the device's lock for ever. */
    FD_AUTO fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0)
        return false;
    if (!S_ISREG(st.st_mode)) {
        errno = EINVAL;
        return false;
    }
    if (st.st_size < 0 || (uint64_t)st.st_size > cap) {
        errno = EFBIG;
        return false;
    }
    if (!read_all(fd, data, (size_t)st.st_size, 0))
        return false;
    *len = (size_t)st.st_size;
    return true;
}

static struct hmd_linux *of(void *ctx)
{
    return ctx;
}

static uint64_t slot_capacity(void *ctx, unsigned slot)
{
    (void)ctx;
    (void)slot;
    return HMD_LINUX_SLOT_MAX;
}

static int slot_fd(struct hmd_linux *l, unsigned slot, int create)
{
    if (l->slot[slot] < 0)
        l->slot[slot] = openat(l->dir, hmd_linux_slot_name(slot),
                               O_RDWR | create | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    return l->slot[slot];
}

static bool slot_erase(void *ctx, unsigned slot)
{
    int fd = slot_fd(of(ctx), slot, O_CREAT);
    return fd >= 0 && ftruncate(fd, 0) == 0 && fsync(fd) == 0 && fsync(of(ctx)->dir) == 0;
}

static bool slot_write(void *ctx, unsigned slot, uint64_t offset, const uint8_t *data, size_t len)
{
    int fd = slot_fd(of(ctx), slot, 0);
    return fd >= 0 && offset <= HMD_LINUX_SLOT_MAX && write_all(fd, data, len, (off_t)offset);
}

static bool slot_read(void *ctx, unsigned slot, uint64_t offset, uint8_t *data, size_t len)
{
    int fd = slot_fd(of(ctx), slot, 0);
    return fd >= 0 && offset <= HMD_LINUX_SLOT_MAX && read_all(fd, data, len, (off_t)offset);
}

static bool slot_sync(void *ctx, unsigned slot)
{
    int fd = slot_fd(of(ctx), slot, 0);
    if (fd < 0 || fsync(fd) != 0)
        return false;
    /* Reading back should read the medium; where the kernel ignores this, it reads its cache. */
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    return true;
}

struct hmd_slots hmd_linux_slots(struct hmd_linux *l)
{
    return (struct hmd_slots){l, slot_capacity, slot_erase, slot_write, slot_read, slot_sync};
}

static const char *copy_name(unsigned copy)
{
    return copy == 0 ? "state-0.bin" : "state-1.bin";
}

static bool state_read(void *ctx, unsigned copy, uint8_t data[HMD_STATE_LEN])
{
    size_t len;
    if (!hmd_linux_read(of(ctx)->dir, copy_name(copy), data, HMD_STATE_LEN, &len))
        return false;
    errno = EIO;
    return len == HMD_STATE_LEN;
}

static bool state_write(void *ctx, unsigned copy, const uint8_t data[HMD_STATE_LEN])
{
    return hmd_linux_replace(of(ctx), copy_name(copy), data, HMD_STATE_LEN);
}

static bool counter_read(void *ctx, uint64_t *value)
{
    uint8_t b[COUNTER_LEN];
    size_t len;
    uint64_t v = 0;
    if (!hmd_linux_read(of(ctx)->dir, COUNTER_FILE, b, sizeof b, &len))
        return false;
    errno = EIO;
    if (len != sizeof b)
        return false;
    for (unsigned i = 0; i < COUNTER_LEN; i++)
        v = v << 8 | b[i];
    *value = v;
    return true;
}

static bool counter_raise(void *ctx, uint64_t value)
{
    uint8_t b[COUNTER_LEN];
    uint64_t now;
    bool exists = faccessat(of(ctx)->dir, COUNTER_FILE, F_OK, 0) == 0;
    if (exists && !counter_read(ctx, &now))
        return false;
    if (exists && now >= value)
        return true;
    for (unsigned i = 0; i < COUNTER_LEN; i++)
        b[i] = (uint8_t)(value >> (56 - 8 * i));
    return hmd_linux_replace(of(ctx), COUNTER_FILE, b, sizeof b);
}

static bool outcome(void *ctx, const char *line, size_t len)
{
    FD_AUTO fd = openat(of(ctx)->dir, OUTCOME_FILE,
                        O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0)
        return false;
    ssize_t n = write(fd, line, len); /* one call, so that lines of two programs do not mix */
    return n >= 0 && (size_t)n == len && fsync(fd) == 0;
}

struct hmd_storage hmd_linux_storage(struct hmd_linux *l)
{
    return (struct hmd_storage){l, state_read, state_write, counter_read, counter_raise, outcome};
}
