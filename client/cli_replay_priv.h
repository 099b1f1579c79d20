/* What the files of the replay share. */
#ifndef CLIENT_CLI_REPLAY_PRIV_H
#define CLIENT_CLI_REPLAY_PRIV_H

#include "client/cli_replay.h"

/* Room for one more: the list, moved perhaps, or NULL without memory (the old one is still there).
 */
void *replay_grow(void *list, size_t count, size_t *cap, size_t one);
/* The intention of a sign.intended record, and the result that belongs to one. */
enum hm_err HM_MUST_USE replay_intend(struct cli_replay *r, const struct hm_record *rec,
                                      struct cli_replay_release *release, struct hm_why *why);
enum hm_err HM_MUST_USE replay_result(struct cli_replay *r, const struct hm_record *rec,
                                      struct cli_replay_release *release, struct hm_why *why);

#endif
