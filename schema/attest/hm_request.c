/* Release requests, read. Pure; any thread. */
#include "schema/attest/hm_request.h"

#include "schema/attest/hm_lines_priv.h"
#include "schema/attest/hm_request_priv.h"
#include "schema/core/hm_text.h"
#include "schema/core/hm_time.h"
#include "schema/json/hm_json.h"

#include <stdlib.h>
#include <string.h>

/* One number; more digits than a uint32_t has fail. */
static bool take_number(const char **p, uint32_t *out)
{
    uint64_t v = 0;
    const char *start = *p;
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        v = v * 10 + (uint64_t)(**p - '0');
        if (v > UINT32_MAX)
            return false;
    }
    *out = (uint32_t)v;
    return *p != start;
}

enum hm_err hm_version_numbers(const char *version, uint32_t out[static 4], size_t *count)
{
    uint32_t v[4] = {0};
    size_t n = 0;
    const char *p = version;
    if (!hm_name_ok(version))
        return HM_E_MALFORMED;
    for (;;) {
        if (n == 4 || !take_number(&p, &v[n]))
            return HM_E_MALFORMED;
        n++;
        if (p[0] != '.' || p[1] < '0' || p[1] > '9')
            break;
        p++;
    }
    memcpy(out, v, sizeof v);
    *count = n;
    return HM_OK;
}

static void copy(char *out, const char *text)
{
    if (text != NULL)
        memcpy(out, text, strlen(text) + 1);
}

static void read_origin(struct hm_json_in *in, struct hm_request *r)
{
    const char *origin = hm_json_str(in, "origin");
    if (origin == NULL)
        return;
    if (hm_origin_ok(origin))
        copy(r->origin, origin);
    else
        hm_json_bad(in, HM_E_MALFORMED, "origin", "expected a log origin");
}

static void read_nonce(struct hm_json_in *in, struct hm_request *r)
{
    const char *nonce = hm_json_str(in, "nonce");
    if (nonce != NULL && hm_unhex(hm_bytes_str(nonce), r->nonce, sizeof r->nonce) != HM_OK)
        hm_json_bad(in, HM_E_MALFORMED, "nonce", "expected 32 hex digits");
}

/* Second 0 means "none" in struct hm_request, so it is no time that a request can name. */
static void parse_time(struct hm_json_in *in, const char *member, const char *text, int64_t *out)
{
    if (text != NULL && (hm_time_parse(hm_bytes_str(text), out) != HM_OK || *out == 0))
        hm_json_bad(in, HM_E_MALFORMED, member, "expected a time like 2026-11-21T01:02:03Z");
}

static void read_version(struct hm_json_in *in, struct hm_request *r)
{
    uint32_t numbers[4];
    size_t count;
    const char *version = hm_json_name(in, "version");
    if (version == NULL)
        return;
    if (hm_version_numbers(version, numbers, &count) == HM_OK)
        copy(r->version, version);
    else
        hm_json_bad(in, HM_E_MALFORMED, "version",
                    "expected to begin with 1 to 4 numbers, like 2.1.0");
}

static void read_at_least(struct hm_json_in *in, struct hm_request *r)
{
    const char *text = hm_json_str_or(in, "installed_at_least", NULL);
    if (text == NULL)
        return;
    /* The manifest can express numbers alone, so nothing may follow them. */
    size_t n = strlen(text);
    if (strspn(text, "0123456789.") != n || strstr(text, "..") != NULL ||
        (n > 0 && text[n - 1] == '.') ||
        hm_version_numbers(text, r->at_least, &r->at_least_count) != HM_OK)
        hm_json_bad(in, HM_E_MALFORMED, "installed_at_least",
                    "expected 1 to 4 numbers, like 2.0.0");
}

static void read_environment(struct hm_json_in *in, struct hm_request *r)
{
    const char *text = hm_json_str_or(in, "environment", NULL);
    r->environment = hm_environment(text);
    if (text != NULL && r->environment == NULL)
        hm_json_bad(in, HM_E_MALFORMED, "environment",
                    "expected \"development\", \"staging\" or \"production\"");
}

static void read_break_glass(struct hm_json_in *in, struct hm_request *r)
{
    const char *reason = hm_json_str_or(in, "break_glass", NULL);
    if (reason != NULL && !hm_lines_reason_ok(reason))
        hm_json_bad(in, HM_E_MALFORMED, "break_glass",
                    "expected a reason: 1 to %d bytes of printable text on one line",
                    HM_REASON_MAX);
    else
        copy(r->break_glass, reason);
}

static enum hm_err read_hardware(const json_t *item, const char *path, void *out,
                                 struct hm_why *why)
{
    struct hm_hardware *h = out;
    struct hm_json_in in;
    hm_json_begin(&in, item, path, why);
    copy(h->model, hm_json_name(&in, "model"));
    copy(h->revision, hm_json_name(&in, "revision"));
    return hm_json_end(&in);
}

static enum hm_err read_region(const json_t *item, const char *path, void *out, struct hm_why *why)
{
    const char *text = json_string_value(item);
    if (text == NULL || strlen(text) != json_string_length(item) || !hm_name_ok(text))
        return hm_fail(why, HM_E_MALFORMED, "%s: expected a name", path);
    copy(out, text);
    return HM_OK;
}

static enum hm_err read_dependency(const json_t *item, const char *path, void *out,
                                   struct hm_why *why)
{
    struct hm_dependency *d = out;
    struct hm_json_in in;
    hm_json_begin(&in, item, path, why);
    copy(d->product, hm_json_name(&in, "product"));
    copy(d->version, hm_json_name(&in, "version"));
    return hm_json_end(&in);
}

static enum hm_err read_attestation(const json_t *item, const char *path, void *out,
                                    struct hm_why *why)
{
    const char *text = json_string_value(item);
    if (text == NULL || hm_digest_unhex(hm_bytes_of(text, json_string_length(item)), out) != HM_OK)
        return hm_fail(why, HM_E_MALFORMED, "%s: expected 64 hex digits", path);
    return HM_OK;
}

static enum hm_err read_artifact(const json_t *item, const char *path, void *out,
                                 struct hm_why *why)
{
    struct hm_artifact *a = out;
    struct hm_json_in in;
    hm_json_begin(&in, item, path, why);
    copy(a->name, hm_json_name(&in, "name"));
    hm_json_digest(&in, "sha256", &a->digest);
    a->size = hm_json_uint(&in, "size", 1, HM_ARTIFACT_MAX);
    const char *uri = hm_json_str_or(&in, "uri", a->name);
    a->slot = -1;
    if (hm_json_has(&in, "slot"))
        a->slot = (int)hm_json_uint(&in, "slot", 0, HM_ARTIFACTS_MAX - 1);
    if (in.err == HM_OK && uri != NULL && !hm_uri_ok(uri))
        hm_json_bad(&in, HM_E_MALFORMED, "uri", "expected a URI of at most %d bytes", HM_URI_MAX);
    enum hm_err e = hm_json_end(&in);
    if (e == HM_OK)
        copy(a->uri, uri);
    return e;
}

typedef enum hm_err (*read_item)(const json_t *item, const char *path, void *out,
                                 struct hm_why *why);
struct list {
    const char *member;
    const json_t *array;
    read_item read;
    void *out;
    size_t item_size;
    size_t *count;
};

static enum hm_err read_list(const struct hm_json_in *in, const struct list *l, struct hm_why *why)
{
    size_t n = json_array_size(l->array);
    for (size_t i = 0; i < n; i++) {
        char path[160];
        hm_json_path(in, l->member, (long)i, path);
        enum hm_err e =
            l->read(json_array_get(l->array, i), path, (char *)l->out + i * l->item_size, why);
        if (e != HM_OK)
            return e;
    }
    *l->count = n;
    return HM_OK;
}

static void read_scalars(struct hm_json_in *in, struct hm_request *r)
{
    const char *type = hm_json_str(in, "type");
    if (type != NULL && strcmp(type, HM_REQUEST_TYPE) != 0)
        hm_json_bad(in, HM_E_MALFORMED, "type", "expected %s", HM_REQUEST_TYPE);
    read_origin(in, r);
    read_nonce(in, r);
    parse_time(in, "expires", hm_json_str(in, "expires"), &r->expires_s);
    copy(r->product, hm_json_name(in, "product"));
    read_version(in, r);
    copy(r->channel, hm_json_name(in, "channel"));
    parse_time(in, "use_before", hm_json_str_or(in, "use_before", NULL), &r->use_before_s);
    r->rollback_floor = hm_json_uint_or(in, "rollback_floor", 1, HM_REQUEST_UINT_MAX, 0);
    read_at_least(in, r);
    read_environment(in, r);
    read_break_glass(in, r);
}

#define LIST(name, array, read, field, count_field)                                                \
    {                                                                                              \
        name, array, read, r->field, sizeof r->field[0], &r->count_field                           \
    }

static enum hm_err read_request(const json_t *doc, struct hm_request *r, struct hm_why *why)
{
    struct hm_json_in in;
    hm_json_begin(&in, doc, "$", why);
    read_scalars(&in, r);
    const struct list lists[] = {
        LIST("hardware", hm_json_array(&in, "hardware", 1, HM_HARDWARE_MAX), read_hardware,
             hardware, hardware_count),
        LIST("regions", hm_json_array(&in, "regions", 1, HM_REGIONS_MAX), read_region, regions,
             region_count),
        LIST("dependencies", hm_json_array_or_null(&in, "dependencies", HM_DEPENDENCIES_MAX),
             read_dependency, dependencies, dependency_count),
        LIST("artifacts", hm_json_array(&in, "artifacts", 1, HM_ARTIFACTS_MAX), read_artifact,
             artifacts, artifact_count),
        LIST("attestations", hm_json_array(&in, "attestations", 0, HM_ATTESTATIONS_MAX),
             read_attestation, attestations, attestation_count),
    };
    enum hm_err e = hm_json_end(&in);
    for (size_t i = 0; e == HM_OK && i < sizeof lists / sizeof lists[0]; i++)
        e = read_list(&in, &lists[i], why);
    return e == HM_OK ? hm_request_check(r, why) : e;
}

enum hm_err hm_request_parse(struct hm_bytes json, struct hm_request *out, struct hm_why *why)
{
    HM_JSON_AUTO *doc = NULL;
    enum hm_err e = hm_json_parse(json, HM_JSON_OURS(HM_REQUEST_MAX), &doc, why);
    if (e != HM_OK)
        return e;
    struct hm_request *r = calloc(1, sizeof *r); /* 13 KiB: not for every thread's stack */
    if (r == NULL)
        return hm_fail(why, HM_E_MEMORY, "release request: out of memory");
    e = read_request(doc, r, why);
    if (e == HM_OK)
        *out = *r;
    free(r);
    return e;
}
