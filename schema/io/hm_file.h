/* Files: whole reads with a limit, atomic durable writes. Used by programs and stores, never by
 * parsers. */
#ifndef SCHEMA_IO_HM_FILE_H
#define SCHEMA_IO_HM_FILE_H

#include "schema/core/hm_bytes.h"

#include <sys/types.h>

/* Appends the whole file to out. HM_E_NOT_FOUND, HM_E_LIMIT (more than max bytes), HM_E_IO. */
enum hm_err HM_MUST_USE hm_file_read(const char *path, size_t max, struct hm_buf *out,
                                     struct hm_why *why);
/* Same, from a descriptor at its current position. `name` is for the error text. */
enum hm_err HM_MUST_USE hm_fd_read(int fd, const char *name, size_t max, struct hm_buf *out,
                                   struct hm_why *why);
/* The same for a secret: into room, which the caller wipes, and nothing of it stays anywhere else.
 * HM_E_LIMIT: cap bytes or more. */
enum hm_err HM_MUST_USE hm_fd_read_into(int fd, void *room, size_t cap, size_t *len,
                                        struct hm_why *why);
/* Writes path.tmp-XXXXXX, fsyncs, renames over path, fsyncs the directory. HM_E_IO, HM_E_FULL. */
enum hm_err HM_MUST_USE hm_file_write_atomic(const char *path, struct hm_bytes data, mode_t mode,
                                             struct hm_why *why);
/* Writes all bytes to fd, retrying short writes. HM_E_IO, HM_E_FULL. */
enum hm_err HM_MUST_USE hm_fd_write(int fd, struct hm_bytes data, struct hm_why *why);
/* mkdir -p with mode for what it creates. */
enum hm_err HM_MUST_USE hm_dir_make(const char *path, mode_t mode, struct hm_why *why);
enum hm_err HM_MUST_USE hm_dir_sync(const char *path, struct hm_why *why);
/* ENOSPC and EDQUOT become HM_E_FULL, ENOENT HM_E_NOT_FOUND, ENOMEM HM_E_MEMORY, the rest HM_E_IO;
 * text has strerror. */
enum hm_err hm_fail_errno(struct hm_why *why, int err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

void hm_close_fd(int *fd); /* cleanup helper: closes if >= 0 */
#define HM_FD_AUTO __attribute__((cleanup(hm_close_fd))) int

#endif
