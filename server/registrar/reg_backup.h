/* Backups of the running log: asked for over the registrar's own socket, copied by the sequencer
 * between its batches, named when they are whole. */
#ifndef SERVER_REGISTRAR_REG_BACKUP_H
#define SERVER_REGISTRAR_REG_BACKUP_H

#include "db/log/db_log.h"
#include "server/ipc/ipc_server.h"
#include "server/registrar/reg_config.h"

struct reg_backup;

/* Borrows c. A backup that was cut short before is removed. */
enum hm_err HM_MUST_USE reg_backup_open(const struct reg_config *c, struct reg_backup **out,
                                        struct hm_why *why);
void reg_backup_close(struct reg_backup *b); /* NULL allowed */

/* Has the sequencer something to do here? Any thread. */
bool reg_backup_busy(const struct reg_backup *b);
/* The sequencer's, between batches: some pages. `settle` is called once they are nearly all there:
 * it puts everything committed under a stored checkpoint, so that the backup ends with one. */
void reg_backup_turn(struct reg_backup *b, struct db_log *log,
                     enum hm_err (*settle)(void *ctx, struct hm_why *why), void *ctx);

/* DATABASE-control; HM_E_LIMIT. */
enum hm_err HM_MUST_USE reg_backup_socket(const struct reg_config *c, char *out, size_t cap,
                                          struct hm_why *why);
extern const struct ipc_op reg_control_ops[]; /* their context is the struct reg_backup */
extern const size_t reg_control_op_count;

/* hallmark-registrar backup: has one made, tells how far it is, verifies it with `verifier`. The
 * process is the registrar's user already. */
enum hm_err HM_MUST_USE reg_backup_command(const struct reg_config *c, const char *vkey,
                                           const char *verifier, struct hm_why *why);

#endif
