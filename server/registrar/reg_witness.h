/* What witnesses have cosigned. The door asks them and passes on what they say; here every
 * cosignature is verified, counted against what the policy in force and the trust stores demand,
 * and remembered. Thread-safe. docs/witness.md. */
#ifndef SERVER_REGISTRAR_REG_WITNESS_H
#define SERVER_REGISTRAR_REG_WITNESS_H

#include "server/registrar/reg_world.h"

struct reg_witness;
/* first: no checkpoint of this process is over fewer records, so a cosignature of one that is as
 * large was not kept from before. */
enum hm_err HM_MUST_USE reg_witness_open(const struct reg_world *w, uint64_t first,
                                         struct reg_witness **out, struct hm_why *why);
void reg_witness_close(struct reg_witness *w);

/* Demands, as bits: the policy's quorum, and that of each trust store which names witnesses. */
#define REG_WITNESS_POLICY 1u
#define REG_WITNESS_STORE(i) (2u << (i))
_Static_assert(HM_TRUST_STORES_MAX < 31, "a bit for each trust store");
/* Of a release in this environment; witnessed: its rule says so. What nobody can fulfil, because
 * the policy in force names no witnesses, is not demanded. */
unsigned reg_witness_demands(const struct reg_witness *w, bool witnessed, const char *environment);

/* A checkpoint with cosignatures. */
struct reg_cosigned {
    uint64_t size;
    unsigned holds; /* demands that it fulfils */
    size_t note_len;
    char note[HM_CHECKPOINT_MAX];
};
/* Takes signature lines over the checkpoint in `note`. HM_OK: *out is that checkpoint with all that
 * is known of it. HM_E_SIGNATURE, HM_E_MALFORMED, HM_E_NOT_FOUND (of nobody who is asked). */
enum hm_err HM_MUST_USE reg_witness_take(struct reg_witness *w, struct hm_bytes note,
                                         struct hm_bytes lines, struct reg_cosigned *out,
                                         struct hm_why *why);
/* From now on it may be used: it is stored in the log. */
void reg_witness_publish(struct reg_witness *w, const struct reg_cosigned *c);
/* One that was stored by an earlier process. */
void reg_witness_recall(struct reg_witness *w, uint64_t size, struct hm_bytes note);

/* The newest that fulfils the demands and covers record idx. */
bool reg_witness_find(struct reg_witness *w, uint64_t idx, unsigned demands,
                      struct reg_cosigned *out);
/* Of those that cover record idx the one that fulfils most demands. */
bool reg_witness_best(struct reg_witness *w, uint64_t idx, struct reg_cosigned *out);
unsigned reg_witness_all(const struct reg_witness *w); /* every demand that there is */
/* HM_E_UNAVAILABLE: `what`, and who of them is missing and why. */
enum hm_err HM_MUST_USE reg_witness_missing(struct reg_witness *w, const char *what,
                                            struct hm_why *why);
/* Waits for it at most wait_ms, or not at all where many wait already. HM_E_UNAVAILABLE says who is
 * missing. */
enum hm_err HM_MUST_USE reg_witness_wait(struct reg_witness *w, uint64_t idx, unsigned demands,
                                         uint64_t wait_ms, struct reg_cosigned *out,
                                         struct hm_why *why);
/* How long the policy in force waits, in milliseconds. */
uint64_t reg_witness_timeout_ms(const struct reg_witness *w);
/* Where the policy in force names witnesses, nothing is signed until a quorum of them has cosigned
 * a checkpoint of this process: an older copy of the log would be found out. HM_E_UNAVAILABLE. */
enum hm_err HM_MUST_USE reg_witness_ready(struct reg_witness *w, struct hm_why *why);
/* Does the policy in force or a trust store name this witness? */
bool reg_witness_knows(const struct reg_witness *w, const char *name);
/* What the door says of a witness; its word, for people. trouble "": it cosigned. size: of the log
 * as that witness knows it, 0 unknown. */
void reg_witness_say(struct reg_witness *w, const char *name, const char *trouble, uint64_t size);
void reg_witness_stop(struct reg_witness *w); /* whoever waits is turned away */

#endif
