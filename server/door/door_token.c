#include "server/door/door_token.h"

#include "server/ipc/ipc_msg.h"

#include <string.h>
#include <strings.h>

enum hm_err door_token_take(struct door_conn *c, const char *authorization, struct hm_why *why)
{
    static const char scheme[] = "Bearer ";
    static const struct hm_digest none; /* where a certificate's fingerprint stands */
    size_t n = strlen(authorization);
    if (strncasecmp(authorization, scheme, sizeof scheme - 1) != 0 || n < sizeof scheme ||
        n > sizeof scheme - 1 + DOOR_TOKEN_MAX)
        return hm_fail(why, HM_E_DENIED, "Authorization: expected \"Bearer \" and a token");
    struct hm_bytes token = hm_bytes_str(authorization + sizeof scheme - 1);
    /* Never what a certificate's fingerprint could be: both are keys of one table. */
    struct hm_digest d =
        hm_sha256_3(hm_bytes_str("bearer token\n"), token, (struct hm_bytes){NULL, 0});
    if (hm_digest_eq(&d, &c->client.fingerprint))
        return HM_OK;
    memset(&c->who, 0, sizeof c->who);
    hm_buf_reset(&c->client.caller);
    ipc_put_digest(&c->client.caller, &none);
    ipc_put_bytes(&c->client.caller, token);
    if (hm_buf_err(&c->client.caller) != HM_OK)
        return hm_fail(why, HM_E_MEMORY, "no memory for the client's identity");
    c->client.fingerprint = d;
    return HM_OK;
}
