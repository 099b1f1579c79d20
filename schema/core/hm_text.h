/* Text encodings and the character classes that names in Hallmark's documents are made of. Pure. */
#ifndef SCHEMA_CORE_HM_TEXT_H
#define SCHEMA_CORE_HM_TEXT_H

#include "schema/core/hm_bytes.h"

/* Lower-case hex of len bytes into out, which holds 2*len+1 bytes. */
void hm_hex(const uint8_t *data, size_t len, char *out);
/* Strict lower-case hex of exactly out_len bytes. HM_E_MALFORMED otherwise. */
enum hm_err HM_MUST_USE hm_unhex(struct hm_bytes text, uint8_t *out, size_t out_len);

/* Standard base64 with padding (RFC 4648 §4), appended to b. */
void hm_base64(struct hm_buf *b, struct hm_bytes data);
/* Strict decoding (canonical padding, no white space), appended to out. HM_E_MALFORMED, HM_E_LIMIT.
 */
enum hm_err HM_MUST_USE hm_unbase64(struct hm_bytes text, struct hm_buf *out);
/* Standard or URL-safe alphabet, padding optional: what DSSE asks consumers to take. */
enum hm_err HM_MUST_USE hm_unbase64_any(struct hm_bytes text, struct hm_buf *out);

/* A decimal as this tree writes it: digits only, no leading zero, at most max. HM_E_MALFORMED
 * otherwise. */
enum hm_err HM_MUST_USE hm_decimal(struct hm_bytes text, uint64_t max, uint64_t *out);

/* Well-formed UTF-8 (RFC 3629), no NUL. */
bool hm_utf8_ok(struct hm_bytes text);
/* One line that is safe to show: UTF-8, no control characters (C0, DEL, C1), no bidirectional
 * controls, no line separators, nothing invisible (zero width, soft hyphen, tags). */
bool hm_printable_ok(struct hm_bytes text);

/* A name: [A-Za-z0-9][A-Za-z0-9._+-]*, 1..HM_NAME_MAX bytes. Case matters. */
bool hm_name_ok(const char *name);
/* How many bytes at the beginning of text could be a name; looks no further than one byte behind
 * the longest one. 0: none. */
size_t hm_name_span(struct hm_bytes text);
/* A log origin or URI-like value: printable ASCII without space, `"`, `\`, `+` (origin
 * only), 1..max. */
bool hm_origin_ok(const char *origin);
bool hm_uri_ok(const char *uri);

/* One of the three environments, "development", "staging", "production", as a static text; NULL for
 * anything else. */
const char *hm_environment(const char *text);

/* Appends text with everything that hm_printable_ok forbids written as \u{XXXX}: for terminals. */
void hm_escape(struct hm_buf *b, struct hm_bytes text);

#endif
