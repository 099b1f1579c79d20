/* The SSH agent (draft-ietf-sshm-ssh-agent), spoken directly over $SSH_AUTH_SOCK: list keys, sign.
 * The agent may be a forwarded one: what it returns is verified like everything else. Thread: main.
 */
#ifndef CLIENT_CLI_AGENT_H
#define CLIENT_CLI_AGENT_H

#include "schema/core/hm_bytes.h"
#include "schema/key/hm_key.h"

#define CLI_AGENT_KEYS_MAX 64
#define CLI_FINGERPRINT_MAX 52 /* "SHA256:" and 43 characters, NUL */

struct cli_agent_key {
    struct hm_buf blob;
    struct hm_key key;
    char comment[128];
};
struct cli_agent {
    int fd;
    struct cli_agent_key keys[CLI_AGENT_KEYS_MAX]; /* those that Hallmark can use */
    size_t count;
};

/* Connects and lists. HM_E_UNAVAILABLE (no agent), HM_E_MALFORMED. */
enum hm_err HM_MUST_USE cli_agent_open(const char *socket_path, struct cli_agent **out,
                                       struct hm_why *why);
void cli_agent_close(struct cli_agent *a); /* NULL allowed */
void cli_agent_close_ptr(struct cli_agent **a);
#define CLI_AGENT_AUTO __attribute__((cleanup(cli_agent_close_ptr))) struct cli_agent
/* The key with this fingerprint ("SHA256:…"); NULL or "any": the only usable key. HM_E_NOT_FOUND
 * with the fingerprints that are there. */
enum hm_err HM_MUST_USE cli_agent_find(const struct cli_agent *a, const char *fingerprint,
                                       const struct cli_agent_key **out, struct hm_why *why);
/* SSH signature blob over data, appended. A security key may want to be touched meanwhile. */
enum hm_err HM_MUST_USE cli_agent_sign(struct cli_agent *a, const struct cli_agent_key *key,
                                       struct hm_bytes data, struct hm_buf *out,
                                       struct hm_why *why);
/* Fingerprint of a key blob as ssh-keygen -l shows it. */
void cli_fingerprint(struct hm_bytes blob, char out[static CLI_FINGERPRINT_MAX]);

#endif
