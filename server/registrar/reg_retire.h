/* Private detail that is older than it is to be kept leaves the log, in portions: into a file where
 * one is asked for, and then out of the database, with a record that says so. Sequencer's thread.
 */
#ifndef SERVER_REGISTRAR_REG_RETIRE_H
#define SERVER_REGISTRAR_REG_RETIRE_H

#include "db/log/db_log.h"
#include "server/registrar/reg_config.h"

struct reg_retire;
/* Makes the directory of the archive. HM_OK with *out NULL where detail is kept for ever. */
enum hm_err HM_MUST_USE reg_retire_open(const struct reg_config *c, struct reg_retire **out,
                                        struct hm_why *why);
void reg_retire_close(struct reg_retire *r); /* NULL allowed */
/* Inside a transaction: at most one portion. An archive that cannot be written is logged and tried
 * again later; it stops nothing else. */
enum hm_err HM_MUST_USE reg_retire_tick(struct reg_retire *r, struct db_log *log,
                                        const struct hm_digest *policy, uint64_t now_ms,
                                        struct hm_why *why);

#endif
