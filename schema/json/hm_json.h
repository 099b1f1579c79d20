/* Strict JSON in: limits while parsing, one way to read members, errors that say where. The values
 * are Jansson's; callers own the json_t they are given. Thread: each document by one thread at a
 * time. */
#ifndef SCHEMA_JSON_HM_JSON_H
#define SCHEMA_JSON_HM_JSON_H

#include "schema/core/hm_bytes.h"
#include "schema/core/hm_hash.h"
#include "schema/core/hm_limits.h"

#include <jansson.h>

struct hm_json_limits {
    size_t bytes;
    unsigned depth;
    bool floats; /* foreign documents only */
};

/* Whole text, one value (object or array), UTF-8, no NUL, no duplicate members, nothing behind it.
 * Size, depth and number of values (HM_JSON_VALUES_MAX) are checked before anything is allocated
 * for them. The error names line and column. HM_E_MALFORMED, HM_E_LIMIT, HM_E_MEMORY. Caller
 * json_decref()s *out. */
enum hm_err HM_MUST_USE hm_json_parse(struct hm_bytes text, const struct hm_json_limits *limits,
                                      json_t **out, struct hm_why *why);

#define HM_JSON_OURS(max_bytes)                                                                    \
    (&(const struct hm_json_limits){(max_bytes), HM_JSON_DEPTH_MAX, false})
#define HM_JSON_FOREIGN(max_bytes)                                                                 \
    (&(const struct hm_json_limits){(max_bytes), HM_JSON_DEPTH_FOREIGN_MAX, true})

/* The text of a member; "" where there is none. Of a document that was judged before, or where a
 * missing text says nothing. Borrowed. */
const char *hm_json_text(const json_t *object, const char *member);

void hm_json_free(json_t **v); /* cleanup helper */
#define HM_JSON_AUTO __attribute__((cleanup(hm_json_free))) json_t

/* A reader of one object. `path` ("$.rules[2]") is where the object stands, for error texts. Errors
 * latch in `err`: read everything, then check hm_json_end(), which also refuses members that nobody
 * asked for (unless `open`, for foreign formats). Zero-initialise via hm_json_begin. At most 48
 * distinct members. */
struct hm_json_in {
    const json_t *obj;
    char path[160];
    struct hm_why *why;
    enum hm_err err;
    bool open;
    unsigned seen_count;
    const char *seen[48];
};

void hm_json_begin(struct hm_json_in *in, const json_t *value, const char *path,
                   struct hm_why *why); /* a value that is no object sets err */
/* Path of a child: "<path>.<member>" or "<path>.<member>[i]" (i < 0: no index). */
void hm_json_path(const struct hm_json_in *in, const char *member, long index,
                  char out[static 160]);

/* Required members; the values are borrowed from the document. On error: NULL / 0 / false and err
 * set. */
const char *hm_json_str(struct hm_json_in *in, const char *member);  /* UTF-8, NUL-free */
const char *hm_json_name(struct hm_json_in *in, const char *member); /* also hm_name_ok */
uint64_t hm_json_uint(struct hm_json_in *in, const char *member, uint64_t min, uint64_t max);
bool hm_json_bool(struct hm_json_in *in, const char *member);
const json_t *hm_json_object(struct hm_json_in *in, const char *member);
const json_t *hm_json_array(struct hm_json_in *in, const char *member, size_t min, size_t max);
const json_t *hm_json_any(struct hm_json_in *in, const char *member);
void hm_json_digest(struct hm_json_in *in, const char *member, struct hm_digest *out); /* 64 hex */
/* Optional ones: absent gives the default / NULL without an error. */
bool hm_json_has(struct hm_json_in *in, const char *member);
const char *hm_json_str_or(struct hm_json_in *in, const char *member, const char *dflt);
uint64_t hm_json_uint_or(struct hm_json_in *in, const char *member, uint64_t min, uint64_t max,
                         uint64_t dflt);
bool hm_json_bool_or(struct hm_json_in *in, const char *member, bool dflt);
const json_t *hm_json_array_or_null(struct hm_json_in *in, const char *member, size_t max);
const json_t *hm_json_object_or_null(struct hm_json_in *in, const char *member);
/* A failure that the caller found ("expected …"): latched with the member's path. */
void hm_json_bad(struct hm_json_in *in, enum hm_err err, const char *member, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
enum hm_err HM_MUST_USE hm_json_end(struct hm_json_in *in);

/* Line (from 1) at which the value of a path like "$.rules[2].match" begins in text; 0 if not
 * found. For error messages of configuration files; text must have parsed. */
unsigned hm_json_line_of(struct hm_bytes text, const char *path);
/* "FILE:LINE: " + why's text, where why's text begins with a path ("$..."): turns it into the form
 * that configuration errors have. */
void hm_json_locate(struct hm_why *why, const char *file, struct hm_bytes text);

#endif
