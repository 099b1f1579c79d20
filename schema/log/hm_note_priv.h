/* Line by line reading for checkpoints and proofs, and the signature lines of notes. Borrowed bytes
 * only. */
#ifndef SCHEMA_LOG_HM_NOTE_PRIV_H
#define SCHEMA_LOG_HM_NOTE_PRIV_H

#include "schema/log/hm_checkpoint.h"
#include "schema/log/hm_merkle.h"

#define HM_NOTE_KEY_ID_LEN 4
#define HM_NOTE_SIG_LEN 64 /* Ed25519 */

/* Signature types (C2SP signed-note): part of a verifier key and of its id. */
#define HM_NOTE_ED25519 0x01
#define HM_NOTE_COSIGNATURE 0x04

/* Takes the next line off *rest, without its LF. False where no LF is left. */
bool hm_note_line(struct hm_bytes *rest, struct hm_bytes *line);
/* Strict base64 of exactly len bytes. */
enum hm_err HM_MUST_USE hm_note_base64(struct hm_bytes text, uint8_t *out, size_t len);
/* Splits at the first occurrence of separator. False where there is none. */
bool hm_note_split(struct hm_bytes text, uint8_t separator, struct hm_bytes *head,
                   struct hm_bytes *tail);

/* Hashes of a proof: one base64 line each, as C2SP tlog-proof and tlog-witness have them. */
void hm_path_write(const struct hm_path *path, struct hm_buf *out);
/* Reads them up to and including the blank line behind them. what begins the error texts.
 * HM_E_MALFORMED, HM_E_LIMIT. */
enum hm_err HM_MUST_USE hm_path_read(struct hm_bytes *rest, const char *what, struct hm_path *out,
                                     struct hm_why *why);

struct hm_note_signature {
    struct hm_bytes line; /* with its LF */
    struct hm_bytes name;
    struct hm_bytes base64;
    uint8_t id[HM_NOTE_KEY_ID_LEN];
};
struct hm_note_signatures {
    struct hm_note_signature of[HM_NOTE_SIGNATURES_MAX];
    size_t count;
};
/* All lines well-formed, each key (name and id) once. what begins the error texts. HM_E_MALFORMED,
 * HM_E_LIMIT. */
enum hm_err HM_MUST_USE hm_note_signatures_read(struct hm_bytes lines, const char *what,
                                                struct hm_note_signatures *out, struct hm_why *why);
/* The line of this key, or NULL. */
const struct hm_note_signature *hm_note_signature_by(const struct hm_note_signatures *s,
                                                     const struct hm_vkey *v);
/* Appends the line with its LF: key id and blob of len bytes behind it. */
void hm_note_signature_write(const struct hm_vkey *v, const uint8_t *blob, size_t len,
                             struct hm_buf *out);

/* Verifier keys of one signature type. */
enum hm_err HM_MUST_USE hm_vkey_make_type(uint8_t type, const char *name,
                                          const struct hm_key *ed25519, struct hm_vkey *out);
enum hm_err HM_MUST_USE hm_vkey_parse_type(uint8_t type, struct hm_bytes line, struct hm_vkey *out,
                                           struct hm_why *why);
void hm_vkey_write_type(uint8_t type, const struct hm_vkey *v, struct hm_buf *out);

#endif
