/* Signatures of webhooks by the Standard Webhooks specification 1.0.0: HMAC-SHA256 over
 * "ID.TIMESTAMP.BODY" with a secret of 24 to 64 bytes, written "v1,BASE64"; several of them, while
 * a secret is being replaced, with a space between. */
#ifndef SERVER_DOOR_DOOR_HOOK_SIGN_H
#define SERVER_DOOR_DOOR_HOOK_SIGN_H

#include "schema/core/hm_bytes.h"

#define DOOR_HOOK_SECRETS 2
#define DOOR_HOOK_SECRET_MIN 24
#define DOOR_HOOK_SECRET_MAX 64

struct door_hook_secrets {
    struct {
        uint8_t b[DOOR_HOOK_SECRET_MAX];
        size_t len;
    } of[DOOR_HOOK_SECRETS];
    size_t count;
};
/* One or two lines "whsec_BASE64", each ended by a line feed but perhaps the last. HM_E_MALFORMED;
 * the text does not quote them. */
enum hm_err HM_MUST_USE door_hook_secrets_parse(struct hm_bytes text, struct door_hook_secrets *out,
                                                struct hm_why *why);
/* From a file that only its owner may read. HM_E_CONFIG. */
enum hm_err HM_MUST_USE door_hook_secrets_read(const char *path, struct door_hook_secrets *out,
                                               struct hm_why *why);
void door_hook_secrets_wipe(struct door_hook_secrets *s);

/* Appends the value of webhook-signature. */
enum hm_err HM_MUST_USE door_hook_sign(const struct door_hook_secrets *s, const char *id,
                                       int64_t timestamp_s, struct hm_bytes body,
                                       struct hm_buf *out, struct hm_why *why);

#endif
