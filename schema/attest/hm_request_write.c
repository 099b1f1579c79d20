/* Release requests, written in canonical JSON. Pure; any thread. Clients call this, so it demands
 * as much as the reader does: what it writes is read back before it is handed out. */
#include "schema/attest/hm_request_priv.h"

#include "schema/core/hm_text.h"
#include "schema/core/hm_time.h"
#include "schema/json/hm_json_canon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *digest_text(const struct hm_digest *d)
{
    char hex[HM_SHA256_HEX];
    hm_digest_hex(d, hex);
    return json_string(hex);
}

static json_t *time_text(int64_t t)
{
    char text[HM_TIME_TEXT];
    hm_time_format(t, text);
    return json_string(text);
}

static json_t *nonce_text(const struct hm_request *r)
{
    char hex[2 * sizeof r->nonce + 1];
    hm_hex(r->nonce, sizeof r->nonce, hex);
    return json_string(hex);
}

static json_t *numbers_text(const uint32_t *v, size_t count)
{
    char text[4 * 11 + 1] = "";
    size_t n = 0;
    for (size_t i = 0; i < count && i < 4; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, i == 0 ? "%u" : ".%u", v[i]);
    return json_string(text);
}

static json_t *artifact(const struct hm_artifact *a)
{
    json_t *o = json_pack("{s:s, s:o, s:I}", "name", a->name, "sha256", digest_text(&a->digest),
                          "size", (json_int_t)a->size);
    if (a->uri[0] != '\0' && strcmp(a->uri, a->name) != 0)
        (void)json_object_set_new(o, "uri", json_string(a->uri));
    if (a->slot >= 0)
        (void)json_object_set_new(o, "slot", json_integer(a->slot));
    return o;
}

static void put_lists(const struct hm_request *r, json_t *doc)
{
    json_t *hardware = json_array();
    json_t *regions = json_array();
    json_t *dependencies = json_array();
    json_t *artifacts = json_array();
    json_t *attestations = json_array();
    for (size_t i = 0; i < r->hardware_count; i++)
        (void)json_array_append_new(hardware, json_pack("{s:s, s:s}", "model", r->hardware[i].model,
                                                        "revision", r->hardware[i].revision));
    for (size_t i = 0; i < r->region_count; i++)
        (void)json_array_append_new(regions, json_string(r->regions[i]));
    for (size_t i = 0; i < r->dependency_count; i++)
        (void)json_array_append_new(dependencies,
                                    json_pack("{s:s, s:s}", "product", r->dependencies[i].product,
                                              "version", r->dependencies[i].version));
    for (size_t i = 0; i < r->artifact_count; i++)
        (void)json_array_append_new(artifacts, artifact(&r->artifacts[i]));
    for (size_t i = 0; i < r->attestation_count; i++)
        (void)json_array_append_new(attestations, digest_text(&r->attestations[i]));
    (void)json_object_set_new(doc, "hardware", hardware);
    (void)json_object_set_new(doc, "regions", regions);
    if (r->dependency_count > 0)
        (void)json_object_set_new(doc, "dependencies", json_incref(dependencies));
    json_decref(dependencies);
    (void)json_object_set_new(doc, "artifacts", artifacts);
    (void)json_object_set_new(doc, "attestations", attestations);
}

static json_t *build(const struct hm_request *r)
{
    json_t *doc =
        json_pack("{s:s, s:s, s:o, s:o, s:s, s:s, s:s}", "type", HM_REQUEST_TYPE, "origin",
                  r->origin, "nonce", nonce_text(r), "expires", time_text(r->expires_s), "product",
                  r->product, "version", r->version, "channel", r->channel);
    put_lists(r, doc);
    if (r->use_before_s != 0)
        (void)json_object_set_new(doc, "use_before", time_text(r->use_before_s));
    if (r->rollback_floor != 0)
        (void)json_object_set_new(doc, "rollback_floor",
                                  json_integer((json_int_t)r->rollback_floor));
    if (r->at_least_count != 0)
        (void)json_object_set_new(doc, "installed_at_least",
                                  numbers_text(r->at_least, r->at_least_count));
    if (r->environment != NULL)
        (void)json_object_set_new(doc, "environment", json_string(r->environment));
    if (r->break_glass[0] != '\0')
        (void)json_object_set_new(doc, "break_glass", json_string(r->break_glass));
    return doc;
}

static bool counts_ok(const struct hm_request *r)
{
    return r->hardware_count <= HM_HARDWARE_MAX && r->region_count <= HM_REGIONS_MAX &&
           r->dependency_count <= HM_DEPENDENCIES_MAX && r->artifact_count <= HM_ARTIFACTS_MAX &&
           r->attestation_count <= HM_ATTESTATIONS_MAX && r->at_least_count <= 4 &&
           r->rollback_floor <= HM_REQUEST_UINT_MAX;
}

/* Times beyond year 9999 and sizes beyond int64 have no text of their own: reading back alone would
 * not see them. */
static bool ranges_ok(const struct hm_request *r)
{
    const int64_t last = INT64_C(253402300799);
    bool ok =
        r->expires_s > 0 && r->expires_s <= last && r->use_before_s >= 0 && r->use_before_s <= last;
    for (size_t i = 0; i < r->artifact_count; i++)
        ok = ok && r->artifacts[i].size <= HM_ARTIFACT_MAX && r->artifacts[i].slot >= -1;
    return ok;
}

static enum hm_err read_back(struct hm_bytes text, struct hm_why *why)
{
    struct hm_request *again = malloc(sizeof *again);
    if (again == NULL)
        return hm_fail(why, HM_E_MEMORY, "release request: out of memory");
    enum hm_err e = hm_request_parse(text, again, why);
    free(again);
    return e;
}

enum hm_err hm_request_write(const struct hm_request *r, struct hm_buf *out, struct hm_why *why)
{
    HM_BUF_AUTO text = {.limit = HM_REQUEST_MAX};
    if (!counts_ok(r) || !ranges_ok(r))
        return hm_fail(why, HM_E_MALFORMED, "release request: a value is out of its range");
    HM_JSON_AUTO *doc = build(r);
    if (doc == NULL)
        return hm_fail(why, HM_E_MALFORMED, "release request: a text is not UTF-8");
    enum hm_err e = hm_json_canon(doc, &text, why);
    if (e == HM_OK)
        e = read_back(hm_buf_bytes(&text), why);
    if (e != HM_OK)
        return e;
    hm_buf_put(out, text.data, text.len);
    return hm_buf_err(out);
}
