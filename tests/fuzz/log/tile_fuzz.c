/* Tile paths: whatever is taken is written again byte for byte, and fits where it is looked for. */
#include "schema/log/hm_tile.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_tile t;
    HM_BUF_AUTO out = {.limit = 256};
    if (hm_tile_parse(hm_bytes_of(data, size), &t) != HM_OK)
        return 0;
    hm_tile_write(&t, &out);
    if (!hm_bytes_eq(hm_buf_bytes(&out), hm_bytes_of(data, size)))
        abort();
    if (t.level > HM_TILE_LEVEL_MAX || t.width == 0 || t.width > HM_TILE_WIDTH ||
        t.index > INT64_MAX || (t.entries && t.level != 0))
        abort();
    for (unsigned bits = 0; bits < 63; bits += 3) {
        uint64_t tree = UINT64_C(1) << bits;
        if (hm_tile_available(&t, tree) > HM_TILE_WIDTH ||
            hm_tile_available(&t, tree - 1) > HM_TILE_WIDTH)
            abort();
    }
    return 0;
}
