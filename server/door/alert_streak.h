/* Refusals in a row, by subject (an actor, a product). Pure. */
#ifndef SERVER_DOOR_ALERT_STREAK_H
#define SERVER_DOOR_ALERT_STREAK_H

#include "server/door/alert.h"

#define ALERT_STREAKS_MAX 1024 /* subjects watched; beyond it the one that rested longest goes */

struct alert_streaks;
struct alert_streaks *
alert_streaks_new(const struct alert_config *c); /* borrowed; NULL: no memory */
void alert_streaks_free(struct alert_streaks *s);

/* `count` refusals in the record idx. Returns how many there are in a row now; idxs gets the
 * indexes of the newest records with one, oldest first. */
uint64_t alert_streaks_refused(struct alert_streaks *s, const char *subject, uint64_t t_ms,
                               uint64_t idx, uint64_t count, uint64_t idxs[static ALERT_INDEXES],
                               size_t *idx_count);
/* Something of this subject was accepted: the row ends. */
void alert_streaks_accepted(struct alert_streaks *s, const char *subject);

#endif
