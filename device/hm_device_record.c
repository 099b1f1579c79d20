/* The release.signed record (docs/formats/record.md): canonical, and about this very manifest. */
#include "device/hm_device_json_priv.h"
#include "device/hm_device_log_priv.h"
#include "device/hm_device_text_priv.h"

/* In ascending order, as the record has them. */
enum {
    EVENT,
    IDX,
    KEYS,
    MANIFEST,
    OUTCOME,
    PRODUCT,
    SEQUENCE,
    STORE_EPOCH,
    T_MS,
    V,
    VERSION,
    COUNT
};

static void find_members(struct hmd_bytes record, struct hmd_json_want m[COUNT])
{
    m[EVENT].name = "event";
    m[IDX].name = "idx";
    m[KEYS].name = "keys";
    m[MANIFEST].name = "manifest";
    m[OUTCOME].name = "outcome";
    m[PRODUCT].name = "product";
    m[SEQUENCE].name = "sequence";
    m[STORE_EPOCH].name = "store_epoch";
    m[T_MS].name = "t_ms";
    m[V].name = "v";
    m[VERSION].name = "version";
    hmd_json_members(record, m, COUNT);
}

static bool digest_value(struct hmd_bytes value, uint8_t out[HMD_DIGEST_LEN])
{
    struct hmd_bytes text;
    return hmd_json_string(value, &text) && hmd_hex_digest(text, out);
}

/* Whether the array names the key with this kid. */
static bool key_named(struct hmd_bytes keys, const uint8_t *kid)
{
    struct hmd_bytes rest;
    struct hmd_bytes entry;
    struct hmd_bytes value;
    uint8_t spki[HMD_DIGEST_LEN];
    if (!hmd_json_array(keys, &rest))
        return false;
    while (hmd_json_next(&rest, &entry))
        if (hmd_json_member(entry, "spki", &value) && digest_value(value, spki) &&
            hmd_equal(spki, kid, HM_KID_LEN))
            return true;
    return false;
}

static bool read_members(const struct hmd_json_want m[COUNT], struct hmd_record *out)
{
    uint64_t v;
    return hmd_decimal(m[V].value, &v) && v == 1 && hmd_decimal(m[IDX].value, &out->index) &&
           hmd_decimal(m[T_MS].value, &out->time_ms) &&
           hmd_decimal(m[SEQUENCE].value, &out->sequence) &&
           hmd_decimal(m[STORE_EPOCH].value, &out->store_epoch) &&
           hmd_json_string(m[PRODUCT].value, &out->product) && hmd_name_valid(out->product) &&
           hmd_json_string(m[VERSION].value, &out->version) && hmd_name_valid(out->version);
}

enum hmd_reason hmd_record_check(struct hmd_bytes record, const struct hmd_manifest *manifest,
                                 struct hmd_record *out)
{
    struct hmd_json_want m[COUNT];
    struct hmd_bytes event;
    struct hmd_bytes outcome;
    uint8_t digest[HMD_DIGEST_LEN];
    if (!hmd_json_canonical(record))
        return HMD_RECORD_NOT_CANONICAL;
    find_members(record, m);
    if (!hmd_json_string(m[EVENT].value, &event))
        return HMD_RECORD_MEMBER;
    if (!hmd_is(event, "release.signed"))
        return HMD_RECORD_EVENT;
    if (!hmd_json_string(m[OUTCOME].value, &outcome))
        return HMD_RECORD_MEMBER;
    if (!hmd_is(outcome, "ok"))
        return HMD_RECORD_OUTCOME;
    if (!read_members(m, out) || !digest_value(m[MANIFEST].value, digest) || m[KEYS].value.len == 0)
        return HMD_RECORD_MEMBER;
    if (!hmd_equal(digest, manifest->digest, HMD_DIGEST_LEN))
        return HMD_RECORD_OTHER_MANIFEST;
    if (out->sequence != manifest->sequence)
        return HMD_RECORD_OTHER_SEQUENCE;
    for (unsigned i = 0; i < manifest->signer_count; i++)
        if (!key_named(m[KEYS].value, manifest->signer[i]))
            return HMD_RECORD_OTHER_KEYS;
    return HMD_OK;
}
