/* C2SP tlog-cosignature, Ed25519 (cosignature/v1): what a witness says about a checkpoint, and what
 * several of them together are worth (docs/formats/witness.md). Pure; any thread. */
#ifndef SCHEMA_LOG_HM_COSIGNATURE_H
#define SCHEMA_LOG_HM_COSIGNATURE_H

#include "schema/log/hm_checkpoint.h"

/* A witness's verifier key: signature type 0x04, so a type of its own. */
struct hm_cosigner {
    struct hm_vkey v;
};
enum hm_err HM_MUST_USE hm_cosigner_make(const char *name, const struct hm_key *ed25519,
                                         struct hm_cosigner *out);
/* HM_E_MALFORMED; HM_E_UNSUPPORTED for a key of another type, such as a log's. */
enum hm_err HM_MUST_USE hm_cosigner_parse(struct hm_bytes line, struct hm_cosigner *out,
                                          struct hm_why *why);
void hm_cosigner_write(const struct hm_cosigner *c, struct hm_buf *out); /* without newline */

/* The witnesses that somebody believes: no name and no key twice, so that counting entries counts
 * witnesses. */
struct hm_cosigners {
    struct hm_cosigner of[HM_WITNESSES_MAX];
    size_t count;
};
/* HM_E_CONFLICT (name or key is in the set already), HM_E_LIMIT. */
enum hm_err HM_MUST_USE hm_cosigners_add(struct hm_cosigners *s, const struct hm_cosigner *c,
                                         struct hm_why *why);

/* Latest time that a cosignature may state (tlog-cosignature): 2^63 - 1. */
#define HM_COSIGNATURE_TIME_MAX ((uint64_t)INT64_MAX)

/* Appends what is signed: header and time lines, then the note text. */
void hm_cosignature_message(uint64_t time_s, struct hm_bytes body, struct hm_buf *out);
/* Appends the signature line with its LF. */
void hm_cosignature_line(const struct hm_cosigner *c, uint64_t time_s, const uint8_t sig[static 64],
                         struct hm_buf *out);

/* Verified cosignatures of one checkpoint; the places are those of the set that verified them.
 * Zero-initialise: none. */
struct hm_cosignatures {
    struct {
        uint64_t time_s; /* 0: this witness has not cosigned */
        uint8_t sig[64];
    } of[HM_WITNESSES_MAX];
};
/* Takes the cosignatures of known witnesses out of signature lines: the answer of a witness, or
 * those of a note. Lines of unknown keys are ignored. If one line is malformed, one key stands
 * twice, a known witness's line does not verify, or states no time or one after latest_s, nothing
 * is taken. A later time replaces an earlier one. HM_E_MALFORMED, HM_E_LIMIT, HM_E_SIGNATURE. */
enum hm_err HM_MUST_USE hm_cosignatures_take(struct hm_cosignatures *s,
                                             const struct hm_cosigners *known, struct hm_bytes body,
                                             struct hm_bytes lines, uint64_t latest_s,
                                             struct hm_why *why);
/* How many distinct witnesses. */
size_t hm_cosignatures_count(const struct hm_cosignatures *s);
/* The time floor: the quorum-th largest time, so that at least quorum witnesses say it is this
 * late. False where fewer cosigned, and for quorum 0; *time_s is untouched then. */
bool hm_cosignatures_time(const struct hm_cosignatures *s, size_t quorum, uint64_t *time_s);
/* Appends the note (a checkpoint of ours) with these cosignatures: a line that a known witness has
 * in it is replaced, new ones follow in the order of the set, every other line stays. The result is
 * one that hm_checkpoint_open takes. HM_E_MALFORMED, HM_E_LIMIT. */
enum hm_err HM_MUST_USE hm_cosignatures_merge(const struct hm_cosignatures *s,
                                              const struct hm_cosigners *known,
                                              struct hm_bytes note, struct hm_buf *out,
                                              struct hm_why *why);

#endif
