/* What a log reads from a witness: nothing counts that the two known witnesses did not sign, and
 * what counts can be merged into the note and read out of it again. */
#include "schema/log/hm_cosignature.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the seeds are cosignatures of. */
static const char body[] = "hallmark.example/rehearsal\n5\n"
                           "yMfGxcTDwsHAv769vLu6ubi3trW0s7KxsK+urayrqqk=\n";

static struct hm_cosigners known_witnesses(void)
{
    static const char *const lines[] = {
        "witness.example/w0+b106ed8c+BCvCgAszFuAJIJ/9dX2rGczwroS8eukGVOHoFxLScPZT",
        "witness.example/w1+ea2ad007+BNYvAWoe/R5P33k+tCzYRHHhup8M8E0Sh7XMcfYWKHy4"};
    struct hm_cosigners known = {.count = 0};
    for (size_t i = 0; i < 2; i++) {
        struct hm_cosigner c;
        if (hm_cosigner_parse(hm_bytes_str(lines[i]), &c, NULL) != HM_OK ||
            hm_cosigners_add(&known, &c, NULL) != HM_OK)
            abort();
    }
    return known;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HM_BUF_AUTO note = {0};
    HM_BUF_AUTO merged = {0};
    const struct hm_cosigners known = known_witnesses();
    struct hm_cosignatures s = {0};
    struct hm_cosignatures again = {0};
    struct hm_checkpoint_parts p;
    struct hm_cosigner other;
    struct hm_bytes text = hm_bytes_of(data, size);
    struct hm_bytes signed_text = hm_bytes_str(body);
    (void)!hm_cosigner_parse(text, &other, NULL);
    if (hm_cosignatures_take(&s, &known, signed_text, text, UINT64_MAX, NULL) != HM_OK)
        return 0;
    if (hm_cosignatures_count(&s) > known.count)
        abort();
    hm_buf_printf(&note, "%s\n", body);
    hm_buf_put(&note, data, size);
    if (hm_cosignatures_merge(&s, &known, hm_buf_bytes(&note), &merged, NULL) != HM_OK)
        return 0;
    if (hm_checkpoint_split(hm_buf_bytes(&merged), false, &p, NULL) != HM_OK ||
        hm_cosignatures_take(&again, &known, p.body, p.signatures, UINT64_MAX, NULL) != HM_OK ||
        memcmp(&s, &again, sizeof s) != 0)
        abort();
    return 0;
}
