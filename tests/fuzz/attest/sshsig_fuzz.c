/* Armoured SSH signatures, parsed and verified with the key that they bring along. */
#include "schema/attest/hm_sshsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_sshsig s;
    if (hm_sshsig_parse(hm_bytes_of(data, size), &s, NULL) != HM_OK)
        return 0;
    struct hm_key claimed = s.key;
    (void)!hm_sshsig_verify(&s, &claimed, "hallmark-approval", hm_bytes_str("x"), NULL);
    hm_sshsig_free(&s);
    return 0;
}
