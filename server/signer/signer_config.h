/* hallmark-signer's configuration (schema/signer-config.schema.json). Unknown members are errors.
 */
#ifndef SERVER_SIGNER_SIGNER_CONFIG_H
#define SERVER_SIGNER_SIGNER_CONFIG_H

#include "schema/trust/hm_guards.h"

#define SIGNER_RELEASE_TOKENS_MAX 15 /* and one for the log */

struct signer_token {
    char *label;
    char *pin_file;
};

struct signer_config {
    char *socket;
    char *user;      /* "" = stay */
    char *peer_user; /* "" = the same user */
    char *state_dir;
    char *guards; /* path of the guards document */
    struct hm_root root;
    char *pkcs11_module;
    bool pkcs11_network; /* the module needs the network */
    struct signer_token log_token;
    char *log_key_label;
    struct signer_token release_tokens[SIGNER_RELEASE_TOKENS_MAX];
    size_t release_token_count;
    int64_t sign_timeout_ms;
};

/* HM_E_CONFIG with "FILE:LINE: $.member: ...". Caller signer_config_close()s. */
enum hm_err HM_MUST_USE signer_config_read(const char *path, struct signer_config *out,
                                           struct hm_why *why);
void signer_config_close(struct signer_config *c);

#endif
