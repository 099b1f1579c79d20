#include "server/ipc/ipc_msg.h"

#include <string.h>

static void put_be(struct hm_buf *b, uint64_t v, unsigned bytes)
{
    uint8_t out[8];
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
    hm_buf_put(b, out, bytes);
}

void ipc_put_u64(struct hm_buf *b, uint64_t v)
{
    put_be(b, v, 8);
}

void ipc_put_bytes(struct hm_buf *b, struct hm_bytes v)
{
    if (v.len > UINT32_MAX) {
        b->err = HM_E_LIMIT;
        return;
    }
    put_be(b, v.len, 4);
    hm_buf_put(b, v.data, v.len);
}

void ipc_put_str(struct hm_buf *b, const char *v)
{
    ipc_put_bytes(b, hm_bytes_str(v));
}

void ipc_put_digest(struct hm_buf *b, const struct hm_digest *d)
{
    hm_buf_put(b, d->b, sizeof d->b);
}

void ipc_put_digests(struct hm_buf *b, const struct hm_digest *list, size_t count)
{
    ipc_put_u64(b, count);
    for (size_t i = 0; i < count; i++)
        ipc_put_digest(b, &list[i]);
}

void ipc_in_begin(struct ipc_in *in, struct hm_bytes body)
{
    in->p = body.data;
    in->left = body.len;
    in->err = HM_OK;
}

static const uint8_t *take(struct ipc_in *in, size_t n)
{
    if (in->err != HM_OK)
        return NULL;
    if (in->left < n) {
        in->err = HM_E_MALFORMED;
        return NULL;
    }
    const uint8_t *at = in->p;
    in->p += n;
    in->left -= n;
    return at;
}

static uint64_t get_be(struct ipc_in *in, unsigned bytes)
{
    const uint8_t *p = take(in, bytes);
    uint64_t v = 0;
    for (unsigned i = 0; p != NULL && i < bytes; i++)
        v = v << 8 | p[i];
    return v;
}

uint64_t ipc_get_u64(struct ipc_in *in)
{
    return get_be(in, 8);
}

size_t ipc_get_count(struct ipc_in *in, size_t max)
{
    uint64_t n = ipc_get_u64(in);
    if (in->err == HM_OK && n > max)
        in->err = HM_E_LIMIT;
    return in->err == HM_OK ? (size_t)n : 0;
}

struct hm_bytes ipc_get_bytes(struct ipc_in *in, size_t max)
{
    size_t n = (size_t)get_be(in, 4);
    if (in->err == HM_OK && n > max)
        in->err = HM_E_LIMIT;
    const uint8_t *p = take(in, n);
    return p == NULL ? hm_bytes_of(NULL, 0) : hm_bytes_of(p, n);
}

void ipc_get_str(struct ipc_in *in, char *out, size_t cap)
{
    struct hm_bytes v = ipc_get_bytes(in, cap - 1);
    out[0] = '\0';
    if (in->err != HM_OK)
        return;
    if (v.len > 0 && memchr(v.data, 0, v.len) != NULL) {
        in->err = HM_E_MALFORMED;
        return;
    }
    if (v.len > 0)
        memcpy(out, v.data, v.len);
    out[v.len] = '\0';
}

void ipc_get_digest(struct ipc_in *in, struct hm_digest *out)
{
    const uint8_t *p = take(in, sizeof out->b);
    if (p != NULL)
        memcpy(out->b, p, sizeof out->b);
    else
        memset(out, 0, sizeof *out);
}

size_t ipc_get_digests(struct ipc_in *in, struct hm_digest *list, size_t max)
{
    size_t count = ipc_get_count(in, max);
    for (size_t i = 0; i < count; i++)
        ipc_get_digest(in, &list[i]);
    return count;
}

enum hm_err ipc_in_end(const struct ipc_in *in, struct hm_why *why)
{
    if (in->err != HM_OK)
        return hm_fail(why, in->err, "message body: %s", hm_err_name(in->err));
    if (in->left != 0)
        return hm_fail(why, HM_E_MALFORMED, "message body: %zu bytes too many", in->left);
    return HM_OK;
}
