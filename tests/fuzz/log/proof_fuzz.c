/* Checkpoints and proof files under one fixed log key: whatever opens carries a record. */
#include "schema/log/hm_tlog_proof.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char line[] = "hallmark.example/rehearsal+6d4e8497+"
                               "AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";
    struct hm_vkey v;
    struct hm_vkey other;
    struct hm_checkpoint c;
    struct hm_tlog_proof p;
    struct hm_bytes text = hm_bytes_of(data, size);
    if (hm_vkey_parse(hm_bytes_str(line), &v, NULL) != HM_OK)
        abort();
    (void)!hm_vkey_parse(text, &other, NULL);
    (void)!hm_checkpoint_open(text, &v, &c, NULL);
    if (hm_tlog_proof_open(text, &v, &p, NULL) != HM_OK)
        return 0;
    if (p.index >= p.checkpoint.size)
        abort();
    hm_buf_free(&p.record);
    return 0;
}
