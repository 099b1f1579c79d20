/* Everything a request handler works with. Built by main, handed down; immutable but for what is
 * thread-safe inside. */
#ifndef SERVER_REGISTRAR_REG_DESK_H
#define SERVER_REGISTRAR_REG_DESK_H

#include "server/registrar/reg_certs.h"
#include "server/registrar/reg_inflight.h"
#include "server/registrar/reg_known.h"
#include "server/registrar/reg_memo.h"
#include "server/registrar/reg_oidc.h"
#include "server/registrar/reg_readers.h"
#include "server/registrar/reg_seq.h"
#include "server/registrar/reg_sign.h"
#include "server/registrar/reg_witness.h"

struct reg_desk {
    const struct reg_config *config;
    const struct reg_world *world;
    struct reg_memo *memo;
    struct reg_certs *certs;
    const struct reg_oidc *oidc;
    struct reg_knowns *knowns;
    struct reg_readers *readers;
    struct reg_seq *seq;
    struct reg_signq *signq;
    struct reg_inflight *inflight;
    struct reg_witness *witness;
    int stop_fd; /* readable once the process shall end */
};
/* One connection of the door. */
struct reg_conn {
    const struct reg_desk *desk;
    struct db_reader *reader; /* lent for the present phase, or NULL */
    bool has_proof;           /* of this request: the proof of record proof_idx */
    uint64_t proof_idx;
    struct hm_buf proof;
    bool has_fresh; /* of this request: what it has just written, so that it is not read again */
    struct hm_record fresh;
    struct hm_buf fresh_record;   /* its bytes */
    struct hm_buf fresh_evidence; /* number 0 */
};
/* The phase's read connection: one snapshot, taken at first use. */
enum hm_err HM_MUST_USE reg_conn_reader(struct reg_conn *c, struct db_reader **out,
                                        struct hm_why *why);
/* Ends the phase: before waiting for the sequencer or the signer, and after each request. */
void reg_conn_rest(struct reg_conn *c);
/* reg_seq_run between two phases. */
enum hm_err HM_MUST_USE reg_conn_decide(struct reg_conn *c, reg_decide_fn decide, void *arg,
                                        struct reg_result *out, struct hm_why *why);
/* Bytes of a record: what this request has just written, or out of the log. Appended. */
enum hm_err HM_MUST_USE reg_conn_record(struct reg_conn *c, uint64_t idx, struct hm_buf *out,
                                        struct hm_why *why);
/* Its evidence number 0, likewise. */
enum hm_err HM_MUST_USE reg_conn_evidence(struct reg_conn *c, uint64_t idx, size_t max,
                                          struct hm_buf *out, struct hm_why *why);
/* Inclusion path of a record under a tree of `size`. */
enum hm_err HM_MUST_USE reg_conn_path(struct reg_conn *c, uint64_t idx, uint64_t size,
                                      struct hm_path *out, struct hm_why *why);

#endif
