/* C2SP tlog-checkpoint and verifier key lines (docs/formats/log-proof.md). */
#ifndef SCHEMA_LOG_HM_CHECKPOINT_H
#define SCHEMA_LOG_HM_CHECKPOINT_H

#include "schema/core/hm_hash.h"
#include "schema/core/hm_limits.h"
#include "schema/key/hm_key.h"

struct hm_checkpoint {
    char origin[HM_ORIGIN_MAX + 1];
    uint64_t size;
    struct hm_digest root;
};
/* The log's verifier key: Ed25519, name = origin. */
struct hm_vkey {
    char name[HM_ORIGIN_MAX + 1];
    uint8_t id[4];
    struct hm_key key;
};
enum hm_err HM_MUST_USE hm_vkey_make(const char *name, const struct hm_key *ed25519,
                                     struct hm_vkey *out);
enum hm_err HM_MUST_USE hm_vkey_parse(struct hm_bytes line, struct hm_vkey *out,
                                      struct hm_why *why);
void hm_vkey_write(const struct hm_vkey *v, struct hm_buf *out); /* without newline */

/* The note text (origin, size, root, each with LF): what is signed. */
void hm_checkpoint_body(const struct hm_checkpoint *c, struct hm_buf *out);
/* body, blank line, signature line. */
void hm_checkpoint_note(struct hm_bytes body, const struct hm_vkey *v, const uint8_t sig[static 64],
                        struct hm_buf *out);
/* Strict parse of a signed checkpoint and verification with the log's key: origin = key name,
 * exactly one line of this key, other lines (cosignatures) well-formed and ignored; no extension
 * lines. HM_E_MALFORMED, HM_E_SIGNATURE. */
enum hm_err HM_MUST_USE hm_checkpoint_open(struct hm_bytes note, const struct hm_vkey *v,
                                           struct hm_checkpoint *out, struct hm_why *why);

/* A checkpoint taken apart; nothing is verified yet. The slices borrow the note. */
struct hm_checkpoint_parts {
    struct hm_checkpoint checkpoint;
    struct hm_bytes body; /* what is signed: up to and including the LF before the blank line */
    struct hm_bytes signatures; /* the lines behind the blank line */
};
/* At most HM_NOTE_MAX bytes. Extension lines, which logs of others may have, are taken where
 * `extensions` is set: they are part of the body and nothing else. HM_E_MALFORMED, HM_E_LIMIT. */
enum hm_err HM_MUST_USE hm_checkpoint_split(struct hm_bytes note, bool extensions,
                                            struct hm_checkpoint_parts *out, struct hm_why *why);
/* Verifies with the log's keys (several while one replaces another): at least one of them signed,
 * and each line of theirs verifies. Their lines are appended to `lines` where it is not NULL.
 * HM_E_SIGNATURE; HM_E_MALFORMED (a line of anybody), HM_E_LIMIT. */
enum hm_err HM_MUST_USE hm_checkpoint_verify(const struct hm_checkpoint_parts *p,
                                             const struct hm_vkey *keys, size_t count,
                                             struct hm_buf *lines, struct hm_why *why);

#endif
