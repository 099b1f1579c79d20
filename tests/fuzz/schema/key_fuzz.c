/* Public keys in each form: whatever is taken is written back the same. */
#include "schema/key/hm_key.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool ok)
{
    if (!ok)
        abort();
}

static void try_spki(struct hm_bytes in)
{
    struct hm_key k;
    uint8_t buf[HM_KEY_SPKI_MAX];
    if (hm_key_from_spki(in, &k, NULL) == HM_OK)
        demand(hm_bytes_eq(hm_key_spki(&k, buf), in));
}

static void try_blob(struct hm_bytes in)
{
    struct hm_key k;
    HM_BUF_AUTO out = {.limit = 0};
    if (hm_key_from_ssh_blob(in, &k, NULL) != HM_OK)
        return;
    hm_key_ssh_blob(&k, &out);
    demand(hm_bytes_eq(hm_buf_bytes(&out), in));
}

static void try_text(struct hm_bytes in)
{
    struct hm_key k;
    struct hm_key again;
    HM_BUF_AUTO line = {.limit = 0};
    if (hm_key_from_pem(in, &k, NULL) == HM_OK) {
        HM_BUF_AUTO out = {.limit = 0};
        hm_key_pem(&k, &out);
        demand(hm_key_from_pem(hm_buf_bytes(&out), &again, NULL) == HM_OK && hm_key_eq(&k, &again));
    }
    hm_buf_put(&line, in.data, in.len);
    const char *text = hm_buf_str(&line);
    if (text != NULL && hm_key_from_ssh_line(text, &k, NULL) == HM_OK) {
        HM_BUF_AUTO blob = {.limit = 0};
        hm_key_ssh_blob(&k, &blob);
        demand(hm_key_from_ssh_blob(hm_buf_bytes(&blob), &again, NULL) == HM_OK &&
               hm_key_eq(&k, &again));
    }
}

static void try_signature(struct hm_bytes in)
{
    uint8_t raw[64];
    HM_BUF_AUTO out = {.limit = 0};
    if (hm_ecdsa_der_to_raw(in, raw) != HM_OK)
        return;
    demand(hm_ecdsa_raw_to_der(raw, &out) == HM_OK && hm_bytes_eq(hm_buf_bytes(&out), in));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_bytes in = hm_bytes_of(data, size);
    try_spki(in);
    try_blob(in);
    try_text(in);
    try_signature(in);
    return 0;
}
