/* Approval statements: what is accepted is written again byte for byte. */
#include "schema/attest/hm_approval.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HM_BUF_AUTO again = {0};
    struct hm_approval a;
    struct hm_bytes text = hm_bytes_of(data, size);
    if (hm_approval_parse(text, &a, NULL) != HM_OK)
        return 0;
    if (hm_approval_write(&a, &again, NULL) != HM_OK || !hm_bytes_eq(hm_buf_bytes(&again), text))
        abort();
    return 0;
}
