/* Proof files: parsing, checkpoint and witnesses, path. */
#include "tests/fuzz/device/device_fuzz_util.h"

#include "device/hm_device_log_priv.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[HMD_ED25519_LEN] = {1};
    /* one element: ["w", 32 bytes] */
    static const uint8_t witness[3 + 2 + HMD_ED25519_LEN] = {0x82, 0x61, 'w', 0x58, HMD_ED25519_LEN,
                                                             2};
    static const char origin[] = "hallmark.example/rehearsal";
    const struct hmd_crypto crypto = fuzz_crypto();
    struct hmd_work work;
    struct hmd_proof proof;
    struct hmd_store store;
    unsigned witnesses;
    uint64_t time_s;
    memset(&store, 0, sizeof store);
    store.origin = (struct hmd_bytes){(const uint8_t *)origin, sizeof origin - 1};
    store.log_key = key;
    store.witnesses = (struct hmd_bytes){witness, sizeof witness};
    store.witness_count = 1;
    store.quorum = 1;
    if (hmd_proof_open((struct hmd_bytes){data, size}, &work, &proof) != HMD_OK)
        return 0;
    (void)hmd_checkpoint_verify(&crypto, &store, &proof, &witnesses, &time_s);
    (void)hmd_proof_included(&crypto, &proof, (struct hmd_bytes){work.record, proof.record_len});
    return 0;
}
