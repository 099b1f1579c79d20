/* The manifest's structure: members, components, which sequences there are. */
#include "device/hm_device_suit_priv.h"
#include "device/hm_device_text_priv.h"

#define COMPONENTS_MAX 16
#define COMPONENT_PARTS_MAX 8

/* A component identifier: one or more byte strings. */
static bool read_component(struct hmd_cbor *r, bool profile)
{
    uint64_t parts;
    struct hmd_bytes part;
    if (!hmd_cbor_array(r, &parts) || parts == 0 || parts > COMPONENT_PARTS_MAX)
        return false;
    for (uint64_t i = 0; i < parts; i++)
        if (!hmd_cbor_bstr(r, &part))
            return false;
    return !profile || (parts == 1 && part.len == 1 && part.p[0] == 0);
}

static enum hmd_reason read_common(struct hmd_bytes common, struct hmd_suit *s)
{
    struct hmd_cbor r = hmd_cbor_over(common);
    uint64_t n;
    if (!hmd_cbor_map(&r, &n) || n != 2 || !hmd_cbor_key(&r, HM_SUIT_COMMON_COMPONENTS) ||
        !hmd_cbor_array(&r, &s->components) || s->components == 0)
        return HMD_MANIFEST_MALFORMED;
    if (s->components > (s->profile ? 1u : COMPONENTS_MAX))
        return HMD_COMPONENT_UNSUPPORTED;
    for (uint64_t i = 0; i < s->components; i++)
        if (!read_component(&r, s->profile))
            return HMD_COMPONENT_UNSUPPORTED;
    if (!hmd_cbor_key(&r, HM_SUIT_COMMON_SHARED) || !hmd_cbor_bstr(&r, &s->shared) ||
        !hmd_cbor_done(&r))
        return HMD_MANIFEST_MALFORMED;
    return HMD_OK;
}

/* A sequence, or where it may be severed the digest that stands in its place. */
static bool read_severable(struct hmd_cbor *r, bool profile, struct hmd_bytes *sequence,
                           const uint8_t **digest)
{
    unsigned major;
    if (!hmd_cbor_peek(r, &major))
        return false;
    if (major == HMD_CBOR_BSTR)
        return hmd_cbor_bstr(r, sequence);
    return !profile && hmd_cbor_read_digest(r, digest);
}

static bool read_member(struct hmd_cbor *r, uint64_t key, struct hmd_suit *s)
{
    struct hmd_bytes uri;
    if (s->profile && (key == HM_SUIT_REFERENCE_URI || key == HM_SUIT_LOAD ||
                       key == HM_SUIT_PAYLOAD_FETCH || key == HM_SUIT_TEXT))
        return false;
    switch (key) {
    case HM_SUIT_REFERENCE_URI:
        return hmd_cbor_tstr(r, &uri);
    case HM_SUIT_VALIDATE:
        return hmd_cbor_bstr(r, &s->validate);
    case HM_SUIT_LOAD:
        return hmd_cbor_bstr(r, &s->load);
    case HM_SUIT_INVOKE:
        return hmd_cbor_bstr(r, &s->invoke);
    case HM_SUIT_PAYLOAD_FETCH:
        return read_severable(r, s->profile, &s->fetch, &s->fetch_digest);
    case HM_SUIT_INSTALL:
        return read_severable(r, s->profile, &s->install, &s->install_digest);
    case HM_SUIT_TEXT:
        return read_severable(r, s->profile, &s->text, &s->text_digest);
    default:
        return false;
    }
}

enum hmd_reason hmd_suit_open(struct hmd_bytes manifest, bool profile, struct hmd_suit *out)
{
    struct hmd_cbor r = hmd_cbor_over(manifest);
    struct hmd_bytes common;
    uint64_t n;
    uint64_t version;
    uint64_t last = HM_SUIT_COMMON;
    hmd_clear(out, sizeof *out);
    out->profile = profile;
    if (!hmd_cbor_map(&r, &n) || n < 3 || !hmd_cbor_key(&r, HM_SUIT_VERSION) ||
        !hmd_cbor_uint(&r, &version) || version != 1 || !hmd_cbor_key(&r, HM_SUIT_SEQUENCE) ||
        !hmd_cbor_uint(&r, &out->sequence) || !hmd_cbor_key(&r, HM_SUIT_COMMON) ||
        !hmd_cbor_bstr(&r, &common))
        return HMD_MANIFEST_MALFORMED;
    enum hmd_reason reason = read_common(common, out);
    if (reason != HMD_OK)
        return reason;
    for (uint64_t i = 3; i < n; i++) {
        uint64_t key;
        if (!hmd_cbor_uint(&r, &key) || key <= last || !read_member(&r, key, out))
            return HMD_MANIFEST_MALFORMED;
        last = key;
    }
    if (!hmd_cbor_done(&r))
        return HMD_MANIFEST_MALFORMED;
    if (profile && (out->validate.len == 0 || out->invoke.len == 0 || out->install.len == 0))
        return HMD_MANIFEST_INCOMPLETE;
    return HMD_OK;
}

static enum hmd_reason decode_one(const struct hmd_suit *s, enum hmd_section section,
                                  struct hmd_bytes sequence, struct hmd_manifest *out)
{
    struct hmd_run run;
    if (sequence.p == NULL)
        return HMD_OK;
    hmd_clear(&run, sizeof run);
    run.suit = s;
    run.out = out;
    run.section = section;
    return hmd_suit_run(&run, sequence);
}

enum hmd_reason hmd_suit_decode(const struct hmd_suit *s, struct hmd_manifest *out)
{
    const struct {
        enum hmd_section section;
        struct hmd_bytes sequence;
    } all[] = {
        {HMD_IN_SHARED, s->shared}, {HMD_IN_VALIDATE, s->validate}, {HMD_IN_LOAD, s->load},
        {HMD_IN_INVOKE, s->invoke}, {HMD_IN_FETCH, s->fetch},       {HMD_IN_INSTALL, s->install},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        enum hmd_reason reason = decode_one(s, all[i].section, all[i].sequence, out);
        if (reason != HMD_OK)
            return reason;
    }
    /* Confirming such a release would leave nothing that may boot. */
    return out->rollback_floor > s->sequence ? HMD_FLOOR_ABOVE_SEQUENCE : HMD_OK;
}

/* Runs a section after shared; the parameters that shared set are where *shared left them. */
static enum hmd_reason evaluate_section(const struct hmd_run *shared, enum hmd_section section,
                                        struct hmd_bytes sequence, struct hmd_run *run)
{
    *run = *shared;
    run->section = section;
    return hmd_suit_run(run, sequence);
}

enum hmd_reason hmd_suit_evaluate(const struct hmd_suit *s, const struct hmd_identity *id,
                                  const struct hmd_rules *rules, unsigned slot,
                                  struct hmd_manifest *out)
{
    struct hmd_run shared;
    struct hmd_run run;
    hmd_clear(&shared, sizeof shared);
    shared.suit = s;
    shared.id = id;
    shared.rules = rules;
    shared.slot = slot;
    shared.out = out;
    shared.section = HMD_IN_SHARED;
    enum hmd_reason reason = hmd_suit_run(&shared, s->shared);
    if (reason != HMD_OK)
        return reason;
    if (!shared.vendor_checked || !shared.class_checked || shared.digest == NULL ||
        !shared.has_size)
        return HMD_MANIFEST_INCOMPLETE;
    reason = evaluate_section(&shared, HMD_IN_VALIDATE, s->validate, &run);
    if (reason != HMD_OK)
        return reason;
    if (!run.image_checked)
        return HMD_MANIFEST_INCOMPLETE;
    reason = evaluate_section(&shared, HMD_IN_INVOKE, s->invoke, &run);
    if (reason != HMD_OK)
        return reason;
    if (!run.invoked)
        return HMD_MANIFEST_INCOMPLETE;
    reason = evaluate_section(&shared, HMD_IN_INSTALL, s->install, &run);
    if (reason != HMD_OK)
        return reason;
    if (!run.fetched || !run.image_checked)
        return HMD_MANIFEST_INCOMPLETE;
    struct hmd_image *image = &out->image[slot];
    image->present = true;
    hmd_copy(image->digest, shared.digest, HMD_DIGEST_LEN);
    image->size = shared.has_size ? shared.size : 0;
    image->uri = run.uri;
    return HMD_OK;
}
