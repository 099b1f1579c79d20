/* Release requests: what is accepted can be written, and reads back the same. */
#include "schema/attest/hm_request.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HM_BUF_AUTO text = {0};
    struct hm_request r;
    struct hm_request back;
    memset(&back, 0, sizeof back);
    if (hm_request_parse(hm_bytes_of(data, size), &r, NULL) != HM_OK)
        return 0;
    if (hm_request_write(&r, &text, NULL) != HM_OK ||
        hm_request_parse(hm_buf_bytes(&text), &back, NULL) != HM_OK ||
        memcmp(&r, &back, sizeof r) != 0)
        abort();
    return 0;
}
