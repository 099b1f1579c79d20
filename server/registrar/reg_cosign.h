/* Cosignatures of witnesses: in from the door, into the log, and what waits for them. */
#ifndef SERVER_REGISTRAR_REG_COSIGN_H
#define SERVER_REGISTRAR_REG_COSIGN_H

#include "server/ipc/ipc_server.h"
#include "server/registrar/reg_dossier.h"

/* What is known when the process begins. Needs d->world, d->readers and d->seq. */
enum hm_err HM_MUST_USE reg_cosign_open(const struct reg_desk *d, struct reg_witness **out,
                                        struct hm_why *why);
/* The newest note with cosignatures as a field of a reply; empty: none. */
void reg_cosign_put(const struct reg_conn *c, struct hm_buf *reply);
/* REG_COSIGN. */
enum hm_err HM_MUST_USE reg_op_cosign(void *desk, struct ipc_request *r, struct hm_why *why);

/* The signature that record idx is about may leave only under the cosignatures that its release
 * demands. HM_E_UNAVAILABLE: they are not there yet. */
enum hm_err HM_MUST_USE reg_cosign_hold(struct reg_conn *c, const struct hm_record *r,
                                        struct hm_why *why);
/* What a proof of record idx shall stand under: of a release's signature, what the release demands;
 * else what most have cosigned. False: nothing. */
bool reg_cosign_pick(struct reg_conn *c, uint64_t idx, struct reg_cosigned *out);
/* Waits for them as long as the policy says, and makes the connection's proof of record idx under
 * that checkpoint. */
enum hm_err HM_MUST_USE reg_cosign_await(struct reg_conn *c, const struct reg_dossier *d,
                                         uint64_t idx, struct hm_why *why);

#endif
