/* Deterministic CBOR (RFC 8949 §4.2.1): a writer, and a strict reader that takes only what the
 * writer would write: shortest heads, definite lengths, ascending keys are the caller's loop.
 * Thread: each object by one. */
#ifndef SCHEMA_CBOR_HM_CBOR_H
#define SCHEMA_CBOR_HM_CBOR_H

#include "schema/core/hm_bytes.h"

void hm_cbor_uint(struct hm_buf *b, uint64_t v);
void hm_cbor_int(struct hm_buf *b, int64_t v);
void hm_cbor_bstr(struct hm_buf *b, struct hm_bytes v);
void hm_cbor_tstr(struct hm_buf *b, const char *v);
void hm_cbor_array(struct hm_buf *b, uint64_t count);
void hm_cbor_map(struct hm_buf *b, uint64_t count);
void hm_cbor_tag(struct hm_buf *b, uint64_t tag);
void hm_cbor_null(struct hm_buf *b);
/* A bstr head for len bytes that the caller appends next. */
void hm_cbor_bstr_head(struct hm_buf *b, uint64_t len);

/* A cursor. Errors latch; every getter returns a zero value after the first. Views borrow the
 * input. */
struct hm_cbor_in {
    const uint8_t *p;
    size_t left;
    enum hm_err err;
};
enum hm_cbor_type {
    HM_CBOR_END = 0, /* nothing left */
    HM_CBOR_UINT,
    HM_CBOR_NINT,
    HM_CBOR_BSTR,
    HM_CBOR_TSTR,
    HM_CBOR_ARRAY,
    HM_CBOR_MAP,
    HM_CBOR_TAG,
    HM_CBOR_SIMPLE,
    HM_CBOR_BAD
};
void hm_cbor_begin(struct hm_cbor_in *in, struct hm_bytes data);
enum hm_cbor_type hm_cbor_peek(const struct hm_cbor_in *in);
uint64_t hm_cbor_get_uint(struct hm_cbor_in *in);
int64_t hm_cbor_get_int(struct hm_cbor_in *in); /* uint or negative */
struct hm_bytes hm_cbor_get_bstr(struct hm_cbor_in *in);
struct hm_bytes hm_cbor_get_tstr(struct hm_cbor_in *in); /* checked UTF-8 */
size_t hm_cbor_get_array(struct hm_cbor_in *in,
                         size_t max); /* count; more than max is HM_E_LIMIT */
size_t hm_cbor_get_map(struct hm_cbor_in *in, size_t max);
uint64_t hm_cbor_get_tag(struct hm_cbor_in *in);
void hm_cbor_get_null(struct hm_cbor_in *in);
/* Skips one item of depth <= 16 without recursion; returns its bytes. */
struct hm_bytes hm_cbor_skip(struct hm_cbor_in *in);
/* HM_OK if no error latched and nothing is left. */
enum hm_err HM_MUST_USE hm_cbor_done(const struct hm_cbor_in *in);

#endif
