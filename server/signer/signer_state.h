/* What the signer must never forget: the last checkpoint it signed. One file of two slots, written
 * in turn, each with its own checksum: a crash leaves the old or the new one. It must not be part
 * of the backups of the log. Thread: one at a time (signer_history.c's turn). */
#ifndef SERVER_SIGNER_SIGNER_STATE_H
#define SERVER_SIGNER_SIGNER_STATE_H

#include "schema/core/hm_hash.h"

#define SIGNER_STATE_FILE "last-checkpoint"
#define SIGNER_NOTE_MAX 2048 /* bytes of a signed checkpoint of ours */

struct signer_last {
    uint64_t size;
    struct hm_digest root;
    size_t note_len; /* 0: nothing signed yet */
    uint8_t note[SIGNER_NOTE_MAX];
};

struct signer_state;

/* Makes the file for a log that has nothing signed yet: the explicit first step, once. log_id:
 * SHA-256 of the log's verifier key line. HM_E_CONFLICT where one exists already, HM_E_IO. */
enum hm_err HM_MUST_USE signer_state_init(const char *dir, const struct hm_digest *log_id,
                                          struct hm_why *why);
/* Opens and locks the file. A missing file, one without a whole slot, one of another log, one that
 * another process holds: refused (HM_E_NOT_FOUND, HM_E_MALFORMED, HM_E_DENIED, HM_E_CONFLICT).
 * *torn says that one slot was not whole, which a crash explains. Caller signer_state_close()s. */
enum hm_err HM_MUST_USE signer_state_open(const char *dir, const struct hm_digest *log_id,
                                          struct signer_state **out, struct signer_last *last,
                                          bool *torn, struct hm_why *why);
/* Durable when it returns HM_OK. After a failure the file is opened and read again before the next
 * write; what it then holds must be what was saved last. HM_E_IO, HM_E_FULL. */
enum hm_err HM_MUST_USE signer_state_save(struct signer_state *s, const struct signer_last *last,
                                          struct hm_why *why);
void signer_state_close(struct signer_state *s); /* NULL allowed */

#endif
