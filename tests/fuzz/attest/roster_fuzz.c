/* Roster statements: what is accepted is written again byte for byte. */
#include "schema/attest/hm_roster.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_bytes text = hm_bytes_of(data, size);
    HM_BUF_AUTO again = {0};
    HM_FREE struct hm_roster *r = malloc(sizeof *r);
    if (r == NULL)
        abort();
    if (hm_roster_parse(text, r, NULL) != HM_OK)
        return 0;
    if (hm_roster_write(r, &again, NULL) != HM_OK || !hm_bytes_eq(hm_buf_bytes(&again), text))
        abort();
    return 0;
}
