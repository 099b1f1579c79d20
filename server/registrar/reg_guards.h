/* Which guards document holds: the genesis's, or the newest that a guards.changed record names. */
#ifndef SERVER_REGISTRAR_REG_GUARDS_H
#define SERVER_REGISTRAR_REG_GUARDS_H

#include "db/log/db_state.h"
#include "server/registrar/reg_world.h"

struct reg_guards_now {
    uint64_t record; /* guards.changed, 0: none, the genesis's holds */
    uint64_t serial;
    struct hm_digest sha256;
};
enum hm_err HM_MUST_USE reg_guards_read(struct db_reader *r, const struct reg_world *w,
                                        struct reg_guards_now *out, struct hm_why *why);
/* At start: the configured file is that document. HM_E_CONFIG. */
enum hm_err HM_MUST_USE reg_guards_check_file(const struct reg_config *c, struct db_reader *r,
                                              const struct reg_world *w, struct hm_why *why);

#endif
