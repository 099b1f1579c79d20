/* Hex. A log record has hundreds of digits, so digests are read by loops of a fixed length without
 * a branch: compilers make vectors of them. Pure; any thread. */
#include "schema/core/hm_text.h"

#define DIGEST 32 /* bytes */

void hm_hex(const uint8_t *data, size_t len, char *out)
{
    static const char d[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = d[data[i] >> 4];
        out[2 * i + 1] = d[data[i] & 15];
    }
    out[2 * len] = '\0';
}

/* The value of a lower-case digit; *bad becomes 1 for any other byte. */
static inline uint8_t value(uint8_t c, uint8_t *bad)
{
    uint8_t digit = (uint8_t)(c - '0');
    uint8_t letter = (uint8_t)(c - 'a');
    uint8_t is_digit = digit < 10;
    uint8_t is_letter = letter < 6;
    *bad |= (uint8_t) !(is_digit | is_letter);
    return is_digit ? digit : (uint8_t)(letter + 10);
}

static enum hm_err unhex_digest(const uint8_t *restrict text, uint8_t *restrict out)
{
    uint8_t v[2 * DIGEST];
    uint8_t bad = 0;
    for (size_t i = 0; i < 2 * DIGEST; i++)
        v[i] = value(text[i], &bad);
    if (bad != 0)
        return HM_E_MALFORMED;
    for (size_t i = 0; i < DIGEST; i++)
        out[i] = (uint8_t)(v[2 * i] << 4 | v[2 * i + 1]);
    return HM_OK;
}

enum hm_err hm_unhex(struct hm_bytes text, uint8_t *out, size_t out_len)
{
    uint8_t bad = 0;
    if (text.len != 2 * out_len)
        return HM_E_MALFORMED;
    if (out_len == DIGEST)
        return unhex_digest(text.data, out);
    for (size_t i = 0; i < text.len; i++)
        (void)value(text.data[i], &bad);
    if (bad != 0)
        return HM_E_MALFORMED;
    for (size_t i = 0; i < out_len; i++)
        out[i] = (uint8_t)(value(text.data[2 * i], &bad) << 4 | value(text.data[2 * i + 1], &bad));
    return HM_OK;
}
