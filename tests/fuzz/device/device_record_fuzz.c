/* Records: the canonical JSON scanner and the members behind it. */
#include "tests/fuzz/device/device_fuzz_util.h"

#include "device/hm_device_json_priv.h"
#include "device/hm_device_log_priv.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hmd_manifest manifest;
    struct hmd_record record;
    struct hmd_bytes value;
    struct hmd_bytes rest;
    const struct hmd_bytes text = {data, size};
    memset(&manifest, 0, sizeof manifest);
    manifest.signer_count = 1;
    manifest.sequence = 12;
    (void)hmd_record_check(text, &manifest, &record);
    if (!hmd_json_canonical(text))
        return 0;
    (void)hmd_json_member(text, "version", &value);
    if (hmd_json_member(text, "keys", &value) && hmd_json_array(value, &rest))
        while (hmd_json_next(&rest, &value))
            (void)hmd_json_member(value, "spki", &value);
    return 0;
}
