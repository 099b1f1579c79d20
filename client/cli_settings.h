/* Settings: a JSON file, overridden by options. Unknown members are errors; paths in the file are
 * taken from the file's own folder. schema/client-config.schema.json describes the file. */
#ifndef CLIENT_CLI_SETTINGS_H
#define CLIENT_CLI_SETTINGS_H

#include "client/cli_args.h"
#include "schema/core/hm_hash.h"
#include "schema/core/hm_limits.h"
#include "schema/log/hm_checkpoint.h"

#define CLI_PATH_MAX 4096
#define CLI_ROOT_KEYS_MAX 8

struct cli_settings {
    char file[CLI_PATH_MAX];     /* where they came from, "" if there was no file */
    char server[HM_URI_MAX + 1]; /* https://host[:port], without a trailing slash */
    char ca[CLI_PATH_MAX];
    char certificate[CLI_PATH_MAX];
    char key[CLI_PATH_MAX];
    char log_key[512]; /* verifier key line */
    char origin[HM_ORIGIN_MAX + 1];
    char ssh_key[CLI_PATH_MAX];         /* signs requests in place of the certificate's key */
    char oidc_token_file[CLI_PATH_MAX]; /* a token of the CI system */
    bool oidc_github;                   /* GitHub Actions gives one */
    char approval_key[CLI_PATH_MAX];    /* OpenSSH or PEM private key */
    char approval_agent[128];           /* fingerprint "SHA256:…", or "any" */
    char policy[CLI_PATH_MAX];          /* a pinned copy of the policy document */
    char vendor_domain[256];
    char trust_store[CLI_PATH_MAX];
    char root_keys[CLI_ROOT_KEYS_MAX][HM_SHA256_HEX]; /* key ids, or kids of 32 digits */
    size_t root_key_count;
    char state_dir[CLI_PATH_MAX];
    uint64_t timeout_s;
    uint64_t retries;
};

/* Options that stand for settings, in every command; ended by a NULL name. */
extern const struct cli_opt cli_settings_opts[];

/* Reads the file text (HM_CONFIG_MAX); `file` is for error texts and relative paths. HM_E_CONFIG
 * with FILE:LINE. */
enum hm_err HM_MUST_USE cli_settings_read(struct hm_bytes text, const char *file,
                                          struct cli_settings *out, struct hm_why *why);
/* --config, $HALLMARK_CONFIG or ~/.config/hallmark/config.json (the last may be missing), then the
 * options of the command line. HM_E_CONFIG, HM_E_IO. */
enum hm_err HM_MUST_USE cli_settings_load(const struct cli_args *args, struct cli_settings *out,
                                          struct hm_why *why);
/* The pinned log key; its name must be the configured origin where one is given. HM_E_CONFIG. */
enum hm_err HM_MUST_USE cli_settings_log_key(const struct cli_settings *s, struct hm_vkey *out,
                                             struct hm_why *why);

#endif
