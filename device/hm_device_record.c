/* The release.signed record (docs/formats/record.md): canonical, and about this very manifest. */
#include "device/hm_device_json_priv.h"
#include "device/hm_device_log_priv.h"
#include "device/hm_device_text_priv.h"

static bool text_member(struct hmd_bytes object, const char *name, struct hmd_bytes *out)
{
    struct hmd_bytes value;
    return hmd_json_member(object, name, &value) && hmd_json_string(value, out);
}

static bool number_member(struct hmd_bytes object, const char *name, uint64_t *out)
{
    struct hmd_bytes value;
    return hmd_json_member(object, name, &value) && hmd_decimal(value, out);
}

static bool digest_member(struct hmd_bytes object, const char *name, uint8_t out[HMD_DIGEST_LEN])
{
    struct hmd_bytes text;
    return text_member(object, name, &text) && hmd_hex_digest(text, out);
}

/* Whether the array names the key with this kid. */
static bool key_named(struct hmd_bytes keys, const uint8_t *kid)
{
    struct hmd_bytes rest;
    struct hmd_bytes entry;
    uint8_t spki[HMD_DIGEST_LEN];
    if (!hmd_json_array(keys, &rest))
        return false;
    while (hmd_json_next(&rest, &entry))
        if (digest_member(entry, "spki", spki) && hmd_equal(spki, kid, HM_KID_LEN))
            return true;
    return false;
}

static bool read_members(struct hmd_bytes record, struct hmd_record *out)
{
    uint64_t v;
    return number_member(record, "v", &v) && v == 1 && number_member(record, "idx", &out->index) &&
           number_member(record, "t_ms", &out->time_ms) &&
           number_member(record, "sequence", &out->sequence) &&
           number_member(record, "store_epoch", &out->store_epoch) &&
           text_member(record, "product", &out->product) && hmd_name_valid(out->product) &&
           text_member(record, "version", &out->version) && hmd_name_valid(out->version);
}

enum hmd_reason hmd_record_check(struct hmd_bytes record, const struct hmd_manifest *manifest,
                                 struct hmd_record *out)
{
    struct hmd_bytes event;
    struct hmd_bytes outcome;
    struct hmd_bytes keys;
    uint8_t digest[HMD_DIGEST_LEN];
    if (!hmd_json_canonical(record))
        return HMD_RECORD_NOT_CANONICAL;
    if (!text_member(record, "event", &event))
        return HMD_RECORD_MEMBER;
    if (!hmd_is(event, "release.signed"))
        return HMD_RECORD_EVENT;
    if (!text_member(record, "outcome", &outcome))
        return HMD_RECORD_MEMBER;
    if (!hmd_is(outcome, "ok"))
        return HMD_RECORD_OUTCOME;
    if (!read_members(record, out) || !digest_member(record, "manifest", digest) ||
        !hmd_json_member(record, "keys", &keys))
        return HMD_RECORD_MEMBER;
    if (!hmd_equal(digest, manifest->digest, HMD_DIGEST_LEN))
        return HMD_RECORD_OTHER_MANIFEST;
    if (out->sequence != manifest->sequence)
        return HMD_RECORD_OTHER_SEQUENCE;
    for (unsigned i = 0; i < manifest->signer_count; i++)
        if (!key_named(keys, manifest->signer[i]))
            return HMD_RECORD_OTHER_KEYS;
    return HMD_OK;
}
