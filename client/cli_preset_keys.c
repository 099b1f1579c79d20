/* Public keys out of the files that people have: OpenSSH .pub, PEM. */
#include "client/cli_policy.h"
#include "client/cli_preset.h"
#include "schema/key/hm_key.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define KEY_FILE_MAX ((size_t)64 * 1024)

bool cli_preset_given(const struct cli *c, const char *option, size_t i,
                      struct cli_preset_given *out)
{
    const char *text = cli_args_at(&c->args, option, i);
    if (text == NULL)
        return false;
    const char *equals = strrchr(text, '=');
    size_t n = equals != NULL ? (size_t)(equals - text) : strlen(text);
    if (n >= sizeof out->id)
        n = sizeof out->id - 1; /* too long for any id: the loader says so */
    memcpy(out->id, text, n);
    out->id[n] = '\0';
    out->file = equals != NULL ? equals + 1 : NULL;
    return true;
}

json_t *cli_preset_no_key(const char *member, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return json_pack("{s:s+}", member, CLI_POLICY_FILL_IN, text);
}

static enum hm_err add_line(const char *line, json_t *list, struct hm_why *why)
{
    struct hm_key key;
    enum hm_err err = hm_key_from_ssh_line(line, &key, why);
    if (err == HM_OK && json_array_append_new(list, json_pack("{s:s}", "ssh", line)) != 0)
        err = hm_fail(why, HM_E_MALFORMED, "expected UTF-8");
    return err;
}

static enum hm_err add_lines(const char *text, json_t *list, struct hm_why *why)
{
    enum hm_err err = HM_OK;
    while (err == HM_OK && *text != '\0') {
        char line[2048];
        size_t n = strcspn(text, "\r\n");
        if (n >= sizeof line)
            return hm_fail(why, HM_E_LIMIT, "a line of more than %zu bytes", sizeof line - 1);
        memcpy(line, text, n);
        line[n] = '\0';
        if (n > 0 && line[0] != '#')
            err = add_line(line, list, why);
        text += n + (text[n] != '\0');
    }
    return err;
}

static enum hm_err add_file(const char *text, json_t *list, struct hm_why *why)
{
    struct hm_key key;
    size_t before = json_array_size(list);
    if (strstr(text, "PRIVATE KEY-----") != NULL)
        return hm_fail(why, HM_E_DENIED, "this is a private key; expected the public one");
    if (strncmp(text, "-----BEGIN", 10) != 0) {
        enum hm_err err = add_lines(text, list, why);
        return err == HM_OK && json_array_size(list) == before
                   ? hm_fail(why, HM_E_MALFORMED, "expected a public key")
                   : err;
    }
    enum hm_err err = hm_key_from_pem(hm_bytes_str(text), &key, why);
    if (err != HM_OK)
        return err;
    HM_BUF_AUTO pem = {.limit = KEY_FILE_MAX};
    hm_key_pem(&key, &pem);
    const char *clean = hm_buf_str(&pem);
    if (clean == NULL || json_array_append_new(list, json_pack("{s:s}", "pem", clean)) != 0)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    return HM_OK;
}

enum hm_err cli_preset_keys(struct cli *c, const char *file, json_t *list)
{
    HM_BUF_AUTO text = {.limit = KEY_FILE_MAX + 1};
    enum hm_err err = cli_read(file, KEY_FILE_MAX, &text, &c->why);
    if (err != HM_OK)
        return err;
    const char *s = hm_buf_str(&text);
    if (s == NULL || strlen(s) != text.len)
        return hm_fail(&c->why, HM_E_MALFORMED, "%.200s: expected text", file);
    err = add_file(s, list, &c->why);
    return err == HM_OK ? HM_OK : hm_fail_in(&c->why, err, "%.200s", file);
}
