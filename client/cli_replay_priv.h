/* What the files of the replay share. */
#ifndef CLIENT_CLI_REPLAY_PRIV_H
#define CLIENT_CLI_REPLAY_PRIV_H

#include "client/cli_replay.h"

/* The intention of a sign.intended record, and the result that belongs to one. */
enum hm_err HM_MUST_USE replay_intend(struct cli_replay *r, const struct hm_record *rec,
                                      struct cli_replay_release *release, struct hm_why *why);
enum hm_err HM_MUST_USE replay_result(struct cli_replay *r, const struct hm_record *rec,
                                      struct cli_replay_release *release, struct hm_why *why);

#endif
