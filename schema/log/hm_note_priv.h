/* Line by line reading for checkpoints and proofs. Borrowed bytes only. */
#ifndef SCHEMA_LOG_HM_NOTE_PRIV_H
#define SCHEMA_LOG_HM_NOTE_PRIV_H

#include "schema/core/hm_bytes.h"
#include "schema/core/hm_hash.h"

/* Takes the next line off *rest, without its LF. False where no LF is left. */
bool hm_note_line(struct hm_bytes *rest, struct hm_bytes *line);
/* Strict base64 of exactly len bytes. */
enum hm_err HM_MUST_USE hm_note_base64(struct hm_bytes text, uint8_t *out, size_t len);
/* Splits at the first occurrence of separator. False where there is none. */
bool hm_note_split(struct hm_bytes text, uint8_t separator, struct hm_bytes *head,
                   struct hm_bytes *tail);

#endif
