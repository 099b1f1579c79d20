/* The call add-checkpoint of C2SP tlog-witness: from a request to a verdict and its answer. */
#ifndef SERVER_WITNESS_WITNESS_ADD_H
#define SERVER_WITNESS_WITNESS_ADD_H

#include "server/witness/witness.h"

struct witness_verdict_row {
    const char *name; /* in metrics */
    unsigned status;  /* HTTP */
};
extern const struct witness_verdict_row witness_verdicts[WITNESS_VERDICTS];

/* now_s: the clock, Unix seconds. *body gets what goes with the verdict: the cosignature line, the
 * tree size, or a line for people. When WITNESS_COSIGNED is returned, the checkpoint is durable.
 * Any thread. */
enum witness_verdict witness_add(struct witness *w, struct hm_bytes request, uint64_t now_s,
                                 struct hm_buf *body);

#endif
