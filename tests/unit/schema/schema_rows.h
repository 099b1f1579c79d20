/* Bytes from hex, and refusals of every cut and flip, for the tests of schema/. */
#ifndef TESTS_UNIT_SCHEMA_ROWS_H
#define TESTS_UNIT_SCHEMA_ROWS_H

#include "tests/unit/test_rows.h"

#include "schema/core/hm_bytes.h"
#include "schema/core/hm_text.h"

#define COUNT(array) ROWS(array)
#define ADD_TEST(tests, at, run)                                                                   \
    ((tests)[at] = (struct CMUnitTest){#run, run, NULL, NULL, NULL}, (at) + 1)

/* Appends the bytes of a hex text. */
static inline struct hm_bytes from_hex(struct hm_buf *b, const char *hex)
{
    size_t n = strlen(hex) / 2;
    uint8_t *p = hm_buf_room(b, n);
    assert_non_null(p);
    assert_int_equal(hm_unhex(hm_bytes_str(hex), p, n), HM_OK);
    return hm_buf_bytes(b);
}

/* An exact heap copy, so that a sanitizer sees one byte too far. Caller free()s. */
static inline uint8_t *exact_copy(struct hm_bytes v, size_t len)
{
    uint8_t *p = malloc(len > 0 ? len : 1);
    assert_non_null(p);
    if (len > 0)
        memcpy(p, v.data, len);
    return p;
}

typedef enum hm_err (*parse_fn)(struct hm_bytes data, void *ctx);

/* Every cut of v must be refused. */
static inline void refuses_every_cut(struct hm_bytes v, parse_fn parse, void *ctx)
{
    for (size_t n = 0; n < v.len; n++) {
        uint8_t *p = exact_copy(v, n);
        enum hm_err err = parse(hm_bytes_of(p, n), ctx);
        free(p);
        if (err == HM_OK)
            fail_msg("accepted when cut to %zu bytes", n);
    }
}

/* Every flip of one bit of v must be refused. */
static inline void refuses_every_flip(struct hm_bytes v, parse_fn parse, void *ctx)
{
    uint8_t *p = exact_copy(v, v.len);
    for (size_t i = 0; i < 8 * v.len; i++) {
        p[i / 8] ^= (uint8_t)(1u << i % 8);
        enum hm_err err = parse(hm_bytes_of(p, v.len), ctx);
        p[i / 8] ^= (uint8_t)(1u << i % 8);
        if (err == HM_OK)
            fail_msg("accepted with bit %zu of byte %zu flipped", i % 8, i / 8);
    }
    free(p);
}

/* v with one byte behind it must be refused. */
static inline void refuses_more(struct hm_bytes v, parse_fn parse, void *ctx)
{
    HM_BUF_AUTO b = {.limit = 0};
    hm_buf_put(&b, v.data, v.len);
    hm_buf_putc(&b, 0);
    assert_int_not_equal(parse(hm_buf_bytes(&b), ctx), HM_OK);
}

#endif
