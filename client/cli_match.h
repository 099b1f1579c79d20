/* Which records a reader asked for, by the options that `log query` and `log follow` share. */
#ifndef CLIENT_CLI_MATCH_H
#define CLIENT_CLI_MATCH_H

#include "client/cli.h"
#include "schema/log/hm_record.h"

struct cli_match {
    enum hm_event event; /* NONE, and NULL below: any */
    const char *product, *version, *channel, *environment, *actor, *outcome;
    bool has_release, has_artifact, has_key;
    uint64_t release;
    struct hm_digest artifact, key;
};
/* From the command's options; texts are borrowed from them. HM_E_CONFIG names the option. */
enum hm_err HM_MUST_USE cli_match_read(struct cli *c, struct cli_match *out);
/* As the server's filters decide: every one that is given must fit. */
bool cli_match_record(const struct cli_match *m, const struct hm_record *r);

#endif
