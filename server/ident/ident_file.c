#include "server/ident/ident_file.h"

#include "schema/io/hm_clock.h"
#include "schema/io/hm_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

void ident_file_init(struct ident_file *f, const char *path, size_t max)
{
    memset(f, 0, sizeof *f);
    f->path = path;
    f->max = max;
    f->size = -1;
    atomic_init(&f->next_look_ms, 0);
}

bool ident_file_due(const struct ident_file *f)
{
    return hm_clock_mono_ms() >= atomic_load_explicit(&f->next_look_ms, memory_order_relaxed);
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same(const struct ident_file *f, const struct stat *st)
{
    return f->dev == st->st_dev && f->ino == st->st_ino && f->size == st->st_size &&
           same_time(&f->changed[0], &st->st_mtim) && same_time(&f->changed[1], &st->st_ctim);
}

enum hm_err ident_file_look(struct ident_file *f, bool *fresh, struct hm_buf *out,
                            struct hm_why *why)
{
    struct stat st = {.st_size = -2}; /* what is not there differs from what was, once */
    bool there = stat(f->path, &st) == 0;
    int code = errno;
    *fresh = false;
    atomic_store_explicit(&f->next_look_ms, hm_clock_mono_ms() + IDENT_LOOK_MS,
                          memory_order_relaxed);
    if (same(f, &st))
        return HM_OK;
    /* Remembered before it is read: what changes meanwhile differs at the next look. */
    f->dev = st.st_dev;
    f->ino = st.st_ino;
    f->size = st.st_size;
    f->changed[0] = st.st_mtim;
    f->changed[1] = st.st_ctim;
    if (!there)
        return hm_fail_errno(why, code, "%s", f->path);
    enum hm_err err = hm_file_read(f->path, f->max, out, why);
    *fresh = err == HM_OK;
    return err;
}
