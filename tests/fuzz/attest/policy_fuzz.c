/* Proposals of a policy: what is accepted is written again byte for byte. */
#include "schema/attest/hm_policy_statement.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_bytes text = hm_bytes_of(data, size);
    HM_BUF_AUTO again = {0};
    struct hm_policy_proposal p;
    if (hm_policy_proposal_parse(text, &p, NULL) != HM_OK)
        return 0;
    if (hm_policy_proposal_write(&p, &again, NULL) != HM_OK ||
        !hm_bytes_eq(hm_buf_bytes(&again), text))
        abort();
    return 0;
}
