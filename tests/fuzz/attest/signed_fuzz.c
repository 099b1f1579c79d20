/* Signed documents in both forms. */
#include "schema/attest/hm_signed.h"
#include "schema/core/hm_limits.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_signed s;
    size_t index;
    if (hm_signed_parse(hm_bytes_of(data, size), HM_SIGNED_MAX, &s, NULL) != HM_OK)
        return 0;
    struct hm_key claimed = s.ssh.key;
    (void)!hm_signed_find(&s, HM_SIGNED_APPROVAL, &claimed, s.is_ssh ? 1 : 0, &index, NULL);
    if (s.is_ssh && hm_signed_certificate(&s) != NULL)
        abort();
    hm_signed_free(&s);
    return 0;
}
