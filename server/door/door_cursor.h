/* How far somebody was told about the log: a small file beside query.db, which may vanish while
 * this stays. Written whole, by a rename. */
#ifndef SERVER_DOOR_DOOR_CURSOR_H
#define SERVER_DOOR_DOOR_CURSOR_H

#include "schema/core/hm_bytes.h"

#define DOOR_CURSOR_TOLD 64 /* ids of alerts without a record; the oldest go first */

struct door_cursor {
    uint64_t next;                   /* records below it were delivered, or were not asked for */
    uint64_t alerts_next;            /* so were alerts that records below it raised */
    char told[DOOR_CURSOR_TOLD][17]; /* alerts without a record */
    size_t told_count;
};
/* HM_E_NOT_FOUND: there is none yet. HM_E_MALFORMED, HM_E_IO. */
enum hm_err HM_MUST_USE door_cursor_read(const char *path, struct door_cursor *out,
                                         struct hm_why *why);
enum hm_err HM_MUST_USE door_cursor_write(const char *path, const struct door_cursor *c,
                                          struct hm_why *why);
bool door_cursor_was_told(const struct door_cursor *c, const char *id);
void door_cursor_tell(struct door_cursor *c, const char *id);

#endif
