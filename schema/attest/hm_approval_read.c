/* Approval statements, read. Pure; any thread. Whatever it accepts was written again and compared,
 * so there is one text for one meaning. */
#include "schema/attest/hm_approval_priv.h"

#include "schema/attest/hm_lines_priv.h"
#include "schema/core/hm_text.h"

#include <string.h>

static void read_hardware(struct hm_lines *l, struct hm_approval *a)
{
    while (a->hardware_count < HM_HARDWARE_MAX && hm_lines_next_is(l, "hardware")) {
        struct hm_hardware *h = &a->hardware[a->hardware_count++];
        struct hm_bytes model;
        struct hm_bytes revision;
        if (!hm_lines_split(hm_lines_value(l, "hardware"), '/', &model, &revision) ||
            !hm_lines_copy(model, h->model, HM_NAME_MAX, hm_name_ok) ||
            !hm_lines_copy(revision, h->revision, HM_NAME_MAX, hm_name_ok))
            hm_lines_bad(l, "model/revision");
    }
}

static void read_lists(struct hm_lines *l, struct hm_approval *a)
{
    read_hardware(l, a);
    while (a->region_count < HM_REGIONS_MAX && hm_lines_next_is(l, "region"))
        hm_lines_text(l, "region", a->regions[a->region_count++], HM_NAME_MAX, hm_name_ok);
    while (a->dependency_count < HM_DEPENDENCIES_MAX && hm_lines_next_is(l, "dependency")) {
        struct hm_dependency *d = &a->dependencies[a->dependency_count++];
        struct hm_bytes product;
        struct hm_bytes version;
        if (!hm_lines_split(hm_lines_value(l, "dependency"), ' ', &product, &version) ||
            !hm_lines_copy(product, d->product, HM_NAME_MAX, hm_name_ok) ||
            !hm_lines_copy(version, d->version, HM_NAME_MAX, hm_name_ok))
            hm_lines_bad(l, "a product and a version");
    }
}

/* "-" reads as the empty text. */
static void read_optional(struct hm_lines *l, const char *name, char *out, size_t max,
                          hm_lines_check check)
{
    struct hm_bytes value = hm_lines_value(l, name);
    if (l->err == HM_OK && !hm_bytes_eq_str(value, "-") && !hm_lines_copy(value, out, max, check))
        hm_lines_bad(l, "\"-\" or a value of the permitted length and characters");
}

static void read_artifacts(struct hm_lines *l, struct hm_approval *a)
{
    while (a->artifact_count < HM_ARTIFACTS_MAX && hm_lines_next_is(l, "artifact")) {
        struct hm_artifact *f = &a->artifacts[a->artifact_count++];
        struct hm_bytes digest;
        struct hm_bytes size;
        struct hm_bytes name;
        f->slot = -1;
        if (!hm_lines_split(hm_lines_value(l, "artifact"), ' ', &digest, &size) ||
            !hm_lines_split(size, ' ', &size, &name) ||
            !hm_lines_prefixed_digest(digest, "sha256:", &f->digest) ||
            hm_decimal(size, HM_ARTIFACT_MAX, &f->size) != HM_OK ||
            !hm_lines_copy(name, f->name, HM_NAME_MAX, hm_name_ok))
            hm_lines_bad(l, "a digest, a size and a name");
    }
}

static void read_signs(struct hm_lines *l, struct hm_approval *a)
{
    while (a->sign_count < HM_SIGN_KEYS_MAX && hm_lines_next_is(l, "sign")) {
        struct hm_sign_entry *s = &a->sign[a->sign_count++];
        struct hm_bytes key;
        struct hm_bytes mechanism;
        struct hm_bytes tbs;
        if (!hm_lines_split(hm_lines_value(l, "sign"), ' ', &key, &mechanism) ||
            !hm_lines_split(mechanism, ' ', &mechanism, &tbs) ||
            !hm_lines_prefixed_digest(key, "sha256:", &s->key) ||
            !hm_lines_copy(mechanism, s->mechanism, HM_MECHANISM_MAX, hm_approval_mechanism_ok) ||
            !hm_lines_prefixed_digest(tbs, "sha256:", &s->tbs))
            hm_lines_bad(l, "a key, a mechanism and a digest");
    }
}

static enum hm_err read_statement(struct hm_lines *l, struct hm_approval *a)
{
    hm_lines_type(l, HM_APPROVAL_TYPE);
    hm_lines_text(l, "origin", a->origin, HM_ORIGIN_MAX, hm_origin_ok);
    hm_lines_digest(l, "submitted", "", &a->submitted);
    hm_lines_release(l, &a->release);
    hm_lines_text(l, "product", a->product, HM_NAME_MAX, hm_name_ok);
    hm_lines_text(l, "version", a->version, HM_NAME_MAX, hm_name_ok);
    hm_lines_text(l, "channel", a->channel, HM_NAME_MAX, hm_name_ok);
    hm_lines_text(l, "environment", a->environment, HM_NAME_MAX, hm_name_ok);
    if (hm_lines_next_is(l, "break-glass"))
        hm_lines_text(l, "break-glass", a->break_glass, HM_REASON_MAX, hm_lines_reason_ok);
    read_lists(l, a);
    hm_lines_uint(l, "sequence", &a->sequence);
    read_optional(l, "repository", a->source.repository, HM_URI_MAX, hm_uri_ok);
    read_optional(l, "ref", a->source.ref, HM_URI_MAX, hm_uri_ok);
    read_optional(l, "commit", a->source.commit, sizeof a->source.commit - 1,
                  hm_approval_commit_ok);
    read_optional(l, "builder", a->builder, HM_URI_MAX, hm_uri_ok);
    read_artifacts(l, a);
    hm_lines_digest(l, "manifest", "sha256:", &a->manifest);
    hm_lines_digest(l, "policy", "sha256:", &a->policy);
    read_signs(l, a);
    hm_lines_time(l, "expires", &a->expires_s);
    return hm_lines_end(l);
}

enum hm_err hm_approval_parse(struct hm_bytes text, struct hm_approval *out, struct hm_why *why)
{
    HM_BUF_AUTO again = {.limit = HM_STATEMENT_MAX};
    struct hm_approval a;
    struct hm_lines l;
    memset(&a, 0, sizeof a);
    hm_lines_begin(&l, text, why);
    enum hm_err e = read_statement(&l, &a);
    if (e == HM_OK)
        e = hm_approval_write(&a, &again, why);
    if (e != HM_OK)
        return e;
    if (!hm_bytes_eq(hm_buf_bytes(&again), text))
        return hm_fail(why, HM_E_MALFORMED, "approval statement: not in its canonical form");
    *out = a;
    return HM_OK;
}
