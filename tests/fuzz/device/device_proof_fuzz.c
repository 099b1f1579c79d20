/* Proof files: parsing, checkpoint and witnesses, path. Keys are those of make_corpus.py, so that
 * the seeds' signature lines are found; every signature passes (fuzz_crypto). */
#include "tests/fuzz/device/device_fuzz_util.h"

#include "device/hm_device_log_priv.h"

#include <stdlib.h>
#include <string.h>

#define WITNESSES 2

static const uint8_t log_key[HMD_ED25519_LEN] = {
    0x16, 0xc7, 0x8d, 0x9b, 0x94, 0xa4, 0xa7, 0x06, 0xdd, 0x8b, 0x2d, 0x6f, 0x4e, 0xc9, 0xc1, 0xec,
    0x79, 0xda, 0x40, 0xe2, 0xcb, 0x50, 0x13, 0x27, 0x05, 0x69, 0x6f, 0x37, 0xce, 0xfe, 0x1f, 0xd5};
/* Elements: ["w", 32 bytes], ["x", 32 bytes] */
static const uint8_t witnesses[] = {0x82,
                                    0x61,
                                    'w',
                                    0x58,
                                    HMD_ED25519_LEN,
                                    0xb7,
                                    0xdd,
                                    0x8f,
                                    0x5f,
                                    0x12,
                                    0xd6,
                                    0xfa,
                                    0x5a,
                                    0x09,
                                    0x86,
                                    0x1d,
                                    0xc0,
                                    0xc3,
                                    0x1f,
                                    0x42,
                                    0x38,
                                    0x71,
                                    0xca,
                                    0x30,
                                    0x1e,
                                    0x7b,
                                    0x6c,
                                    0x9c,
                                    0xe8,
                                    0x9d,
                                    0xac,
                                    0xd3,
                                    0x0c,
                                    0x2a,
                                    0xf3,
                                    0x98,
                                    0xfb,
                                    0x82,
                                    0x61,
                                    'x',
                                    0x58,
                                    HMD_ED25519_LEN,
                                    0x61,
                                    0xe2,
                                    0x56,
                                    0x66,
                                    0x40,
                                    0xdb,
                                    0x1f,
                                    0x31,
                                    0xe9,
                                    0x7e,
                                    0x99,
                                    0xa9,
                                    0xa0,
                                    0x4c,
                                    0xa8,
                                    0x09,
                                    0x48,
                                    0xd1,
                                    0x25,
                                    0xb1,
                                    0xce,
                                    0xe6,
                                    0xcd,
                                    0x5e,
                                    0xf2,
                                    0xa7,
                                    0x8e,
                                    0x86,
                                    0x67,
                                    0x62,
                                    0xcf,
                                    0x82};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char origin[] = "hallmark.example/rehearsal";
    const struct hmd_crypto crypto = fuzz_crypto();
    struct hmd_work work;
    struct hmd_proof proof;
    struct hmd_store store;
    unsigned cosigned = 0;
    uint64_t time_s = 0;
    memset(&store, 0, sizeof store);
    store.origin = (struct hmd_bytes){(const uint8_t *)origin, sizeof origin - 1};
    store.log_key = log_key;
    store.witnesses = (struct hmd_bytes){witnesses, sizeof witnesses};
    store.witness_count = WITNESSES;
    store.quorum = 1;
    if (hmd_proof_open((struct hmd_bytes){data, size}, &work, &proof) != HMD_OK)
        return 0;
    if (hmd_checkpoint_verify(&crypto, &store, &proof, &cosigned, &time_s) == HMD_OK &&
        (cosigned < 1 || cosigned > WITNESSES || time_s == 0 || time_s > INT64_MAX))
        abort();
    (void)hmd_proof_included(&crypto, &proof, (struct hmd_bytes){work.record, proof.record_len});
    return 0;
}
