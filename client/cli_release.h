/* The server's view of a release, and waiting for it to change. It is the server's word; records
 * with proof are what counts. */
#ifndef CLIENT_CLI_RELEASE_H
#define CLIENT_CLI_RELEASE_H

#include "client/cli.h"
#include "schema/log/hm_release_state.h"

#include <jansson.h>

struct cli_release {
    json_t *doc; /* owned */
    char etag[128];
    enum hm_release_state state;
};
void cli_release_free(struct cli_release *r);
#define CLI_RELEASE_AUTO __attribute__((cleanup(cli_release_free))) struct cli_release

/* etag NULL: at once; else waits up to 30 s for a change (304 leaves *out with doc NULL). */
enum hm_err HM_MUST_USE cli_release_get(struct cli *c, uint64_t id, const char *etag,
                                        struct cli_release *out);
/* Waits until the state is `target` or an end. HM_E_DENIED where it ended elsewhere, HM_E_TIMEOUT
 * after wait_s seconds. */
enum hm_err HM_MUST_USE cli_release_wait(struct cli *c, uint64_t id, enum hm_release_state target,
                                         unsigned wait_s, struct cli_release *out);
/* A text or number member as text, "-" where it is missing. */
void cli_release_text(const json_t *doc, const char *member, char *out, size_t size);

#endif
