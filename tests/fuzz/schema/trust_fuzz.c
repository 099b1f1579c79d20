/* Root-signed documents. Signatures stop a fuzzer at the door, so the payload readers are fed
 * directly too. */
#include "schema/trust/hm_genesis.h"
#include "schema/trust/hm_policy_root.h"
#include "schema/trust/hm_trust_store_priv.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_store(struct hm_bytes in)
{
    HM_BUF_AUTO out = {.limit = 0};
    HM_FREE struct hm_trust_store *t = malloc(sizeof *t);
    if (t == NULL)
        abort();
    struct hm_root root;
    if (hm_trust_store_open(in, t, NULL) == HM_OK) {
        hm_trust_store_root(t, &root);
        if (root.count == 0 || root.threshold == 0 || root.threshold > root.count)
            abort();
    }
    if (hm_ts_decode(in, t, NULL) != HM_OK || hm_ts_check(t, NULL) != HM_OK)
        return;
    hm_ts_encode(t, &out);
    if (!hm_bytes_eq(hm_buf_bytes(&out), in))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_bytes in = hm_bytes_of(data, size);
    struct hm_root root = {.count = 1, .threshold = 1};
    struct hm_guards guards;
    struct hm_genesis genesis;
    struct hm_policy_root replacement;
    root.keys[0] = (struct hm_key){.alg = HM_KEY_ED25519, .raw = {0x66}, .raw_len = 32};
    try_store(in);
    if (hm_guards_open(in, &root, &guards, NULL) == HM_OK ||
        hm_genesis_open(in, &root, &genesis, NULL) == HM_OK ||
        hm_policy_root_open(in, &root, &replacement, NULL) == HM_OK)
        abort();
    return 0;
}
