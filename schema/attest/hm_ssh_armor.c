/* The PEM-like text around an SSH signature. Pure; any thread. */
#include "schema/attest/hm_ssh_armor_priv.h"

#include "schema/core/hm_limits.h"
#include "schema/core/hm_text.h"

#include <string.h>

#define LINE_MAX_BYTES 76
#define LINE_WRITTEN 70 /* what ssh-keygen writes */

static const char begin[] = "-----BEGIN SSH SIGNATURE-----";
static const char end[] = "-----END SSH SIGNATURE-----";

/* The last line may lack its LF. */
static struct hm_bytes next_line(struct hm_bytes *rest)
{
    const uint8_t *lf = rest->len > 0 ? memchr(rest->data, '\n', rest->len) : NULL;
    size_t n = lf != NULL ? (size_t)(lf - rest->data) : rest->len;
    struct hm_bytes line = hm_bytes_of(rest->data, n);
    size_t used = lf != NULL ? n + 1 : n;
    rest->data += used;
    rest->len -= used;
    return line;
}

enum hm_err hm_ssh_dearmor(struct hm_bytes armor, struct hm_buf *blob, struct hm_why *why)
{
    HM_BUF_AUTO base64 = {.limit = HM_SSHSIG_MAX};
    struct hm_bytes rest = armor;
    if (armor.len == 0 || !hm_bytes_eq_str(next_line(&rest), begin))
        return hm_fail(why, HM_E_MALFORMED, "SSH signature: expected \"%s\"", begin);
    for (;;) {
        struct hm_bytes line = next_line(&rest);
        if (hm_bytes_eq_str(line, end))
            break;
        if (line.len == 0 || line.len > LINE_MAX_BYTES || rest.len == 0)
            return hm_fail(why, HM_E_MALFORMED,
                           "SSH signature: expected lines of 1 to %d characters up to \"%s\"",
                           LINE_MAX_BYTES, end);
        hm_buf_put(&base64, line.data, line.len);
    }
    if (rest.len != 0)
        return hm_fail(why, HM_E_MALFORMED, "SSH signature: bytes behind its end");
    enum hm_err e = hm_buf_err(&base64);
    if (e == HM_OK)
        e = hm_unbase64(hm_buf_bytes(&base64), blob);
    return e == HM_OK ? HM_OK : hm_fail(why, e, "SSH signature: expected base64");
}

void hm_ssh_armor(struct hm_buf *out, struct hm_bytes blob)
{
    HM_BUF_AUTO base64 = {0};
    hm_base64(&base64, blob);
    hm_buf_printf(out, "%s\n", begin);
    for (size_t i = 0; i < base64.len; i += LINE_WRITTEN) {
        size_t n = base64.len - i < LINE_WRITTEN ? base64.len - i : LINE_WRITTEN;
        hm_buf_put(out, base64.data + i, n);
        hm_buf_putc(out, '\n');
    }
    hm_buf_printf(out, "%s\n", end);
    if (hm_buf_err(&base64) != HM_OK && out->err == HM_OK)
        out->err = base64.err;
}
