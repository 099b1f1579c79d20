#include "client/cli_settings.h"

#include "client/cli_env.h"
#include "schema/core/hm_text.h"
#include "schema/io/hm_file.h"
#include "schema/json/hm_json.h"

#include <stdio.h>
#include <string.h>

enum setting_kind { SETTING_TEXT, SETTING_PATH, SETTING_FILE_LINE };

/* Every text setting: its member, its option, where it goes. */
static const struct setting {
    const char *member;
    const char *option;
    enum setting_kind kind;
    size_t at;
    size_t size;
} settings[] = {
#define AT(field) offsetof(struct cli_settings, field), sizeof((struct cli_settings *)0)->field
    {"server", "server", SETTING_TEXT, AT(server)},
    {"ca", "ca", SETTING_PATH, AT(ca)},
    {"certificate", "certificate", SETTING_PATH, AT(certificate)},
    {"key", "certificate-key", SETTING_PATH, AT(key)},
    {"log_key", "log-key", SETTING_TEXT, AT(log_key)},
    {"log_key_file", "log-key-file", SETTING_FILE_LINE, AT(log_key)},
    {"origin", "origin", SETTING_TEXT, AT(origin)},
    {"ssh_key", "ssh-key", SETTING_PATH, AT(ssh_key)},
    {"oidc_token_file", "oidc-token-file", SETTING_PATH, AT(oidc_token_file)},
    {"approval_key", "approval-key", SETTING_PATH, AT(approval_key)},
    {"approval_agent", "approval-agent", SETTING_TEXT, AT(approval_agent)},
    {"policy", "policy", SETTING_PATH, AT(policy)},
    {"vendor_domain", "vendor-domain", SETTING_TEXT, AT(vendor_domain)},
    {"trust_store", "trust-store", SETTING_PATH, AT(trust_store)},
    {"state_dir", "state-dir", SETTING_PATH, AT(state_dir)},
#undef AT
};
#define SETTING_COUNT (sizeof settings / sizeof settings[0])

const struct cli_opt cli_settings_opts[] = {
    {"config", "FILE", "settings file", false},
    {"server", "URL", "https://host[:port]", false},
    {"ca", "FILE", "CA certificates that the server's certificate must come from", false},
    {"certificate", "FILE", "client certificate (PEM)", false},
    {"certificate-key", "FILE", "its private key (setting `key`)", false},
    {"log-key", "VKEY", "verifier key line of the log", false},
    {"log-key-file", "FILE", "the same, in a file", false},
    {"origin", "ORIGIN", "origin of the log; must be the log key's name", false},
    {"ssh-key", "FILE", "SSH key that signs requests in place of the certificate's", false},
    {"oidc-token-file", "FILE", "a token of the CI system in place of certificate and signature",
     false},
    {"oidc-github", NULL, "the same, from GitHub Actions (permissions: id-token: write)", false},
    {"approval-key", "FILE", "private key that signs approvals", false},
    {"approval-agent", "FINGERPRINT", "key in the SSH agent that signs approvals, or any", false},
    {"policy", "FILE", "a pinned copy of the policy document", false},
    {"vendor-domain", "DOMAIN", "the vendor that manifests must name", false},
    {"trust-store", "FILE", "a trust store whose root keys are believed", false},
    {"root-key", "ID", "key id of a root key that is believed", true},
    {"state-dir", "DIR", "where the last checkpoint is kept", false},
    {"timeout", "SECONDS", "longest wait for one answer", false},
    {"retries", "N", "further tries when the server is unavailable", false},
    {NULL, NULL, NULL, false},
};

/* A path that stands in the settings file: relative ones begin at its folder. */
static enum hm_err put_path(char *out, size_t size, const char *value, const char *file)
{
    const char *slash = file != NULL ? strrchr(file, '/') : NULL;
    int n;
    if (value[0] == '/' || slash == NULL)
        n = snprintf(out, size, "%s", value);
    else
        n = snprintf(out, size, "%.*s/%s", (int)(slash - file), file, value);
    return n >= 0 && (size_t)n < size ? HM_OK : HM_E_LIMIT;
}

static enum hm_err put_line(char *out, size_t size, const char *value, const char *file,
                            struct hm_why *why)
{
    char path[CLI_PATH_MAX];
    HM_BUF_AUTO text = {.limit = size};
    if (put_path(path, sizeof path, value, file) != HM_OK)
        return hm_fail(why, HM_E_CONFIG, "path too long");
    enum hm_err err = hm_file_read(path, size - 1, &text, why);
    if (err != HM_OK)
        return HM_E_CONFIG;
    size_t len = text.len;
    if (len > 0 && text.data[len - 1] == '\n')
        len--;
    if (len == 0 || memchr(text.data, '\n', len) != NULL || memchr(text.data, 0, len) != NULL)
        return hm_fail(why, HM_E_CONFIG, "%s: expected exactly one line", path);
    memcpy(out, text.data, len);
    out[len] = '\0';
    return HM_OK;
}

static enum hm_err put(struct cli_settings *s, const struct setting *d, const char *value,
                       const char *file, struct hm_why *why)
{
    char *out = (char *)s + d->at;
    if (value[0] == '\0')
        return hm_fail(why, HM_E_CONFIG, "expected a value that is not empty");
    if (d->kind == SETTING_FILE_LINE)
        return put_line(out, d->size, value, file, why);
    enum hm_err err = d->kind == SETTING_PATH ? put_path(out, d->size, value, file)
                                              : put_path(out, d->size, value, NULL);
    if (err != HM_OK)
        return hm_fail(why, HM_E_CONFIG, "longer than %zu bytes", d->size - 1);
    return HM_OK;
}

static enum hm_err check_server(struct cli_settings *s, struct hm_why *why)
{
    size_t len = strlen(s->server);
    if (len > 0 && s->server[len - 1] == '/')
        s->server[--len] = '\0';
    const char *host = s->server + 8;
    if (len > 0 && (strncmp(s->server, "https://", 8) != 0 || !hm_uri_ok(s->server) ||
                    host[0] == '\0' || strpbrk(host, "/?#@") != NULL))
        return hm_fail(why, HM_E_CONFIG, "server '%.120s': expected https://host[:port]",
                       s->server);
    return HM_OK;
}

static enum hm_err add_root_key(struct cli_settings *s, const char *text, struct hm_why *why)
{
    uint8_t id[HM_SHA256_LEN];
    struct hm_bytes hex = hm_bytes_str(text);
    if (hm_unhex(hex, id, 32) != HM_OK && hm_unhex(hex, id, 16) != HM_OK)
        return hm_fail(why, HM_E_CONFIG,
                       "root key '%.70s': expected a key id of 64 or 32 lower-case hex digits",
                       text);
    if (s->root_key_count == CLI_ROOT_KEYS_MAX)
        return hm_fail(why, HM_E_CONFIG, "more than %d root keys", CLI_ROOT_KEYS_MAX);
    memcpy(s->root_keys[s->root_key_count++], text, hex.len + 1);
    return HM_OK;
}

static void read_root_keys(struct hm_json_in *in, struct cli_settings *s, struct hm_why *why)
{
    const json_t *list = hm_json_array_or_null(in, "root_keys", CLI_ROOT_KEYS_MAX);
    for (size_t i = 0; in->err == HM_OK && list != NULL && i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        struct hm_why local;
        if (text == NULL || add_root_key(s, text, &local) != HM_OK)
            hm_json_bad(in, HM_E_CONFIG, "root_keys",
                        "entry %zu: expected a key id of 64 or 32 lower-case hex digits", i);
    }
    (void)why;
}

static void read_members(struct hm_json_in *in, const char *file, struct cli_settings *s,
                         struct hm_why *why)
{
    bool log_key = hm_json_has(in, "log_key");
    if (log_key && hm_json_has(in, "log_key_file"))
        hm_json_bad(in, HM_E_CONFIG, "log_key_file", "expected only one of it and log_key");
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const char *value = hm_json_str_or(in, settings[i].member, NULL);
        struct hm_why local = {""};
        if (value != NULL && in->err == HM_OK && put(s, &settings[i], value, file, &local) != HM_OK)
            hm_json_bad(in, HM_E_CONFIG, settings[i].member, "%.300s", local.text);
    }
    read_root_keys(in, s, why);
    s->oidc_github = hm_json_bool_or(in, "oidc_github", s->oidc_github);
    s->timeout_s = hm_json_uint_or(in, "timeout_s", 1, 3600, s->timeout_s);
    s->retries = hm_json_uint_or(in, "retries", 0, 100, s->retries);
}

enum hm_err cli_settings_read(struct hm_bytes text, const char *file, struct cli_settings *out,
                              struct hm_why *why)
{
    struct cli_settings s = *out;
    HM_JSON_AUTO *doc = NULL;
    enum hm_err err = hm_json_parse(text, HM_JSON_OURS(HM_CONFIG_MAX), &doc, why);
    if (err != HM_OK) {
        (void)hm_fail_in(why, err, "%s", file);
        return HM_E_CONFIG;
    }
    struct hm_json_in in;
    hm_json_begin(&in, doc, "$", why);
    read_members(&in, file, &s, why);
    if (hm_json_end(&in) != HM_OK) {
        hm_json_locate(why, file, text);
        return HM_E_CONFIG;
    }
    if (check_server(&s, why) != HM_OK)
        return hm_fail_in(why, HM_E_CONFIG, "%s", file);
    (void)snprintf(s.file, sizeof s.file, "%s", file);
    *out = s;
    return HM_OK;
}

/* Where settings are looked for; *must tells whether a missing file is an error. */
static bool settings_path(const struct cli_args *args, char *out, size_t size, bool *must)
{
    const char *given = cli_args_get(args, "config");
    if (given == NULL)
        given = cli_env("HALLMARK_CONFIG");
    const char *home = cli_env("HOME");
    *must = given != NULL;
    int n = -1;
    if (given != NULL)
        n = snprintf(out, size, "%s%s", strchr(given, '/') == NULL ? "./" : "", given);
    else if (home != NULL && home[0] == '/')
        n = snprintf(out, size, "%s/.config/hallmark/config.json", home);
    return n > 0 && (size_t)n < size;
}

static enum hm_err load_file(const struct cli_args *args, struct cli_settings *s,
                             struct hm_why *why)
{
    char path[CLI_PATH_MAX];
    bool must;
    if (!settings_path(args, path, sizeof path, &must))
        return must ? hm_fail(why, HM_E_CONFIG, "--config: path too long") : HM_OK;
    HM_BUF_AUTO text = {.limit = HM_CONFIG_MAX + 1};
    enum hm_err err = hm_file_read(path, HM_CONFIG_MAX, &text, why);
    if (err == HM_E_NOT_FOUND && !must)
        return HM_OK;
    if (err != HM_OK)
        return err == HM_E_NOT_FOUND ? HM_E_CONFIG : err;
    return cli_settings_read(hm_buf_bytes(&text), path, s, why);
}

static enum hm_err apply_options(const struct cli_args *args, struct cli_settings *s,
                                 struct hm_why *why)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const char *value = cli_args_get(args, settings[i].option);
        if (value != NULL && put(s, &settings[i], value, NULL, why) != HM_OK)
            return hm_fail_in(why, HM_E_CONFIG, "--%s", settings[i].option);
    }
    if (cli_args_has(args, "log-key") && cli_args_has(args, "log-key-file"))
        return hm_fail(why, HM_E_CONFIG, "--log-key and --log-key-file exclude each other");
    if (cli_args_has(args, "root-key"))
        s->root_key_count = 0;
    const char *id;
    for (size_t i = 0; (id = cli_args_at(args, "root-key", i)) != NULL; i++)
        if (add_root_key(s, id, why) != HM_OK)
            return HM_E_CONFIG;
    s->oidc_github = s->oidc_github || cli_args_has(args, "oidc-github");
    if (s->oidc_github && s->oidc_token_file[0] != '\0')
        return hm_fail(why, HM_E_CONFIG, "expected one of oidc-github and oidc-token-file");
    enum hm_err err = cli_args_uint(args, "timeout", 1, 3600, s->timeout_s, &s->timeout_s, why);
    if (err == HM_OK)
        err = cli_args_uint(args, "retries", 0, 100, s->retries, &s->retries, why);
    return err == HM_OK ? check_server(s, why) : err;
}

static void default_state_dir(struct cli_settings *s)
{
    const char *state = cli_env("XDG_STATE_HOME");
    const char *home = cli_env("HOME");
    if (s->state_dir[0] != '\0')
        return;
    if (state != NULL && state[0] == '/')
        (void)snprintf(s->state_dir, sizeof s->state_dir, "%s/hallmark", state);
    else if (home != NULL && home[0] == '/')
        (void)snprintf(s->state_dir, sizeof s->state_dir, "%s/.local/state/hallmark", home);
}

enum hm_err cli_settings_load(const struct cli_args *args, struct cli_settings *out,
                              struct hm_why *why)
{
    struct cli_settings s = {.timeout_s = 60, .retries = 2};
    enum hm_err err = load_file(args, &s, why);
    if (err == HM_OK)
        err = apply_options(args, &s, why);
    if (err != HM_OK)
        return err;
    default_state_dir(&s);
    *out = s;
    return HM_OK;
}

enum hm_err cli_settings_log_key(const struct cli_settings *s, struct hm_vkey *out,
                                 struct hm_why *why)
{
    struct hm_vkey v;
    if (s->log_key[0] == '\0')
        return hm_fail(why, HM_E_CONFIG,
                       "no log key is pinned: without it no answer of the server can be checked");
    if (hm_vkey_parse(hm_bytes_str(s->log_key), &v, why) != HM_OK)
        return hm_fail_in(why, HM_E_CONFIG, "log_key");
    if (s->origin[0] != '\0' && strcmp(s->origin, v.name) != 0)
        return hm_fail(why, HM_E_CONFIG, "origin '%s' is not the log key's name '%s'", s->origin,
                       v.name);
    *out = v;
    return HM_OK;
}
