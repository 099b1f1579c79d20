/* RFC 6962 §2.1 hashes and the frontier: the right edge of a growing tree. Pure; any thread. Sizes
 * stay far below 2^63, so 64 nodes always suffice. */
#include "schema/log/hm_merkle.h"

#include <string.h>

struct hm_digest hm_merkle_leaf(struct hm_bytes record)
{
    static const uint8_t prefix = 0;
    return hm_sha256_3(hm_bytes_of(&prefix, 1), record, hm_bytes_of(NULL, 0));
}

struct hm_digest hm_merkle_node(const struct hm_digest *left, const struct hm_digest *right)
{
    uint8_t text[1 + 2 * HM_SHA256_LEN];
    text[0] = 1;
    memcpy(text + 1, left->b, HM_SHA256_LEN);
    memcpy(text + 1 + HM_SHA256_LEN, right->b, HM_SHA256_LEN);
    return hm_sha256(hm_bytes_of(text, sizeof text));
}

struct hm_digest hm_merkle_empty(void)
{
    return hm_sha256(hm_bytes_of(NULL, 0));
}

unsigned hm_frontier_add(struct hm_frontier *f, const struct hm_digest *leaf,
                         struct hm_digest completed[64])
{
    struct hm_digest carry = *leaf;
    unsigned done = 0;
    if (completed != NULL)
        completed[done] = carry;
    done++;
    for (uint64_t bits = f->size; (bits & 1) != 0 && f->count > 0; bits >>= 1) {
        f->count--;
        carry = hm_merkle_node(&f->node[f->count], &carry);
        if (completed != NULL)
            completed[done] = carry;
        done++;
    }
    f->node[f->count] = carry;
    f->count++;
    f->size++;
    return done;
}

struct hm_digest hm_frontier_root(const struct hm_frontier *f)
{
    if (f->count == 0)
        return hm_merkle_empty();
    struct hm_digest root = f->node[f->count - 1];
    for (unsigned i = f->count - 1; i > 0; i--)
        root = hm_merkle_node(&f->node[i - 1], &root);
    return root;
}

enum hm_err hm_merkle_node_row(unsigned level, uint64_t k, uint64_t size, uint64_t *leaf,
                               struct hm_why *why)
{
    if (level > 62 || k >= (UINT64_MAX >> (level + 1)) || ((k + 1) << level) > size)
        return hm_fail(why, HM_E_NOT_FOUND, "tree node (%u, %llu) is not complete at size %llu",
                       level, (unsigned long long)k, (unsigned long long)size);
    *leaf = ((k + 1) << level) - 1;
    return HM_OK;
}

enum hm_err hm_merkle_node_of(struct hm_bytes hashes, unsigned level, uint64_t leaf,
                              struct hm_digest *out, struct hm_why *why)
{
    size_t at = (size_t)level * HM_SHA256_LEN;
    if (hashes.len < at + HM_SHA256_LEN)
        return hm_fail(why, HM_E_HISTORY, "record %llu: hashes: level %u is missing",
                       (unsigned long long)leaf, level);
    memcpy(out->b, hashes.data + at, HM_SHA256_LEN);
    return HM_OK;
}
