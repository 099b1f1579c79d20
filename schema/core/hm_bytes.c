#include "schema/core/hm_bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

struct hm_bytes hm_bytes_of(const void *data, size_t len)
{
    return (struct hm_bytes){.data = data, .len = len};
}

struct hm_bytes hm_bytes_str(const char *text)
{
    return hm_bytes_of(text, strlen(text));
}

bool hm_bytes_eq(struct hm_bytes a, struct hm_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool hm_bytes_eq_str(struct hm_bytes a, const char *text)
{
    return hm_bytes_eq(a, hm_bytes_str(text));
}

static bool buf_grow(struct hm_buf *b, size_t more)
{
    size_t limit = b->limit != 0 ? b->limit : HM_BUF_LIMIT_DEFAULT;
    if (b->err != HM_OK)
        return false;
    if (limit >= PTRDIFF_MAX)
        limit = PTRDIFF_MAX - 1; /* so that no sum below wraps */
    if (more > limit || b->len > limit - more) {
        b->err = HM_E_LIMIT;
        return false;
    }
    size_t need = b->len + more + 1; /* one for hm_buf_str's NUL */
    if (need <= b->cap)
        return true;
    size_t cap = b->cap < 256 ? 256 : b->cap * 2;
    if (cap < need)
        cap = need;
    uint8_t *p = realloc(b->data, cap);
    if (p == NULL) {
        b->err = HM_E_MEMORY;
        return false;
    }
    b->data = p;
    b->cap = cap;
    return true;
}

uint8_t *hm_buf_room(struct hm_buf *b, size_t len)
{
    if (!buf_grow(b, len))
        return NULL;
    uint8_t *at = b->data + b->len;
    b->len += len;
    return at;
}

void hm_buf_put(struct hm_buf *b, const void *data, size_t len)
{
    uint8_t *at = hm_buf_room(b, len);
    if (at != NULL && len > 0)
        memcpy(at, data, len);
}

void hm_buf_putc(struct hm_buf *b, uint8_t byte)
{
    hm_buf_put(b, &byte, 1);
}

void hm_buf_puts(struct hm_buf *b, const char *text)
{
    hm_buf_put(b, text, strlen(text));
}

void hm_buf_printf(struct hm_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_list ap2;
    va_start(ap, fmt);
    va_copy(ap2, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) {
        b->err = HM_E_INTERNAL;
    } else if (buf_grow(b, (size_t)n)) {
        (void)vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap2);
        b->len += (size_t)n;
    }
    va_end(ap2);
}

enum hm_err hm_buf_err(const struct hm_buf *b)
{
    return b->err;
}

struct hm_bytes hm_buf_bytes(const struct hm_buf *b)
{
    return hm_bytes_of(b->data, b->len);
}

const char *hm_buf_str(struct hm_buf *b)
{
    if (!buf_grow(b, 0))
        return NULL;
    b->data[b->len] = 0;
    return (const char *)b->data;
}

uint8_t *hm_buf_take(struct hm_buf *b, size_t *len)
{
    uint8_t *p = b->data;
    *len = b->len;
    b->data = NULL;
    b->len = b->cap = 0;
    return p;
}

void hm_buf_reset(struct hm_buf *b)
{
    b->len = 0;
    b->err = HM_OK;
}

void hm_buf_free(struct hm_buf *b)
{
    if (b == NULL)
        return;
    free(b->data);
    b->data = NULL;
    b->len = b->cap = 0;
}

void hm_buf_wipe(struct hm_buf *b)
{
    if (b != NULL && b->data != NULL)
        OPENSSL_cleanse(b->data, b->cap);
    hm_buf_free(b);
}

void hm_free_ptr(void *ptr_to_ptr)
{
    void *p;
    memcpy(&p, ptr_to_ptr, sizeof p);
    free(p);
}
