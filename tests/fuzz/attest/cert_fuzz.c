/* Certificates as PEM and DER, and a chain that is its own authority. */
#include "schema/attest/hm_cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_cert c;
    struct hm_bytes text = hm_bytes_of(data, size);
    (void)!hm_cert_parse_der(text, &c, NULL);
    if (hm_cert_parse_pem(text, &c, NULL) == HM_OK)
        (void)!hm_cert_verify_chain(text, text, 1795224000, NULL);
    return 0;
}
