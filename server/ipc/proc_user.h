/* Which user a process runs as. */
#ifndef SERVER_IPC_PROC_USER_H
#define SERVER_IPC_PROC_USER_H

#include "schema/core/hm_err.h"

#include <sys/types.h>

/* Started by root: becomes this user (groups, gid, uid) for good. Otherwise: refuses unless it is
 * this user already. name NULL or "": stays who it is, but never root (HM_E_CONFIG). */
enum hm_err HM_MUST_USE proc_become(const char *name, struct hm_why *why);
/* uid of a user name; NULL or "": the own uid. HM_E_NOT_FOUND. */
enum hm_err HM_MUST_USE proc_uid_of(const char *name, uid_t *uid, struct hm_why *why);

#endif
