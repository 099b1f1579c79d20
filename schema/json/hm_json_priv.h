/* What the files of this folder share: a scanner's view of a JSON text. */
#ifndef SCHEMA_JSON_HM_JSON_PRIV_H
#define SCHEMA_JSON_HM_JSON_PRIV_H

#include "schema/json/hm_json.h"

#define HM_JSON_INT_MAX INT64_C(9007199254740991) /* 2^53 - 1: exact in every JSON library */

/* Jansson's iterators take no const, though they change nothing. */
static inline json_t *hm_json_unconst(const json_t *v)
{
    union {
        const json_t *in;
        json_t *out;
    } u = {.in = v};
    return u.out;
}

/* Line and column (from 1, in bytes) of an offset into text. */
struct hm_json_at {
    unsigned line;
    unsigned column;
};
struct hm_json_at hm_json_at(struct hm_bytes text, size_t offset);

/* A text that is read from its front to its end. */
struct hm_json_text {
    struct hm_bytes text; /* UTF-8 without NUL */
    size_t i;             /* what is left begins here */
    bool floats;
    struct hm_buf scratch; /* a string value whose escapes were replaced */
    struct hm_why *why;
};
/* Fails with "line L, column C: what" for this offset. */
enum hm_err HM_MUST_USE hm_json_fail_at(const struct hm_json_text *t, enum hm_err err,
                                        size_t offset, const char *what);
/* A string; t->i is at its opening quote. out: a view of the text, or of `decoded` where it has
 * escapes. Never with a NUL. */
enum hm_err HM_MUST_USE hm_json_take_string(struct hm_json_text *t, struct hm_buf *decoded,
                                            struct hm_bytes *out);
/* A string, number, boolean or null as a value; the caller owns it. */
enum hm_err HM_MUST_USE hm_json_take_scalar(struct hm_json_text *t, json_t **out);

#endif
