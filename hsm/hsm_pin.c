/* PIN files. The PIN is in memory between reading and C_Login, and nowhere else. */
#include "hsm/hsm_pin_priv.h"

#include "schema/io/hm_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void hsm_pin_wipe(struct hsm_pin *p)
{
    OPENSSL_cleanse(p, sizeof *p);
}

static bool in_credentials(const char *path)
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    size_t len = dir != NULL ? strlen(dir) : 0;
    return len > 1 && strncmp(path, dir, len) == 0 && path[len] == '/' &&
           strstr(path, "/../") == NULL;
}

static enum hm_err check_file(const char *path, const struct stat *st, struct hm_why *why)
{
    mode_t open_to = in_credentials(path) ? S_IRWXO | S_IWGRP | S_IXGRP : S_IRWXO | S_IRWXG;
    if (!S_ISREG(st->st_mode))
        return hm_fail(why, HM_E_PIN, "%s: a PIN comes from an ordinary file", path);
    if ((st->st_mode & open_to) != 0)
        return hm_fail(why, HM_E_PIN,
                       "%s: others may read this PIN file (mode %04o); make it 0400 or 0600", path,
                       (unsigned)(st->st_mode & 07777));
    if (st->st_uid != geteuid() && st->st_uid != 0)
        return hm_fail(why, HM_E_PIN, "%s: the PIN file belongs to somebody else", path);
    return HM_OK;
}

static enum hm_err read_line(int fd, const char *path, struct hsm_pin *p, struct hm_why *why)
{
    size_t len = 0;
    enum hm_err err = hm_fd_read_into(fd, p->text, sizeof p->text, &len, why);
    if (err != HM_OK && err != HM_E_LIMIT)
        return hm_fail_in(why, err, "%s: the PIN file", path);
    if (len > 0 && p->text[len - 1] == '\n')
        len--;
    if (len == 0 || len > HSM_PIN_MAX || memchr(p->text, '\n', len) != NULL ||
        memchr(p->text, 0, len) != NULL)
        return hm_fail(why, HM_E_PIN, "%s: expected one line with a PIN of 1 to %d bytes", path,
                       HSM_PIN_MAX);
    p->len = len;
    return HM_OK;
}

enum hm_err hsm_pin_read(const char *path, struct hsm_pin *out, struct hm_why *why)
{
    struct stat st;
    HSM_PIN_AUTO p = {.len = 0};
    HM_FD_AUTO fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0)
        return hm_fail_errno(why, errno, "%s: cannot open the PIN file", path);
    enum hm_err err = check_file(path, &st, why);
    if (err == HM_OK)
        err = read_line(fd, path, &p, why);
    if (err != HM_OK)
        return err;
    p.source = (struct hsm_pin_source){.device = st.st_dev,
                                       .inode = st.st_ino,
                                       .size = (uint64_t)st.st_size,
                                       .mtime_s = st.st_mtim.tv_sec,
                                       .mtime_ns = st.st_mtim.tv_nsec};
    *out = p;
    return HM_OK;
}
