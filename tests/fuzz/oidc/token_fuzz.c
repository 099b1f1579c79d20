/* Tokens: what parses has bounded texts and a life of at most a day, and no key that it was not
 * made with verifies it. The first byte chooses between raw text and header, payload as JSON. */
#include "schema/core/hm_text.h"
#include "schema/oidc/hm_oidc.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* JSON of header and payload, parted by a newline, in the clothes of a token: the parser's inside.
 */
static void wrap(struct hm_buf *out, struct hm_bytes in)
{
    const uint8_t *nl = memchr(in.data, '\n', in.len);
    size_t head = nl != NULL ? (size_t)(nl - in.data) : in.len;
    struct hm_bytes part[2] = {hm_bytes_of(in.data, head),
                               hm_bytes_of(in.data + head, in.len - head)};
    for (size_t i = 0; i < 2; i++) {
        size_t from = out->len;
        hm_base64(out, part[i]);
        for (size_t n = from; n < out->len; n++)
            out->data[n] = out->data[n] == '+' ? '-' : out->data[n] == '/' ? '_' : out->data[n];
        while (out->len > from && out->data[out->len - 1] == '=')
            out->len--;
        hm_buf_putc(out, '.');
    }
    hm_buf_puts(out, "AAAA");
}

static void look(struct hm_bytes text)
{
    static const char key[] = "{\"crv\":\"P-256\",\"kid\":\"k\",\"kty\":\"EC\","
                              "\"x\":\"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY\","
                              "\"y\":\"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU\"}";
    struct hm_oidc_token t;
    struct hm_jwk *k = NULL;
    if (hm_oidc_parse(text, &t, NULL) != HM_OK)
        return;
    if (t.alg == 0 || t.kid[0] == '\0' || t.jti[0] == '\0' || t.issuer[0] == '\0' ||
        t.audience[0] == '\0' || t.expires_s <= t.issued_s ||
        t.expires_s - t.issued_s > HM_OIDC_LIFE_MAX_S)
        abort();
    if (hm_jwk_open(hm_bytes_str(key), &k, NULL) != HM_OK ||
        hm_oidc_verify(&t, k, HM_OIDC_ALGS_ALL, NULL) == HM_OK)
        abort();
    (void)hm_oidc_id(&t);
    hm_jwk_free(k);
    hm_oidc_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HM_BUF_AUTO text = {.limit = 65536};
    if (size == 0 || size > 8000)
        return 0;
    if (data[0] == '{')
        wrap(&text, hm_bytes_of(data, size));
    else
        hm_buf_put(&text, data, size);
    look(hm_buf_bytes(&text));
    return 0;
}
