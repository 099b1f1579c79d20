/* PATH-reserve: space set aside on the same file system, so that after the disk filled up the
 * results of running intentions can still be recorded; and the lock that keeps a second writer out.
 * The lock is not on the database file itself: closing any descriptor of that file would drop
 * SQLite's own locks. */
#include "db/log/db_log_priv.h"

#include "schema/io/hm_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum hm_err db_log_lock(const char *path, int *fd, struct hm_why *why)
{
    char name[4096];
    if (snprintf(name, sizeof name, "%s-reserve", path) >= (int)sizeof name)
        return hm_fail(why, HM_E_LIMIT, "%s: path too long", path);
    *fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0)
        return hm_fail_errno(why, errno, "%s: cannot open", name);
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return HM_OK;
    if (errno == EWOULDBLOCK)
        return hm_fail(why, HM_E_CONFLICT, "%s is open for writing elsewhere: a log has one writer",
                       path);
    return hm_fail_errno(why, errno, "%s: cannot lock", name);
}

static void empty(int fd)
{
    if (ftruncate(fd, 0) != 0)
        return; /* the space stays where it is; nothing depends on it */
}

/* What was given back because the disk was full is not taken again until there is twice as much: a
 * reopened log on a full disk needs that space for itself. */
void db_log_reserve(struct db_log *log)
{
    struct stat st;
    struct statvfs fs;
    if (fstat(log->lock_fd, &st) != 0 || fstatvfs(log->lock_fd, &fs) != 0)
        return;
    if (st.st_size >= (off_t)DB_LOG_RESERVE) {
        log->reserved = true;
        return;
    }
    if (fs.f_bavail < 2 * DB_LOG_RESERVE / fs.f_frsize)
        return;
    log->reserved = posix_fallocate(log->lock_fd, 0, (off_t)DB_LOG_RESERVE) == 0;
    if (!log->reserved)
        empty(log->lock_fd);
}

void db_log_release_reserve(struct db_log *log)
{
    log->reserved = false;
    empty(log->lock_fd);
}
