/* What a witness reads from strangers: whatever parses is written again byte for byte, and its
 * checkpoint comes apart into pieces of the request. */
#include "schema/log/hm_add_checkpoint.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void note(struct hm_bytes text)
{
    static const char line[] = "hallmark.example/rehearsal+6d4e8497+"
                               "AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";
    HM_BUF_AUTO lines = {0};
    struct hm_checkpoint_parts p;
    struct hm_vkey v;
    if (hm_vkey_parse(hm_bytes_str(line), &v, NULL) != HM_OK)
        abort();
    if (hm_checkpoint_split(text, true, &p, NULL) != HM_OK)
        return;
    if (p.body.len + 1 + p.signatures.len != text.len)
        abort();
    if (hm_checkpoint_verify(&p, &v, 1, &lines, NULL) == HM_OK && lines.len == 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HM_BUF_AUTO again = {0};
    struct hm_add_checkpoint a;
    struct hm_bytes text = hm_bytes_of(data, size);
    uint64_t n;
    (void)!hm_tree_size_parse(text, &n);
    if (hm_add_checkpoint_parse(text, &a, NULL) != HM_OK)
        return 0;
    hm_add_checkpoint_write(a.old_size, &a.path, a.note, &again);
    if (hm_buf_err(&again) != HM_OK || !hm_bytes_eq(hm_buf_bytes(&again), text))
        abort();
    note(a.note);
    return 0;
}
