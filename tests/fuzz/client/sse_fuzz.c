/* Event streams: in one piece or byte by byte, the same events. */
#include "client/cli_sse.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum hm_err read_all(const uint8_t *data, size_t size, size_t piece, struct hm_buf *out)
{
    struct cli_sse s;
    enum hm_err err = HM_OK;
    cli_sse_begin(&s);
    for (size_t at = 0; err == HM_OK && at < size; at += piece) {
        struct hm_bytes in = hm_bytes_of(data + at, size - at < piece ? size - at : piece);
        while (err == HM_OK && in.len > 0) {
            struct cli_sse_event e;
            bool got = false;
            err = cli_sse_take(&s, &in, &got, &e, NULL);
            if (err != HM_OK || !got)
                continue;
            hm_buf_printf(out, "%zu %zu %zu ", strlen(e.id), strlen(e.name), e.data.len);
            hm_buf_put(out, e.data.data, e.data.len);
        }
    }
    cli_sse_free(&s);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HM_BUF_AUTO whole = {.limit = 64u << 20};
    HM_BUF_AUTO pieces = {.limit = 64u << 20};
    enum hm_err a = read_all(data, size, size > 0 ? size : 1, &whole);
    enum hm_err b = read_all(data, size, 1, &pieces);
    if (a != b || !hm_bytes_eq(hm_buf_bytes(&whole), hm_buf_bytes(&pieces)))
        abort();
    return 0;
}
