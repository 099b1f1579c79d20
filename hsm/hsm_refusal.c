/* The memory of refused PINs: <state_dir>/pin-refused-<hex of the token's serial>, two lines of
 * text: the state of the PIN file, and its path. It survives restarts, so that a service that is
 * started again and again does not use up the tries that a token gives. */
#include "hsm/hsm_pin_priv.h"

#include "schema/core/hm_bytes.h"
#include "schema/core/hm_text.h"
#include "schema/io/hm_file.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define REFUSAL_MAX 8192

static const char *file_of(struct hm_buf *b, const char *state_dir, const char *serial)
{
    char hex[2 * 32 + 1] = "";
    size_t len = strlen(serial);
    hm_hex((const uint8_t *)serial, len <= 32 ? len : 32, hex);
    hm_buf_printf(b, "%s/pin-refused-%s", state_dir, hex);
    return hm_buf_str(b);
}

static void describe(struct hm_buf *b, const char *path, const struct hsm_pin_source *s)
{
    hm_buf_printf(b,
                  "device %" PRIu64 " inode %" PRIu64 " size %" PRIu64 " mtime %" PRId64
                  ".%09" PRId64 "\n%s\n",
                  s->device, s->inode, s->size, s->mtime_s, s->mtime_ns, path);
}

enum hm_err hsm_refusal_check(const char *state_dir, const char *serial, const char *path,
                              const struct hsm_pin_source *source, enum hsm_refusal *out,
                              struct hm_why *why)
{
    HM_BUF_AUTO name = {.limit = REFUSAL_MAX};
    HM_BUF_AUTO have = {.limit = REFUSAL_MAX};
    HM_BUF_AUTO now = {.limit = REFUSAL_MAX};
    const char *file = file_of(&name, state_dir, serial);
    if (file == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for the name of a PIN's state");
    enum hm_err err = hm_file_read(file, REFUSAL_MAX, &have, why);
    if (err == HM_E_NOT_FOUND) {
        *out = HSM_REFUSAL_NONE;
        return HM_OK;
    }
    if (err != HM_OK)
        return err;
    describe(&now, path, source);
    if (hm_buf_err(&now) != HM_OK)
        return hm_fail(why, hm_buf_err(&now), "%s: the path is too long", path);
    *out = hm_bytes_eq(hm_buf_bytes(&have), hm_buf_bytes(&now)) ? HSM_REFUSAL_SAME
                                                                : HSM_REFUSAL_CHANGED;
    return HM_OK;
}

enum hm_err hsm_refusal_remember(const char *state_dir, const char *serial, const char *path,
                                 const struct hsm_pin_source *source, struct hm_why *why)
{
    HM_BUF_AUTO name = {.limit = REFUSAL_MAX};
    HM_BUF_AUTO text = {.limit = REFUSAL_MAX};
    const char *file = file_of(&name, state_dir, serial);
    describe(&text, path, source);
    if (file == NULL || hm_buf_err(&text) != HM_OK)
        return hm_fail(why, HM_E_MEMORY, "no memory for a PIN's state");
    return hm_file_write_atomic(file, hm_buf_bytes(&text), 0600, why);
}

void hsm_refusal_forget(const char *state_dir, const char *serial)
{
    HM_BUF_AUTO name = {.limit = REFUSAL_MAX};
    const char *file = file_of(&name, state_dir, serial);
    if (file != NULL)
        (void)unlink(file);
}
