/* Reading SIGNER_SIGN. */
#include "server/signer/signer_item.h"

#include "server/ipc/ipc_ops.h"

#include <stdlib.h>

static void read_item(struct ipc_in *in, struct signer_item *it)
{
    ipc_get_digest(in, &it->key);
    it->tbs = ipc_get_bytes(in, SIGNER_TBS_MAX);
    it->record = ipc_get_bytes(in, HM_RECORD_MAX);
    it->index = ipc_get_u64(in);
    it->size = ipc_get_u64(in);
    it->path.count = ipc_get_digests(in, it->path.hash, HM_PROOF_HASHES_MAX);
    it->statement = ipc_get_bytes(in, HM_STATEMENT_MAX);
    it->approval_count = ipc_get_count(in, HM_APPROVALS_MAX);
    for (size_t i = 0; i < it->approval_count; i++)
        it->approvals[i] = ipc_get_bytes(in, HM_SIGNED_MAX);
}

enum hm_err signer_items_read(struct hm_bytes body, struct signer_item **out, size_t *count,
                              struct hm_why *why)
{
    struct ipc_in in;
    ipc_in_begin(&in, body);
    size_t n = ipc_get_count(&in, SIGNER_SIGN_MAX);
    struct signer_item *items = calloc(n + 1, sizeof *items);
    if (items == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for %zu requests", n);
    for (size_t i = 0; i < n && in.err == HM_OK; i++)
        read_item(&in, &items[i]);
    enum hm_err err = ipc_in_end(&in, why);
    if (err != HM_OK) {
        free(items);
        return err;
    }
    *out = items;
    *count = n;
    return HM_OK;
}
