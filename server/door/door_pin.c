/* Which log this door follows: the verifier key seen at first contact. */
#include "server/door/door_model_priv.h"

#include "schema/io/hm_file.h"

#include <string.h>

#define PIN_MAX 512

enum hm_err door_pin_check(const char *query_db, struct hm_bytes vkey_line, struct hm_why *why)
{
    HM_BUF_AUTO path = {.limit = 4096};
    HM_BUF_AUTO pinned = {.limit = PIN_MAX};
    hm_buf_printf(&path, "%s.logkey", query_db);
    const char *name = hm_buf_str(&path);
    if (name == NULL)
        return hm_fail(why, HM_E_LIMIT, "query_db: path too long");
    enum hm_err err = hm_file_read(name, PIN_MAX, &pinned, why);
    if (err == HM_E_NOT_FOUND) {
        hm_buf_reset(&pinned);
        hm_buf_put(&pinned, vkey_line.data, vkey_line.len);
        hm_buf_putc(&pinned, '\n');
        return hm_file_write_atomic(name, hm_buf_bytes(&pinned), 0600, why);
    }
    if (err != HM_OK)
        return err;
    size_t len = pinned.len > 0 && pinned.data[pinned.len - 1] == '\n' ? pinned.len - 1 : 0;
    if (hm_bytes_eq(hm_bytes_of(pinned.data, len), vkey_line))
        return HM_OK;
    return hm_fail(why, HM_E_HISTORY,
                   "the registrar's log key is not the one of first contact: %s has %.*s, the "
                   "registrar says %.*s. If the log was really founded anew, remove %s and %s; if "
                   "not, somebody shows another log",
                   name, (int)(len < 160 ? len : 160), (const char *)pinned.data,
                   (int)(vkey_line.len < 160 ? vkey_line.len : 160), (const char *)vkey_line.data,
                   name, query_db);
}
