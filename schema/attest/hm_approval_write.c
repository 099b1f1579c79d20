/* Approval statements, written. Pure; any thread. */
#include "schema/attest/hm_approval.h"

#include "schema/attest/hm_approval_priv.h"
#include "schema/attest/hm_unique_priv.h"
#include "schema/attest/hm_decision.h"
#include "schema/attest/hm_lines_priv.h"
#include "schema/core/hm_text.h"
#include "schema/core/hm_time.h"

#include <string.h>

#define TIME_MAX INT64_C(253402300799)

static void put_digest(struct hm_buf *out, const char *before, const struct hm_digest *d,
                       const char *after)
{
    char hex[HM_SHA256_HEX];
    hm_digest_hex(d, hex);
    hm_buf_printf(out, "%s%s%s", before, hex, after);
}

static const char *or_dash(const char *text)
{
    return text[0] != '\0' ? text : "-";
}

static void put_subject(const struct hm_approval *a, struct hm_buf *out)
{
    char release[24];
    hm_release_id(a->release, release);
    hm_buf_printf(out, "%s\norigin %s\n", HM_APPROVAL_TYPE, a->origin);
    put_digest(out, "submitted ", &a->submitted, "\n");
    hm_buf_printf(out, "release %s\nproduct %s\nversion %s\nchannel %s\nenvironment %s\n", release,
                  a->product, a->version, a->channel, a->environment);
    if (a->break_glass[0] != '\0')
        hm_buf_printf(out, "break-glass %s\n", a->break_glass);
    for (size_t i = 0; i < a->hardware_count; i++)
        hm_buf_printf(out, "hardware %s/%s\n", a->hardware[i].model, a->hardware[i].revision);
    for (size_t i = 0; i < a->region_count; i++)
        hm_buf_printf(out, "region %s\n", a->regions[i]);
    for (size_t i = 0; i < a->dependency_count; i++)
        hm_buf_printf(out, "dependency %s %s\n", a->dependencies[i].product,
                      a->dependencies[i].version);
    hm_buf_printf(out, "sequence %llu\n", (unsigned long long)a->sequence);
}

static void put_origin_of_bytes(const struct hm_approval *a, struct hm_buf *out)
{
    hm_buf_printf(out, "repository %s\nref %s\ncommit %s\nbuilder %s\n",
                  or_dash(a->source.repository), or_dash(a->source.ref), or_dash(a->source.commit),
                  or_dash(a->builder));
    for (size_t i = 0; i < a->artifact_count; i++) {
        put_digest(out, "artifact sha256:", &a->artifacts[i].digest, "");
        hm_buf_printf(out, " %llu %s\n", (unsigned long long)a->artifacts[i].size,
                      a->artifacts[i].name);
    }
}

static void put_signing(const struct hm_approval *a, struct hm_buf *out)
{
    char expires[HM_TIME_TEXT];
    put_digest(out, "manifest sha256:", &a->manifest, "\n");
    put_digest(out, "policy sha256:", &a->policy, "\n");
    for (size_t i = 0; i < a->sign_count; i++) {
        put_digest(out, "sign sha256:", &a->sign[i].key, "");
        hm_buf_printf(out, " %s", a->sign[i].mechanism);
        put_digest(out, " sha256:", &a->sign[i].tbs, "\n");
    }
    hm_time_format(a->expires_s, expires);
    hm_buf_printf(out, "expires %s\n", expires);
}

static bool counts_ok(const struct hm_approval *a)
{
    return a->hardware_count >= 1 && a->hardware_count <= HM_HARDWARE_MAX && a->region_count >= 1 &&
           a->region_count <= HM_REGIONS_MAX && a->dependency_count <= HM_DEPENDENCIES_MAX &&
           a->artifact_count >= 1 && a->artifact_count <= HM_ARTIFACTS_MAX && a->sign_count >= 1 &&
           a->sign_count <= HM_SIGN_KEYS_MAX;
}

static bool names_ok(const struct hm_approval *a)
{
    bool ok = hm_name_ok(a->product) && hm_name_ok(a->version) && hm_name_ok(a->channel) &&
              hm_name_ok(a->environment);
    for (size_t i = 0; i < a->hardware_count; i++)
        ok = ok && hm_name_ok(a->hardware[i].model) && hm_name_ok(a->hardware[i].revision);
    for (size_t i = 0; i < a->region_count; i++)
        ok = ok && hm_name_ok(a->regions[i]);
    for (size_t i = 0; i < a->dependency_count; i++)
        ok = ok && hm_name_ok(a->dependencies[i].product) && hm_name_ok(a->dependencies[i].version);
    for (size_t i = 0; i < a->artifact_count; i++)
        ok = ok && hm_name_ok(a->artifacts[i].name) && a->artifacts[i].size >= 1 &&
             a->artifacts[i].size <= HM_ARTIFACT_MAX;
    for (size_t i = 0; i < a->sign_count; i++)
        ok = ok && hm_approval_mechanism_ok(a->sign[i].mechanism);
    return ok;
}

/* The elements come zero-padded, from hm_approval_parse and from a request. */
static bool any_twice(const struct hm_approval *a)
{
    return hm_any_twice(a->hardware, sizeof a->hardware[0], sizeof a->hardware[0],
                        a->hardware_count) ||
           hm_any_twice(a->regions, sizeof a->regions[0], sizeof a->regions[0], a->region_count) ||
           hm_any_twice(a->dependencies, sizeof a->dependencies[0], sizeof a->dependencies[0],
                        a->dependency_count) ||
           hm_any_twice(a->artifacts, sizeof a->artifacts[0], sizeof a->artifacts[0].name,
                        a->artifact_count) ||
           hm_any_twice(a->sign, sizeof a->sign[0], sizeof a->sign[0].key, a->sign_count);
}

/* A value that is the dash itself would read as absent. */
static bool uri_or_empty(const char *text)
{
    return text[0] == '\0' || (hm_uri_ok(text) && strcmp(text, "-") != 0);
}

bool hm_approval_commit_ok(const char *text)
{
    uint8_t raw[32];
    size_t n = strnlen(text, 2 * sizeof raw + 1);
    return (n == 40 || n == 64) && hm_unhex(hm_bytes_of(text, n), raw, n / 2) == HM_OK;
}

bool hm_approval_mechanism_ok(const char *text)
{
    return strnlen(text, HM_MECHANISM_MAX + 1) <= HM_MECHANISM_MAX && hm_name_ok(text);
}

static const char *first_fault(const struct hm_approval *a)
{
    if (!counts_ok(a))
        return "a list has too many or too few elements";
    if (!hm_origin_ok(a->origin))
        return "bad origin";
    if (!names_ok(a))
        return "a name, size or mechanism is out of its range";
    /* Whoever counts elements and looks each one up would take less for more. */
    if (any_twice(a))
        return "an element of a list stands there twice";
    if (a->break_glass[0] != '\0' && !hm_lines_reason_ok(a->break_glass))
        return "bad break-glass reason";
    if (!uri_or_empty(a->source.repository) || !uri_or_empty(a->source.ref) ||
        !uri_or_empty(a->builder))
        return "bad repository, ref or builder";
    if (a->source.commit[0] != '\0' && !hm_approval_commit_ok(a->source.commit))
        return "bad commit";
    if (a->release > HM_APPROVAL_UINT_MAX || a->sequence < 1 || a->sequence > HM_APPROVAL_UINT_MAX)
        return "release or sequence out of its range";
    if (a->expires_s < 0 || a->expires_s > TIME_MAX)
        return "expiry out of its range";
    return NULL;
}

enum hm_err hm_approval_write(const struct hm_approval *a, struct hm_buf *out, struct hm_why *why)
{
    const char *fault = first_fault(a);
    enum hm_err e = hm_buf_err(out);
    if (e != HM_OK)
        return e;
    if (fault != NULL)
        return hm_fail(why, HM_E_MALFORMED, "approval statement: %s", fault);
    size_t start = out->len;
    put_subject(a, out);
    put_origin_of_bytes(a, out);
    put_signing(a, out);
    e = hm_buf_err(out);
    if (e == HM_OK && out->len - start > HM_STATEMENT_MAX)
        e = hm_fail(why, HM_E_LIMIT, "approval statement: more than %zu bytes", HM_STATEMENT_MAX);
    if (e != HM_OK)
        out->len = start;
    return e;
}

void hm_approval_of_request(const struct hm_request *r, struct hm_approval *a)
{
    memcpy(a->product, r->product, sizeof a->product);
    memcpy(a->version, r->version, sizeof a->version);
    memcpy(a->channel, r->channel, sizeof a->channel);
    memcpy(a->break_glass, r->break_glass, sizeof a->break_glass);
    memcpy(a->hardware, r->hardware, sizeof a->hardware);
    a->hardware_count = r->hardware_count;
    memcpy(a->regions, r->regions, sizeof a->regions);
    a->region_count = r->region_count;
    memcpy(a->dependencies, r->dependencies, sizeof a->dependencies);
    a->dependency_count = r->dependency_count;
    memcpy(a->artifacts, r->artifacts, sizeof a->artifacts);
    a->artifact_count = r->artifact_count;
}
