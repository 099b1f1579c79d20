/* Lines of an archive: what is accepted is written again byte for byte. */
#include "schema/log/hm_detail_line.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_bytes line = hm_bytes_of(data, size);
    HM_BUF_AUTO again = {0};
    struct hm_detail_line l = {.idx = 0};
    if (hm_detail_line_parse(line, &l, NULL) == HM_OK &&
        (hm_detail_line_write(l.idx, l.salt, hm_buf_bytes(&l.text), &again, NULL) != HM_OK ||
         !hm_bytes_eq(hm_bytes_of(again.data, again.len - 1), line)))
        abort();
    hm_detail_line_free(&l);
    return 0;
}
