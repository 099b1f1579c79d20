/* Byte slices and a growable buffer with a limit. Thread: each object by one thread at a time. */
#ifndef SCHEMA_CORE_HM_BYTES_H
#define SCHEMA_CORE_HM_BYTES_H

#include "schema/core/hm_err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A borrowed run of bytes; whoever made it says how long it lives. data may be NULL if len is 0. */
struct hm_bytes {
    const uint8_t *data;
    size_t len;
};

struct hm_bytes hm_bytes_of(const void *data, size_t len);
struct hm_bytes hm_bytes_str(const char *text); /* without the NUL */
bool hm_bytes_eq(struct hm_bytes a, struct hm_bytes b);
bool hm_bytes_eq_str(struct hm_bytes a, const char *text);

/* A growable buffer. Zero-initialise with its limit: `struct hm_buf b = {.limit = 65536};`
 * limit 0 means HM_BUF_LIMIT_DEFAULT. After the first failed append `err` stays set and further
 * appends do nothing, so that a writer may check once at its end with hm_buf_err(). */
#define HM_BUF_LIMIT_DEFAULT ((size_t)16 * 1024 * 1024)
struct hm_buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t limit;
    enum hm_err err;
};

void hm_buf_put(struct hm_buf *b, const void *data, size_t len);
void hm_buf_putc(struct hm_buf *b, uint8_t byte);
void hm_buf_puts(struct hm_buf *b, const char *text);
void hm_buf_printf(struct hm_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Makes room for len more bytes and returns where they go (len is already counted), or NULL. */
uint8_t *hm_buf_room(struct hm_buf *b, size_t len);
/* HM_OK, HM_E_LIMIT or HM_E_MEMORY. */
enum hm_err HM_MUST_USE hm_buf_err(const struct hm_buf *b);
struct hm_bytes hm_buf_bytes(const struct hm_buf *b);
/* NUL-terminated view of the content (the NUL is not counted); NULL after an error. */
const char *hm_buf_str(struct hm_buf *b);
/* Hands the content over to the caller (free()); the buffer is empty afterwards. */
uint8_t *hm_buf_take(struct hm_buf *b, size_t *len);
void hm_buf_reset(struct hm_buf *b); /* keeps the memory, drops content and error */
void hm_buf_free(struct hm_buf *b);  /* NULL allowed */
void hm_buf_wipe(struct hm_buf *b);  /* like free, but overwrites the content first */

#define HM_BUF_AUTO __attribute__((cleanup(hm_buf_free))) struct hm_buf

/* Cleanup helper: `HM_FREE char *p = ...;` */
void hm_free_ptr(void *ptr_to_ptr);
#define HM_FREE __attribute__((cleanup(hm_free_ptr)))

#endif
