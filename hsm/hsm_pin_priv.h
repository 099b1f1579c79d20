/* A PIN on its way from its file to the token, and the memory of PINs that were refused. */
#ifndef HSM_HSM_PIN_PRIV_H
#define HSM_HSM_PIN_PRIV_H

#include "hsm/hsm_ckr_priv.h"

#include <stdint.h>

#define HSM_PIN_MAX 255 /* bytes */

/* Which file, in which state, a PIN was read from. */
struct hsm_pin_source {
    uint64_t device, inode, size;
    int64_t mtime_s, mtime_ns;
};

/* A secret: declare with HSM_PIN_AUTO, so that it is wiped on every way out. */
struct hsm_pin {
    unsigned char text[HSM_PIN_MAX + 2];
    unsigned long len;
    struct hsm_pin_source source;
};
void hsm_pin_wipe(struct hsm_pin *p);
#define HSM_PIN_AUTO __attribute__((cleanup(hsm_pin_wipe))) struct hsm_pin

/* One line; its newline is cut. A file that others may read is HM_E_PIN, as is an empty one. In
 * systemd's credential folder ($CREDENTIALS_DIRECTORY) the group bits are the mask of an access
 * list. */
enum hm_err HM_MUST_USE hsm_pin_read(const char *path, struct hsm_pin *out, struct hm_why *why);

enum hsm_refusal {
    HSM_REFUSAL_NONE,    /* nothing remembered for this token */
    HSM_REFUSAL_SAME,    /* this very file was refused */
    HSM_REFUSAL_CHANGED, /* a PIN was refused, and the file has changed since: somebody was there */
};
/* Durable memory, one small file for each token serial in state_dir. */
enum hm_err HM_MUST_USE hsm_refusal_check(const char *state_dir, const char *serial,
                                          const char *path, const struct hsm_pin_source *source,
                                          enum hsm_refusal *out, struct hm_why *why);
enum hm_err HM_MUST_USE hsm_refusal_remember(const char *state_dir, const char *serial,
                                             const char *path, const struct hsm_pin_source *source,
                                             struct hm_why *why);
void hsm_refusal_forget(const char *state_dir, const char *serial);

#endif
