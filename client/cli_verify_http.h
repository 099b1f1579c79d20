/* What hallmark log verify does with a server, and with one proof. Thread: main. */
#ifndef CLIENT_CLI_VERIFY_HTTP_H
#define CLIENT_CLI_VERIFY_HTTP_H

#include "client/cli.h"
#include "client/cli_entries.h"
#include "client/cli_verify.h"

/* Somebody who takes the records in the place of the replay and feeds it himself (--deep);
 * zeroed: nobody. */
struct cli_verify_http {
    cli_entry_fn record;
    void (*begin)(void *ctx, uint64_t size); /* before the first one; NULL allowed */
    void *ctx;
};
/* A replay that has begun; the caller frees it. in->seen is not looked at: the checkpoint that this
 * user has kept is, and the new one is kept. The text is in c->why. */
enum hm_err HM_MUST_USE cli_verify_http(struct cli *c, const struct cli_verify_input *in,
                                        struct cli_replay *replay, const struct cli_verify_http *h,
                                        struct cli_verify_sums *out, struct cli_fault *f);

struct cli_record;
/* A .tlog-proof file with its record in it. *out is the caller's to free where it is HM_OK. */
enum hm_err HM_MUST_USE cli_verify_proof(struct hm_bytes proof, const struct cli_verify_input *in,
                                         struct cli_record *out, size_t *cosigned,
                                         struct cli_fault *f, struct hm_why *why);

#endif
