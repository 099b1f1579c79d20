/* "name value" lines of statements, read one after the other in a fixed order. */
#ifndef SCHEMA_ATTEST_HM_LINES_PRIV_H
#define SCHEMA_ATTEST_HM_LINES_PRIV_H

#include "schema/core/hm_bytes.h"
#include "schema/core/hm_hash.h"

struct hm_lines {
    struct hm_bytes rest;
    unsigned line; /* of the last line taken, from 1 */
    enum hm_err err;
    struct hm_why *why;
};

void hm_lines_begin(struct hm_lines *l, struct hm_bytes text, struct hm_why *why);
/* The first line, as a whole. */
void hm_lines_type(struct hm_lines *l, const char *type);
/* Is the next line of this name? */
bool hm_lines_next_is(const struct hm_lines *l, const char *name);
/* The value of the next line, which must have this name; empty after an error. Errors latch. */
struct hm_bytes hm_lines_value(struct hm_lines *l, const char *name);
void hm_lines_bad(struct hm_lines *l, const char *expected);
enum hm_err HM_MUST_USE hm_lines_end(struct hm_lines *l);

typedef bool (*hm_lines_check)(const char *text);
/* Values of one kind. max: bytes without the NUL. check may be NULL. */
void hm_lines_text(struct hm_lines *l, const char *name, char *out, size_t max,
                   hm_lines_check check);
void hm_lines_uint(struct hm_lines *l, const char *name, uint64_t *out);
void hm_lines_digest(struct hm_lines *l, const char *name, const char *prefix,
                     struct hm_digest *out);
void hm_lines_time(struct hm_lines *l, const char *name, int64_t *out);
void hm_lines_release(struct hm_lines *l, uint64_t *out);

/* Splits at the first separator, bytes behind it in tail. */
bool hm_lines_split(struct hm_bytes text, uint8_t separator, struct hm_bytes *head,
                    struct hm_bytes *tail);
bool hm_lines_copy(struct hm_bytes text, char *out, size_t max, hm_lines_check check);
bool hm_lines_prefixed_digest(struct hm_bytes text, const char *prefix, struct hm_digest *out);
/* One printable line of 1 to HM_REASON_MAX bytes. */
bool hm_lines_reason_ok(const char *text);

#endif
