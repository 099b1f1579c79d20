/* Key sets: every key that counts has an id, an algorithm, and reads back from its own text. */
#include "schema/oidc/hm_jwks.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_jwks *s = NULL;
    struct hm_jwk *again = NULL;
    if (hm_jwks_open(hm_bytes_of(data, size), &s, NULL) != HM_OK)
        return 0;
    const struct hm_jwk *k = hm_jwks_find(s, "k");
    if (k != NULL) {
        if (hm_jwk_algs(k) == 0 || hm_jwk_open(hm_jwk_text(k), &again, NULL) != HM_OK ||
            !hm_bytes_eq(hm_jwk_text(k), hm_jwk_text(again)))
            abort();
        hm_jwk_free(again);
    }
    hm_jwks_close(s);
    return 0;
}
