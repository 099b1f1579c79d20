/* Which guards document the signer served last, by serial number: an older one does not come back.
 */
#ifndef SERVER_SIGNER_SIGNER_GUARDS_H
#define SERVER_SIGNER_SIGNER_GUARDS_H

#include "schema/trust/hm_guards.h"

/* Remembers it in state_dir, durably. HM_E_DENIED: it is older than the one that is remembered, or
 * another one of the same number. HM_E_MALFORMED: the file is damaged. HM_E_IO. */
enum hm_err HM_MUST_USE signer_guards_remember(const char *state_dir, const struct hm_guards *g,
                                               struct hm_bytes document, struct hm_why *why);

#endif
