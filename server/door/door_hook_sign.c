#include "server/door/door_hook_sign.h"

#include "schema/core/hm_text.h"
#include "schema/io/hm_file.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 1024
#define PREFIX "whsec_"

void door_hook_secrets_wipe(struct door_hook_secrets *s)
{
    explicit_bzero(s, sizeof *s);
}

static enum hm_err parse_line(struct hm_bytes line, struct door_hook_secrets *s, struct hm_why *why)
{
    HM_BUF_AUTO raw = {.limit = FILE_MAX};
    size_t n = sizeof PREFIX - 1;
    bool ok = s->count < DOOR_HOOK_SECRETS && line.len > n && memcmp(line.data, PREFIX, n) == 0 &&
              hm_unbase64(hm_bytes_of(line.data + n, line.len - n), &raw) == HM_OK &&
              raw.len >= DOOR_HOOK_SECRET_MIN && raw.len <= DOOR_HOOK_SECRET_MAX;
    if (ok) {
        memcpy(s->of[s->count].b, raw.data, raw.len);
        s->of[s->count++].len = raw.len;
    }
    hm_buf_wipe(&raw);
    return ok ? HM_OK
              : hm_fail(
                    why, HM_E_MALFORMED,
                    "line %zu: expected %s and the base64 of %d to %d bytes, on one or %d lines",
                    s->count + 1, PREFIX, DOOR_HOOK_SECRET_MIN, DOOR_HOOK_SECRET_MAX,
                    DOOR_HOOK_SECRETS);
}

enum hm_err door_hook_secrets_parse(struct hm_bytes text, struct door_hook_secrets *out,
                                    struct hm_why *why)
{
    struct door_hook_secrets s = {.count = 0};
    enum hm_err err = text.len > 0 ? HM_OK : hm_fail(why, HM_E_MALFORMED, "it is empty");
    while (err == HM_OK && text.len > 0) {
        const uint8_t *lf = memchr(text.data, '\n', text.len);
        size_t len = lf != NULL ? (size_t)(lf - text.data) : text.len;
        err = parse_line(hm_bytes_of(text.data, len), &s, why);
        len += lf != NULL ? 1 : 0;
        text = hm_bytes_of(text.data + len, text.len - len);
    }
    if (err == HM_OK)
        *out = s;
    door_hook_secrets_wipe(&s);
    return err;
}

static enum hm_err check_file(int fd, struct hm_why *why)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return hm_fail_errno(why, errno, "cannot look at it");
    if (!S_ISREG(st.st_mode))
        return hm_fail(why, HM_E_DENIED, "a secret comes from an ordinary file");
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return hm_fail(why, HM_E_DENIED, "others may read this secret (mode %04o); make it 0400",
                       (unsigned)(st.st_mode & 07777));
    return HM_OK;
}

enum hm_err door_hook_secrets_read(const char *path, struct door_hook_secrets *out,
                                   struct hm_why *why)
{
    uint8_t text[FILE_MAX];
    size_t len = 0;
    HM_FD_AUTO fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    enum hm_err err = fd >= 0 ? check_file(fd, why) : hm_fail_errno(why, errno, "cannot open");
    if (err == HM_OK)
        err = hm_fd_read_into(fd, text, sizeof text, &len, why);
    if (err == HM_OK)
        err = door_hook_secrets_parse(hm_bytes_of(text, len), out, why);
    explicit_bzero(text, sizeof text);
    return err == HM_OK ? HM_OK : hm_fail_in(why, HM_E_CONFIG, "secret_file %.300s", path);
}

enum hm_err door_hook_sign(const struct door_hook_secrets *s, const char *id, int64_t timestamp_s,
                           struct hm_bytes body, struct hm_buf *out, struct hm_why *why)
{
    HM_BUF_AUTO text = {.limit = HM_BUF_LIMIT_DEFAULT};
    hm_buf_printf(&text, "%s.%" PRId64 ".", id, timestamp_s);
    hm_buf_put(&text, body.data, body.len);
    if (hm_buf_err(&text) != HM_OK)
        return hm_fail(why, HM_E_MEMORY, "no memory for a signature");
    for (size_t i = 0; i < s->count; i++) {
        uint8_t mac[32];
        if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, s->of[i].b, s->of[i].len, text.data, text.len,
                             mac) != 0)
            return hm_fail(why, HM_E_INTERNAL, "HMAC-SHA256 failed");
        hm_buf_puts(out, i > 0 ? " v1," : "v1,");
        hm_base64(out, hm_bytes_of(mac, sizeof mac));
    }
    return hm_buf_err(out);
}
