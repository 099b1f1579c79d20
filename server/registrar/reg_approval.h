/* A recorded approval, of a release or of a proposed policy, read back from the log. */
#ifndef SERVER_REGISTRAR_REG_APPROVAL_H
#define SERVER_REGISTRAR_REG_APPROVAL_H

#include "db/log/db_state.h"

/* The decision state names the record; the record itself must say that it is `event` about this
 * release or proposal, by this person with this key. Evidence of a refused one never counts.
 * Appends the signed document, which is not verified here. HM_E_HISTORY. */
enum hm_err HM_MUST_USE reg_approval_read(struct db_reader *reader, enum hm_event event,
                                          uint64_t about, const struct db_approval *a,
                                          struct hm_buf *document, struct hm_why *why);

#endif
