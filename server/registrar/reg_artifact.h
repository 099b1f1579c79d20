/* The artifact store: files named by their SHA-256 that only the registrar can write. Thread-safe
 * (the file system decides). */
#ifndef SERVER_REGISTRAR_REG_ARTIFACT_H
#define SERVER_REGISTRAR_REG_ARTIFACT_H

#include "schema/core/hm_hash.h"

/* Makes the directory and removes what an interrupted take-over left. */
enum hm_err HM_MUST_USE reg_artifact_prepare(const char *dir, struct hm_why *why);
/* Copies size bytes from fd (borrowed), hashing; durable when HM_OK. Nothing is left behind on
 * failure. HM_E_SIGNATURE (other bytes or size), HM_E_FULL, HM_E_IO. An artifact that is there
 * already costs nothing. */
enum hm_err HM_MUST_USE reg_artifact_take(const char *dir, const struct hm_digest *digest,
                                          uint64_t size, int fd, struct hm_why *why);
/* Read-only descriptor and size. HM_E_NOT_FOUND. Caller closes. */
enum hm_err HM_MUST_USE reg_artifact_open(const char *dir, const struct hm_digest *digest, int *fd,
                                          uint64_t *size, struct hm_why *why);

#endif
