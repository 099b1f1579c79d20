/* Who may approve for a release key, as the log proves it: the guards document of record 0, and the
 * newest list that its roster keys signed. Thread: main. */
#ifndef CLIENT_CLI_ROSTER_H
#define CLIENT_CLI_ROSTER_H

#include "client/cli.h"
#include "schema/trust/hm_roster_rules.h"

struct cli_roster {
    char origin[HM_ORIGIN_MAX + 1];
    struct hm_guards guards;
    struct hm_digest guards_sha256;
    const struct hm_guard *guard; /* in guards */
    struct hm_roster_now now;
    struct hm_roster held; /* the list that holds; serial 0: the guard's own */
    uint64_t record;       /* roster.changed, where serial > 0 */
};
struct cli_roster *cli_roster_new(void); /* NULL without memory */
void cli_roster_free(struct cli_roster **r);
#define CLI_ROSTER_AUTO __attribute__((cleanup(cli_roster_free))) struct cli_roster

/* name: a release key of the policy in force by its id, or a key id of 64 hex digits. */
enum hm_err HM_MUST_USE cli_roster_load(struct cli *c, const char *name, struct cli_roster *out);
/* A guards document that a record names, under the pinned log key: so its own root is the one to
 * hold it against. The signer believes only the root of its configuration. Caller
 * hm_guards_free()s. */
enum hm_err HM_MUST_USE cli_guards_open(struct hm_bytes document, struct hm_guards *out,
                                        struct hm_why *why);
/* A key given as an authorized_keys line or as a file that holds one (or a PEM public key). */
enum hm_err HM_MUST_USE cli_roster_key(struct cli *c, const char *text, struct hm_key *out);
/* "ssh-ed25519 AAAA…" */
void cli_roster_line(const struct hm_key *k, struct hm_buf *out);

#endif
