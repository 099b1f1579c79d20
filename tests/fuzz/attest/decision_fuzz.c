/* Rejections and cancellations: what is accepted is written again byte for byte, and is of one kind
 * only. */
#include "schema/attest/hm_decision.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check(struct hm_bytes text, enum hm_signed_kind kind)
{
    HM_BUF_AUTO again = {0};
    struct hm_decision d;
    if (hm_decision_parse(text, kind, &d, NULL) != HM_OK)
        return 0;
    if (hm_decision_write(&d, &again, NULL) != HM_OK || !hm_bytes_eq(hm_buf_bytes(&again), text))
        abort();
    return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_bytes text = hm_bytes_of(data, size);
    if (check(text, HM_SIGNED_REJECTION) + check(text, HM_SIGNED_CANCELLATION) > 1)
        abort();
    return 0;
}
