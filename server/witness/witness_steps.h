/* What hallmark-witness does, one function for each command. */
#ifndef SERVER_WITNESS_WITNESS_STEPS_H
#define SERVER_WITNESS_WITNESS_STEPS_H

#include "server/witness/witness.h"

/* What the command line says besides the configuration. */
struct witness_step_args {
    const char *origin;     /* of `init`; NULL: none */
    const char *checkpoint; /* file, of `init`; NULL: none */
};
typedef enum hm_err (*witness_step_fn)(const struct witness_config *c,
                                       const struct witness_step_args *args, struct hm_why *why);

/* Serves until SIGTERM. HM_E_STATE: what was cosigned is unknown. */
enum hm_err HM_MUST_USE witness_serve(const struct witness_config *c,
                                      const struct witness_step_args *args, struct hm_why *why);
/* Makes the key file and prints the verifier key line. */
enum hm_err HM_MUST_USE witness_keygen(const struct witness_config *c,
                                       const struct witness_step_args *args, struct hm_why *why);
enum hm_err HM_MUST_USE witness_vkey(const struct witness_config *c,
                                     const struct witness_step_args *args, struct hm_why *why);
/* Makes the state of one log, once. */
enum hm_err HM_MUST_USE witness_init(const struct witness_config *c,
                                     const struct witness_step_args *args, struct hm_why *why);
/* Prints what was cosigned last, log by log; also beside a running witness. */
enum hm_err HM_MUST_USE witness_status(const struct witness_config *c,
                                       const struct witness_step_args *args, struct hm_why *why);

#endif
