/* Commands about files of the log: verifying one, putting one into place. */
#ifndef SERVER_REGISTRAR_REG_RESTORE_H
#define SERVER_REGISTRAR_REG_RESTORE_H

#include "server/registrar/reg_world.h"

/* Runs `VERIFIER log verify --database path --log-key vkey`, which tells its findings itself. NULL:
 * the `hallmark` that was installed with this program. HM_E_HISTORY: it does not hold; HM_E_IO: it
 * could not be run. */
enum hm_err HM_MUST_USE reg_verify_file(const char *path, const char *vkey, const char *verifier,
                                        struct hm_why *why);
/* hallmark-registrar restore: copies `from` (a backup, a mirror, a cold copy), verifies the copy,
 * asks the signer, and only then puts it where the configuration has the log, where nothing may be.
 * HM_E_CONFLICT; HM_E_HISTORY: it is damaged, or older than what the signer has signed. */
enum hm_err HM_MUST_USE reg_restore(const struct reg_config *c, const struct reg_world *w,
                                    const char *from, const char *vkey, const char *verifier,
                                    struct hm_why *why);

#endif
