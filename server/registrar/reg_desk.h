/* Everything a request handler works with. Built by main, handed down; immutable but for what is
 * thread-safe inside. */
#ifndef SERVER_REGISTRAR_REG_DESK_H
#define SERVER_REGISTRAR_REG_DESK_H

#include "server/registrar/reg_certs.h"
#include "server/registrar/reg_inflight.h"
#include "server/registrar/reg_memo.h"
#include "server/registrar/reg_seq.h"
#include "server/registrar/reg_sign.h"

struct reg_desk {
    const struct reg_config *config;
    const struct reg_world *world;
    struct reg_memo *memo;
    struct reg_certs *certs;
    struct reg_seq *seq;
    struct reg_signq *signq;
    struct reg_inflight *inflight;
    int stop_fd; /* readable once the process shall end */
};
/* One connection of the door: its own read connection to the log. */
struct reg_conn {
    const struct reg_desk *desk;
    struct db_reader *reader; /* opened at first use */
};
enum hm_err HM_MUST_USE reg_conn_reader(struct reg_conn *c, struct db_reader **out,
                                        struct hm_why *why);

#endif
