/* Erasure statements: what is accepted is written again byte for byte. */
#include "schema/attest/hm_erasure.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_bytes text = hm_bytes_of(data, size);
    HM_BUF_AUTO again = {0};
    struct hm_erasure e;
    if (hm_erasure_parse(text, &e, NULL) != HM_OK)
        return 0;
    if (hm_erasure_write(&e, &again, NULL) != HM_OK || !hm_bytes_eq(hm_buf_bytes(&again), text))
        abort();
    return 0;
}
