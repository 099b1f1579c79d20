/* What hallmark-witness is made of. One struct is built by witness_serve and handed down; its parts
 * are thread-safe each for itself. */
#ifndef SERVER_WITNESS_WITNESS_H
#define SERVER_WITNESS_WITNESS_H

#include "server/witness/witness_log.h"

#define WITNESS_PROGRAM "hallmark-witness"

struct witness_conns;
struct witness_metrics;

struct witness {
    const struct witness_config *config;
    struct witness_key *key;
    struct witness_log *logs; /* one for each of config->logs, in that order */
    size_t log_count;
    struct witness_metrics *metrics;
    struct witness_conns *conns; /* open connections and their deadlines */
};

#endif
