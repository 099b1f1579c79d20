#include "tests/bench/append/append_files.h"

#include "schema/io/hm_file.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum hm_err append_path(const char *folder, const char *name, char out[static APPEND_PATH_MAX],
                        struct hm_why *why)
{
    int n = snprintf(out, APPEND_PATH_MAX, "%s/%s", folder, name);
    return n < APPEND_PATH_MAX ? HM_OK : hm_fail(why, HM_E_LIMIT, "%s: path too long", folder);
}

void append_remove(const char *path)
{
    static const char *const suffix[] = {"", "-wal", "-shm", "-reserve"};
    char name[APPEND_PATH_MAX + 16];
    for (size_t i = 0; i < sizeof suffix / sizeof suffix[0]; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, suffix[i]);
        (void)unlink(name);
    }
}

enum hm_err append_bytes(const char *path, uint64_t *out, struct hm_why *why)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return hm_fail_errno(why, errno, "%s", path);
    *out = (uint64_t)st.st_size;
    return HM_OK;
}
