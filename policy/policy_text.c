/* Texts of findings in fixed buffers. Pure, no allocation. */
#include "policy/policy_evaluate_priv.h"

#include "schema/core/hm_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char ellipsis[] = "\xe2\x80\xa6";
#define ELLIPSIS_LEN (sizeof ellipsis - 1)

static void put(struct policy_text *t, const char *bytes, size_t n)
{
    if (t->full)
        return;
    if (t->len + n + ELLIPSIS_LEN + 1 > POLICY_TEXT_MAX) {
        bytes = ellipsis;
        n = ELLIPSIS_LEN;
        t->full = true;
    }
    memcpy(t->out + t->len, bytes, n);
    t->len += n;
    t->out[t->len] = '\0';
}

/* Bytes of the code point that begins here, as its first byte tells; never past the NUL. */
static size_t code_point_len(const char *s)
{
    unsigned char c = (unsigned char)s[0];
    size_t n = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return strnlen(s, n);
}

/* Length of the printable ASCII in front: nearly every text is nothing else. */
static size_t ascii_run(const char *s)
{
    size_t n = 0;
    while (s[n] >= 0x20 && s[n] < 0x7f)
        n++;
    return n;
}

static void put_ascii(struct policy_text *t, const char *s, size_t n)
{
    size_t room = POLICY_TEXT_MAX - 1 - ELLIPSIS_LEN - t->len;
    put(t, s, n <= room ? n : room);
    if (n > room)
        put(t, "?", 1); /* no room for it: becomes the ellipsis */
}

static void put_printable(struct policy_text *t, const char *s)
{
    while (*s != '\0' && !t->full) {
        size_t ascii = ascii_run(s);
        size_t n = ascii > 0 ? ascii : code_point_len(s);
        if (ascii > 0) {
            put_ascii(t, s, n);
        } else if (hm_printable_ok(hm_bytes_of(s, n))) {
            put(t, s, n);
        } else {
            put(t, "?", 1);
            n = 1;
        }
        s += n;
    }
}

void policy_say(struct policy_text *t, ...)
{
    va_list ap;
    va_start(ap, t);
    for (const char *s = va_arg(ap, const char *); s != NULL; s = va_arg(ap, const char *))
        put_printable(t, s);
    va_end(ap);
}

void policy_say_number(struct policy_text *t, size_t n)
{
    char number[24];
    (void)snprintf(number, sizeof number, "%zu", n);
    policy_say(t, number, NULL);
}

void policy_say_count(struct policy_text *t, size_t n, const char *one, const char *many)
{
    policy_say_number(t, n);
    policy_say(t, " ", n == 1 ? one : many, NULL);
}

void policy_say_digest(struct policy_text *t, const struct hm_digest *d)
{
    char hex[HM_SHA256_HEX];
    hm_digest_hex(d, hex);
    policy_say(t, "sha256:", hex, NULL);
}
