/* The signing stage: gathers what waits for release signatures and asks the signer in batches.
 * Thread-safe. */
#ifndef SERVER_REGISTRAR_REG_SIGN_H
#define SERVER_REGISTRAR_REG_SIGN_H

#include "server/registrar/reg_signer.h"

struct reg_signq;
enum hm_err HM_MUST_USE reg_signq_open(struct reg_signer *signer, struct reg_signq **out,
                                       struct hm_why *why);
void reg_signq_close(struct reg_signq *q);
/* Blocks until the signer answered. item->err and item->sig as in reg_sign_item. *maybe: nobody
 * knows whether it was signed. */
enum hm_err HM_MUST_USE reg_signq_run(struct reg_signq *q, struct reg_sign_item *item, bool *maybe,
                                      struct hm_why *why);

#endif
