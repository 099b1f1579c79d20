/* hm_record_parse says what the slow reader of the unit tests says, and reads the same. Whatever it
 * accepts, hm_record_write writes again byte for byte, and the general checker of canonical JSON
 * accepts it too. */
#include "schema/json/hm_json_canon.h"
#include "schema/log/hm_record.h"
#include "tests/unit/log/log_record_reference.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HM_BUF_AUTO again = {0};
    struct hm_record r;
    struct hm_record owed;
    struct hm_bytes text = hm_bytes_of(data, size);
    memset(&r, 0x5a, sizeof r);
    memset(&owed, 0x5a, sizeof owed);
    enum hm_err err = hm_record_parse(text, &r, NULL);
    if (err != log_record_reference(text, &owed) || memcmp(&r, &owed, sizeof r) != 0)
        abort();
    if (err != HM_OK)
        return 0;
    if (hm_record_write(&r, &again, NULL) != HM_OK || !hm_bytes_eq(hm_buf_bytes(&again), text) ||
        hm_json_canon_check(text, HM_JSON_DEPTH_MAX, NULL) != HM_OK)
        abort();
    return 0;
}
