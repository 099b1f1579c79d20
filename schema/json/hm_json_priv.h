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

/* Checks what must hold before the parser sees the text: size, UTF-8, no NUL, nesting, strings
 * without raw control characters. Errors name line and column. */
enum hm_err HM_MUST_USE hm_json_scan(struct hm_bytes text, const struct hm_json_limits *limits,
                                     struct hm_why *why);

#endif
