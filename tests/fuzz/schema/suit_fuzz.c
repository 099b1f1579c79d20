/* Manifests: whatever is described is built again to the same bytes. */
#include "schema/suit/hm_suit.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_suit_release r;
    HM_BUF_AUTO out = {.limit = 0};
    struct hm_bytes in = hm_bytes_of(data, size);
    if (hm_suit_describe(in, &r, NULL) != HM_OK)
        return 0;
    if (hm_suit_build(&r, &out, NULL) != HM_OK || !hm_bytes_eq(hm_buf_bytes(&out), in))
        abort();
    return 0;
}
