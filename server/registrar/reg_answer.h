/* Answers to the door: acknowledgements and problems (docs/formats/http.md), made from the log, so
 * that asking again with the same Idempotency-Key gives the same answer. */
#ifndef SERVER_REGISTRAR_REG_ANSWER_H
#define SERVER_REGISTRAR_REG_ANSWER_H

#include "server/ipc/ipc_server.h"
#include "server/registrar/reg_desk.h"

/* A request of the door that changes something, as parsed from its frame. */
#define REG_URIS_MAX 8
struct reg_caller {
    struct hm_digest fingerprint; /* zero: a token */
    char uris[REG_URIS_MAX][HM_URI_MAX + 1];
    size_t uri_count;
    const struct policy_principal *who; /* of the policy in force; NULL: nobody */
    unsigned token;                     /* IDENT_TOKEN_…, 0: came with a certificate */
    struct hm_digest request;           /* the one that an IDENT_TOKEN_BOUND was made for */
    char nobody[HM_WHY_MAX];            /* who NULL: why */
};
struct reg_ask {
    struct reg_caller caller;
    char idempotency[129];
    char if_match[40];
    uint64_t release; /* UINT64_MAX for a submission */
    struct hm_bytes body;
    const char *route; /* static: part of the idempotency scope */
    struct hm_digest
        idem; /* SHA-256(principal, route, release, key); used if idempotency is not empty */
    struct hm_digest body_sha;
    char req[33]; /* id of this request, for records */
};

/* Writes the ANSWER for a result: acknowledgement where problem is NONE, else a problem document
 * with the record's findings and proof where there is a record. */
enum hm_err HM_MUST_USE reg_answer(struct reg_conn *c, struct reg_result *result,
                                   struct hm_buf *reply, struct hm_why *why);
/* A problem without a record. */
enum hm_err HM_MUST_USE reg_answer_problem(enum reg_problem p, const char *detail,
                                           struct hm_buf *reply);
/* Status 0: these artifacts are missing. */
enum hm_err HM_MUST_USE reg_answer_missing(const struct hm_digest *missing, size_t count,
                                           struct hm_buf *reply);
/* Makes the connection's proof of a record under this checkpoint. */
enum hm_err HM_MUST_USE reg_proof_under(struct reg_conn *c, uint64_t idx, uint64_t size,
                                        struct hm_bytes note, struct hm_why *why);
/* The .tlog-proof of a record under a published checkpoint, appended. */
enum hm_err HM_MUST_USE reg_proof(struct reg_conn *c, uint64_t idx, struct hm_buf *out,
                                  struct hm_why *why);

#endif
