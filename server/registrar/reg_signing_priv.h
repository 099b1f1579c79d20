/* One request for a release signature on its way through four hands: the connection's thread
 * (prepares, answers), the sequencer (records intention and result), the signing stage (asks the
 * signer, checks what comes back). One after the other, never two at once; the connection's thread
 * waits only for the end. */
#ifndef SERVER_REGISTRAR_REG_SIGNING_PRIV_H
#define SERVER_REGISTRAR_REG_SIGNING_PRIV_H

#include "server/registrar/reg_change.h"
#include "server/registrar/reg_dossier.h"

#include <semaphore.h>
#include <stdatomic.h>

enum reg_ending { REG_ENDING_FAILED = 0, REG_ENDING_UNKNOWN, REG_ENDING_SIGNED };

struct reg_signing;
/* One of the keys that are asked. */
struct reg_signing_key {
    struct reg_signing *of;
    const struct policy_release_key *key;
    char token[HM_TOKEN_SERIAL_MAX + 1];
    struct hm_buf tbs;
    struct reg_sign_job job;
    bool signed_; /* job.item.sig is the signature */
};

struct reg_signing {
    const struct reg_ask *ask;
    struct reg_conn *conn;
    struct reg_dossier *d;
    struct reg_signing_key keys[HM_SIGN_KEYS_MAX]; /* as the record names them */
    size_t key_count;
    atomic_size_t asked;              /* keys whose answer is not there yet */
    struct hm_provenance *statements; /* owned; provenance points into it */
    struct policy_fact_provenance provenance[HM_ATTESTATIONS_MAX];
    size_t provenance_count;
    struct policy_verdict verdict;
    sem_t finished; /* posted when it is the connection's turn again */
    struct reg_job job;
    /* the intention */
    bool intended;
    struct hm_record intent;
    struct hm_buf intent_bytes;
    struct hm_path path; /* to the intention, then to the result */
    struct hm_bytes approvals[HM_APPROVALS_MAX];
    /* the result */
    enum reg_ending ending;
    enum reg_problem problem;
    char outcome[HM_OUTCOME_MAX + 1];
    struct hm_why why;
    struct hm_buf envelope;
};

/* reg_decide_fn with a struct reg_signing: judges, and records the intention or the refusal. */
enum hm_err reg_signing_intend(struct reg_tx *tx, void *arg, struct reg_result *out,
                               struct hm_why *why);
/* The same for what became of it. */
enum hm_err reg_signing_record(struct reg_tx *tx, void *arg, struct reg_result *out,
                               struct hm_why *why);
/* What intention and result share. */
void reg_signing_describe(const struct reg_signing *s, const struct db_release *rel,
                          struct hm_record *r);

#endif
