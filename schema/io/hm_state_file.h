/* A small state that must never go back, kept twice in one file: each copy has its own checksum,
 * and a change is told only when both are durable. So a crash at any moment leaves the old state or
 * the new one, one damaged copy loses nothing, and two damaged ones are an error, never "nothing
 * yet". Thread: each open file by one at a time.
 *
 * Copy, big-endian: 8 bytes magic, u64 turn, 32 bytes id, u32 length, content, zeros; in its last
 * 32 bytes the SHA-256 of everything before. Where the copies differ, the higher turn counts. */
#ifndef SCHEMA_IO_HM_STATE_FILE_H
#define SCHEMA_IO_HM_STATE_FILE_H

#include "schema/core/hm_hash.h"

#define HM_STATE_FILE_OVERHEAD 84 /* bytes of a copy that are not content */

/* What a program's state files look like. */
struct hm_state_form {
    char magic[8]; /* no NUL */
    size_t copy;   /* bytes, a multiple of 4096 */
};

struct hm_state_file;

/* Makes the file, once and durably. id says what the state is about. HM_E_CONFLICT where there is
 * one already, HM_E_LIMIT, HM_E_IO, HM_E_FULL. */
enum hm_err HM_MUST_USE hm_state_file_create(const char *path, const struct hm_state_form *form,
                                             const struct hm_digest *id, struct hm_bytes content,
                                             struct hm_why *why);
/* Opens and locks it, and appends the content. *mended: the copies were not the same, as a crash
 * leaves them or damage; they are now. HM_E_NOT_FOUND; HM_E_MALFORMED (no copy is whole),
 * HM_E_DENIED (about something else), HM_E_CONFLICT (another process holds it), HM_E_IO, HM_E_FULL.
 * Caller hm_state_file_close()s. */
enum hm_err HM_MUST_USE hm_state_file_open(const char *path, const struct hm_state_form *form,
                                           const struct hm_digest *id, struct hm_state_file **out,
                                           struct hm_buf *content, bool *mended,
                                           struct hm_why *why);
/* The content alone, without the lock and without mending: for looking at a state that somebody
 * else keeps. */
enum hm_err HM_MUST_USE hm_state_file_peek(const char *path, const struct hm_state_form *form,
                                           const struct hm_digest *id, struct hm_buf *content,
                                           struct hm_why *why);
/* Durable in both copies when it returns HM_OK. After a failure the file is opened and read again
 * before the next write; whether the failed one arrived does not matter, anything else is
 * HM_E_HISTORY. HM_E_IO, HM_E_FULL, HM_E_LIMIT. */
enum hm_err HM_MUST_USE hm_state_file_save(struct hm_state_file *s, struct hm_bytes content,
                                           struct hm_why *why);
void hm_state_file_close(struct hm_state_file *s); /* NULL allowed */

#endif
