/* Asking the witnesses of the configuration to cosign the log's newest checkpoint (C2SP
 * tlog-witness, add-checkpoint), and telling the registrar what each said. The door believes none
 * of it and decides nothing: a cosignature counts once the registrar has verified it. A thread for
 * each witness. docs/witness.md. */
#ifndef SERVER_DOOR_DOOR_WITNESS_H
#define SERVER_DOOR_DOOR_WITNESS_H

#include "schema/core/hm_bytes.h"
#include "server/door/door.h"

struct door_witnesses;

struct door_witness_state {
    const char *name;         /* borrowed from the configuration */
    char trouble[HM_WHY_MAX]; /* "": the last request was answered with a cosignature */
    bool disagrees;           /* what it said last cannot be true together with this log */
    uint64_t size;            /* of the last checkpoint that it cosigned here */
    uint64_t asked, cosigned; /* requests, and those that brought one */
};

/* Without witnesses in the configuration *out is NULL, which every function takes. */
enum hm_err HM_MUST_USE door_witnesses_start(struct door *d, struct door_witnesses **out,
                                             struct hm_why *why);
void door_witnesses_stop(struct door_witnesses *w);
/* How each stands; returns how many. */
size_t door_witnesses_state(struct door_witnesses *w,
                            struct door_witness_state out[static HM_WITNESSES_MAX]);
/* For /metrics. */
void door_witnesses_metrics(struct door_witnesses *w, struct hm_buf *out);

#endif
