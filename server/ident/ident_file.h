/* A file that an operator replaces while the program runs: read again when its identity, size or
 * times differ, looked at no more than once a second by whoever asks next. Thread: one at a time,
 * but for ident_file_due. */
#ifndef SERVER_IDENT_IDENT_FILE_H
#define SERVER_IDENT_IDENT_FILE_H

#include "schema/core/hm_bytes.h"

#include <stdatomic.h>
#include <sys/types.h>
#include <time.h>

#define IDENT_LOOK_MS 1000

struct ident_file {
    const char *path; /* borrowed */
    size_t max;       /* bytes */
    _Atomic int64_t next_look_ms;
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec changed[2]; /* content, inode */
};
void ident_file_init(struct ident_file *f, const char *path, size_t max);
/* Is it time to look? One load and one clock. */
bool ident_file_due(const struct ident_file *f);
/* *fresh: the file is another one than at the last look, and out holds it. A file that cannot be
 * read is an error once, until it changes again. */
enum hm_err HM_MUST_USE ident_file_look(struct ident_file *f, bool *fresh, struct hm_buf *out,
                                        struct hm_why *why);

#endif
