/* The few read connections to the log, lent out for short phases, and the tree nodes that they have
 * read. Nobody else opens the log's database. Thread-safe. */
#ifndef SERVER_REGISTRAR_REG_READERS_H
#define SERVER_REGISTRAR_REG_READERS_H

#include "db/log/db_log.h"

struct reg_readers;
enum hm_err HM_MUST_USE reg_readers_open(const char *database, struct reg_readers **out,
                                         struct hm_why *why);
void reg_readers_close(struct reg_readers *r);
/* Waits for a free connection and begins a snapshot on it. Give it back before waiting for anything
 * else. */
enum hm_err HM_MUST_USE reg_readers_take(struct reg_readers *r, struct db_reader **out,
                                         struct hm_why *why);
void reg_readers_give(struct reg_readers *r, struct db_reader *reader);

/* hm_node_fn over a lent connection: complete nodes never change, so each is read once. */
struct reg_nodes {
    struct reg_readers *readers;
    struct db_reader *reader;
};
enum hm_err reg_nodes_read(void *nodes, unsigned level, uint64_t k, struct hm_digest *out,
                           struct hm_why *why);

#endif
