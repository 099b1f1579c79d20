/* Files of the measurements. */
#ifndef TESTS_BENCH_APPEND_APPEND_FILES_H
#define TESTS_BENCH_APPEND_APPEND_FILES_H

#include "schema/core/hm_err.h"

#include <stdint.h>

#define APPEND_PATH_MAX 1024

enum hm_err HM_MUST_USE append_path(const char *folder, const char *name,
                                    char out[static APPEND_PATH_MAX], struct hm_why *why);
void append_remove(const char *path); /* with its WAL and what else lies beside it */
/* Bytes of the file. HM_E_NOT_FOUND, HM_E_IO. */
enum hm_err HM_MUST_USE append_bytes(const char *path, uint64_t *out, struct hm_why *why);

#endif
