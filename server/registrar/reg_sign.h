/* The signing stage: gathers what waits for release signatures and asks the signer in batches.
 * Thread-safe. */
#ifndef SERVER_REGISTRAR_REG_SIGN_H
#define SERVER_REGISTRAR_REG_SIGN_H

#include "server/registrar/reg_signer.h"

struct reg_signq;
enum hm_err HM_MUST_USE reg_signq_open(struct reg_signer *signer, struct reg_signq **out,
                                       struct hm_why *why);
void reg_signq_close(struct reg_signq *q);
/* One signature to ask for. The owner keeps it alive until done is called. */
struct reg_sign_job {
    struct reg_sign_item item;
    /* On the signing stage's thread, which has nothing more to do with the job. */
    void (*done)(struct reg_sign_job *job);
    void *arg;
    /* out: err says that the signer was not heard; if it is HM_OK, item.err is what it said */
    enum hm_err err;
    struct hm_why why;
    bool maybe;                /* nobody knows whether it was signed */
    struct reg_sign_job *next; /* the stage's */
};
/* Waits for reg_signq_go. False: the registrar is stopping; done will not be called. */
bool HM_MUST_USE reg_signq_push(struct reg_signq *q, struct reg_sign_job *job);
/* What was pushed is to be signed: once for many is one message instead of many. */
void reg_signq_go(void *q);

#endif
