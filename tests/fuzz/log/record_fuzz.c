/* Whatever hm_record_parse accepts, hm_record_write writes again byte for byte, and the general
 * checker of canonical JSON accepts it too. */
#include "schema/json/hm_json_canon.h"
#include "schema/log/hm_record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HM_BUF_AUTO again = {0};
    struct hm_record r;
    struct hm_bytes text = hm_bytes_of(data, size);
    if (hm_record_parse(text, &r, NULL) != HM_OK)
        return 0;
    if (hm_record_write(&r, &again, NULL) != HM_OK || !hm_bytes_eq(hm_buf_bytes(&again), text) ||
        hm_json_canon_check(text, HM_JSON_DEPTH_MAX, NULL) != HM_OK)
        abort();
    return 0;
}
