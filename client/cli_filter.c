#include "client/cli_filter.h"

#include "client/cli_http.h"
#include "client/cli_roster.h"
#include "client/cli_when.h"
#include "schema/attest/hm_decision.h"
#include "schema/core/hm_text.h"
#include "schema/core/hm_time.h"
#include "schema/io/hm_clock.h"
#include "schema/io/hm_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- options ---- */

static enum hm_err take_time(struct cli *c, const char *name, int64_t now_s, uint64_t *ms)
{
    const char *text = cli_args_get(&c->args, name);
    int64_t s = 0;
    if (text == NULL)
        return HM_OK;
    enum hm_err err = cli_when_parse(name, text, now_s, &s, &c->why);
    if (err == HM_OK)
        *ms = (uint64_t)s * 1000;
    return err;
}

enum hm_err cli_filter_period(struct cli *c, int64_t now_s, struct cli_filter *out)
{
    enum hm_err err = take_time(c, "since", now_s, &out->since_ms);
    if (err == HM_OK)
        err = take_time(c, "until", now_s, &out->until_ms);
    if (err == HM_OK && out->until_ms > 0 && out->since_ms >= out->until_ms)
        return hm_fail(&c->why, HM_E_CONFIG, "--since is not before --until: nothing lies between");
    return err;
}

static enum hm_err take_name(struct cli *c, const char *option, const char **out)
{
    const char *text = cli_args_get(&c->args, option);
    if (text != NULL && !hm_name_ok(text))
        return hm_fail(&c->why, HM_E_CONFIG, "--%s: '%.80s': expected a name", option, text);
    *out = text;
    return HM_OK;
}

static enum hm_err take_names(struct cli *c, struct cli_filter *f)
{
    const struct {
        const char *option;
        const char **to;
    } names[] = {{"product", &f->product}, {"version", &f->version},
                 {"channel", &f->channel}, {"environment", &f->environment},
                 {"actor", &f->actor},     {"outcome", &f->outcome}};
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < sizeof names / sizeof names[0]; i++)
        err = take_name(c, names[i].option, names[i].to);
    return err;
}

static enum hm_err hash_file(struct cli *c, const char *path, struct hm_digest *out)
{
    uint8_t block[65536];
    FILE *in = fopen(path, "re");
    if (in == NULL)
        return hm_fail(&c->why, HM_E_CONFIG,
                       "'%.200s': neither 64 hex digits of a SHA-256 nor a file that can be read",
                       path);
    struct hm_sha256_ctx *h = hm_sha256_new();
    size_t n;
    while ((n = fread(block, 1, sizeof block, in)) > 0)
        hm_sha256_add(h, block, n);
    bool failed = ferror(in) != 0;
    *out = hm_sha256_end(h);
    hm_sha256_free(h);
    (void)fclose(in);
    return failed ? hm_fail(&c->why, HM_E_IO, "%.200s: cannot read", path) : HM_OK;
}

enum hm_err cli_artifact_digest(struct cli *c, const char *text, struct hm_digest *out)
{
    const char *hex = strncmp(text, "sha256:", 7) == 0 ? text + 7 : text;
    if (hm_digest_unhex(hm_bytes_str(hex), out) == HM_OK)
        return HM_OK;
    if (hex != text)
        return hm_fail(&c->why, HM_E_CONFIG, "'%.80s': expected sha256: and 64 hex digits", text);
    return hash_file(c, text, out);
}

/* The log's own key comes as a verifier key line. */
static bool read_vkey(const char *path, struct hm_digest *out)
{
    struct hm_vkey v;
    HM_BUF_AUTO line = {.limit = 1024};
    if (hm_file_read(path, 1000, &line, NULL) != HM_OK)
        return false;
    while (line.len > 0 && line.data[line.len - 1] == '\n')
        line.len--;
    if (hm_vkey_parse(hm_buf_bytes(&line), &v, NULL) != HM_OK)
        return false;
    *out = hm_key_id(&v.key);
    return true;
}

enum hm_err cli_key_digest(struct cli *c, const char *text, struct hm_digest *out)
{
    struct hm_key key;
    if (hm_digest_unhex(hm_bytes_str(text), out) == HM_OK || read_vkey(text, out))
        return HM_OK;
    enum hm_err err = cli_roster_key(c, text, &key);
    if (err != HM_OK) {
        cli_next(c, "hallmark policy show lists people and release keys with their key ids");
        return hm_fail_in(&c->why, err, "no key id of 64 hex digits, and no key");
    }
    *out = hm_key_id(&key);
    return HM_OK;
}

static enum hm_err take_digests(struct cli *c, struct cli_filter *f)
{
    const char *artifact = cli_args_get(&c->args, "artifact");
    const char *key = cli_args_get(&c->args, "key");
    enum hm_err err = HM_OK;
    f->has_artifact = artifact != NULL;
    f->has_key = key != NULL;
    if (artifact != NULL)
        err = cli_artifact_digest(c, artifact, &f->artifact);
    if (err != HM_OK)
        return hm_fail_in(&c->why, err, "--artifact");
    if (key != NULL)
        err = cli_key_digest(c, key, &f->key);
    return err == HM_OK ? HM_OK : hm_fail_in(&c->why, err, "--key");
}

enum hm_err cli_filter_take(struct cli *c, struct cli_filter *out)
{
    struct cli_filter f = {.event = HM_EV_NONE};
    const char *event = cli_args_get(&c->args, "event");
    const char *release = cli_args_get(&c->args, "release");
    f.has_after = cli_args_has(&c->args, "after");
    f.has_release = release != NULL;
    enum hm_err err = cli_filter_period(c, hm_clock_unix_s(), &f);
    if (err == HM_OK)
        err = take_names(c, &f);
    if (err == HM_OK)
        err = cli_args_uint(&c->args, "after", 0, HM_NUMBER_MAX, 0, &f.after, &c->why);
    if (err != HM_OK)
        return err;
    if (event != NULL && (f.event = hm_event_parse(hm_bytes_str(event))) == HM_EV_NONE)
        return hm_fail(&c->why, HM_E_CONFIG, "--event: '%.40s': there is no such event", event);
    if (release != NULL && hm_release_id_parse(release, &f.release) != HM_OK)
        return hm_fail(&c->why, HM_E_CONFIG, "--release: '%.40s': expected an id like r17",
                       release);
    err = take_digests(c, &f);
    if (err == HM_OK)
        *out = f;
    return err;
}

/* ---- records ---- */

bool cli_filter_is_range(const struct cli_filter *f)
{
    return f->event == HM_EV_NONE && f->product == NULL && f->version == NULL &&
           f->channel == NULL && f->environment == NULL && f->actor == NULL && f->outcome == NULL &&
           !f->has_release && !f->has_artifact && !f->has_key;
}

static bool fits_names(const struct cli_filter *f, const struct hm_record *r)
{
    const struct {
        const char *asked, *found;
    } names[] = {{f->product, r->product}, {f->version, r->version},
                 {f->channel, r->channel}, {f->environment, r->environment},
                 {f->actor, r->actor},     {f->outcome, r->outcome}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].asked != NULL && strcmp(names[i].asked, names[i].found) != 0)
            return false;
    return true;
}

static bool has_artifact(const struct hm_record *r, const struct hm_digest *artifact)
{
    for (size_t i = 0; i < r->artifact_count; i++)
        if (hm_digest_eq(&r->artifacts[i], artifact))
            return true;
    return false;
}

static bool has_key(const struct hm_record *r, const struct hm_digest *key)
{
    for (size_t i = 0; i < r->key_count; i++)
        if (hm_digest_eq(&r->keys[i].spki, key))
            return true;
    return (r->has_guard && hm_digest_eq(&r->guard, key)) ||
           (r->has_approver_key && hm_digest_eq(&r->approver_key, key));
}

static bool fits_place(const struct cli_filter *f, const struct hm_record *r)
{
    if (f->has_after && (f->descending ? r->idx >= f->after : r->idx <= f->after))
        return false;
    return r->t_ms >= f->since_ms && (f->until_ms == 0 || r->t_ms < f->until_ms);
}

bool cli_filter_fits(const struct cli_filter *f, const struct hm_record *r)
{
    return fits_place(f, r) && (f->event == HM_EV_NONE || f->event == r->event) &&
           fits_names(f, r) && (!f->has_release || (r->has_release && r->release == f->release)) &&
           (!f->has_artifact || has_artifact(r, &f->artifact)) &&
           (!f->has_key || has_key(r, &f->key));
}

/* ---- the question to the server ---- */

static void add_time(struct hm_buf *path, const char *name, uint64_t ms)
{
    char text[HM_TIME_TEXT];
    if (ms == 0)
        return;
    hm_time_format((int64_t)(ms / 1000), text);
    cli_query_add(path, name, text);
}

static void add_digest(struct hm_buf *path, const char *name, const struct hm_digest *d)
{
    char hex[HM_SHA256_HEX];
    hm_digest_hex(d, hex);
    cli_query_add(path, name, hex);
}

enum hm_err cli_filter_path(const struct cli_filter *f, struct hm_buf *path, struct hm_why *why)
{
    char number[24];
    hm_buf_puts(path, "/v1/log/entries");
    cli_query_add(path, "order", f->descending ? "desc" : "asc");
    cli_query_add(path, "event", f->event != HM_EV_NONE ? hm_event_name(f->event) : NULL);
    cli_query_add(path, "product", f->product);
    cli_query_add(path, "version", f->version);
    cli_query_add(path, "channel", f->channel);
    cli_query_add(path, "environment", f->environment);
    cli_query_add(path, "actor", f->actor);
    cli_query_add(path, "outcome", f->outcome);
    (void)snprintf(number, sizeof number, "r%" PRIu64, f->release);
    cli_query_add(path, "release", f->has_release ? number : NULL);
    if (f->has_artifact)
        add_digest(path, "artifact", &f->artifact);
    if (f->has_key)
        add_digest(path, "key", &f->key);
    add_time(path, "since", f->since_ms);
    add_time(path, "until", f->until_ms);
    /* Last: cli_entries puts its own cursor in its place. */
    (void)snprintf(number, sizeof number, "%" PRIu64, f->after);
    cli_query_add(path, "after", f->has_after ? number : NULL);
    return hm_buf_str(path) != NULL ? HM_OK : hm_fail(why, HM_E_CONFIG, "the filters are too long");
}
