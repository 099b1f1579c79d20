/* Proofs of RFC 6962 §2.1.1 and §2.1.2 made from stored perfect subtrees, and their checks as RFC
 * 9162 §2.1.3.2 and §2.1.4.2 spell them. Iterative throughout. Pure apart from the caller's node
 * reader. */
#include "schema/log/hm_merkle.h"

/* Perfect subtrees over leaves [start, start + count), largest first; start is a multiple of the
 * largest. */
static enum hm_err read_range(uint64_t start, uint64_t count, hm_node_fn read, void *ctx,
                              struct hm_frontier *out, struct hm_why *why)
{
    out->size = count;
    out->count = 0;
    for (unsigned level = 64; level-- > 0;) {
        if ((count >> level & 1) == 0)
            continue;
        enum hm_err e = read(ctx, level, start >> level, &out->node[out->count], why);
        if (e != HM_OK)
            return e;
        out->count++;
        start += UINT64_C(1) << level;
    }
    return HM_OK;
}

enum hm_err hm_merkle_frontier(uint64_t size, hm_node_fn read, void *ctx, struct hm_frontier *out,
                               struct hm_why *why)
{
    struct hm_frontier f = {0};
    enum hm_err e = read_range(0, size, read, ctx, &f, why);
    if (e == HM_OK)
        *out = f;
    return e;
}

uint64_t hm_merkle_width(unsigned level, uint64_t size)
{
    if (size == 0)
        return 0;
    return level < 64 ? ((size - 1) >> level) + 1 : 1;
}

enum hm_err hm_merkle_subtree(unsigned level, uint64_t k, uint64_t size, hm_node_fn read, void *ctx,
                              struct hm_digest *out, struct hm_why *why)
{
    if (k >= hm_merkle_width(level, size))
        return hm_fail(why, HM_E_NOT_FOUND, "no tree node (%u, %llu) at size %llu", level,
                       (unsigned long long)k, (unsigned long long)size);
    /* From level 63 on there is one node, k is 0. */
    uint64_t start = level < 64 ? k << level : 0;
    uint64_t rest = size - start;
    struct hm_frontier f = {0};
    if (level < 63 && rest > UINT64_C(1) << level)
        rest = UINT64_C(1) << level;
    enum hm_err e = read_range(start, rest, read, ctx, &f, why);
    if (e == HM_OK)
        *out = hm_frontier_root(&f);
    return e;
}

static enum hm_err path_add(struct hm_path *p, const struct hm_digest *hash, struct hm_why *why)
{
    if (p->count == HM_PROOF_HASHES_MAX)
        return hm_fail(why, HM_E_LIMIT, "a proof of more than %d hashes", HM_PROOF_HASHES_MAX);
    p->hash[p->count] = *hash;
    p->count++;
    return HM_OK;
}

/* Appends the siblings on the way from node (level, k) to the root of the tree of size leaves. A
 * node without a sibling moves up unchanged; the sibling at the right edge may be ragged. */
static enum hm_err add_siblings(unsigned level, uint64_t k, uint64_t size, hm_node_fn read,
                                void *ctx, struct hm_path *out, struct hm_why *why)
{
    uint64_t last = hm_merkle_width(level, size) - 1;
    for (; last > 0; level++, k >>= 1, last >>= 1) {
        uint64_t sibling = k ^ 1;
        if (sibling > last)
            continue;
        struct hm_digest hash;
        enum hm_err e = hm_merkle_subtree(level, sibling, size, read, ctx, &hash, why);
        if (e != HM_OK)
            return e;
        e = path_add(out, &hash, why);
        if (e != HM_OK)
            return e;
    }
    return HM_OK;
}

enum hm_err hm_merkle_subtree_inclusion(unsigned level, uint64_t k, uint64_t size, hm_node_fn read,
                                        void *ctx, struct hm_path *out, struct hm_why *why)
{
    struct hm_path p = {.count = 0};
    if (k >= hm_merkle_width(level, size))
        return hm_fail(why, HM_E_NOT_FOUND, "no tree node (%u, %llu) at size %llu", level,
                       (unsigned long long)k, (unsigned long long)size);
    enum hm_err e = add_siblings(level, k, size, read, ctx, &p, why);
    if (e == HM_OK)
        *out = p;
    return e;
}

enum hm_err hm_merkle_inclusion(uint64_t index, uint64_t size, hm_node_fn read, void *ctx,
                                struct hm_path *out, struct hm_why *why)
{
    if (index >= size)
        return hm_fail(why, HM_E_NOT_FOUND, "no entry %llu in a log of %llu",
                       (unsigned long long)index, (unsigned long long)size);
    return hm_merkle_subtree_inclusion(0, index, size, read, ctx, out, why);
}

static unsigned trailing_zeros(uint64_t v)
{
    unsigned n = 0;
    for (; (v & 1) == 0; v >>= 1)
        n++;
    return n;
}

enum hm_err hm_merkle_consistency(uint64_t old, uint64_t size, hm_node_fn read, void *ctx,
                                  struct hm_path *out, struct hm_why *why)
{
    struct hm_path p = {.count = 0};
    if (old > size)
        return hm_fail(why, HM_E_HISTORY, "a log of %llu entries does not extend one of %llu",
                       (unsigned long long)size, (unsigned long long)old);
    if (old != 0 && old != size) {
        unsigned level = trailing_zeros(old);
        uint64_t k = (old >> level) - 1;
        /* Where old is a power of two, this node is the old root, which the verifier has. */
        if (k != 0) {
            struct hm_digest first;
            enum hm_err e = read(ctx, level, k, &first, why);
            if (e == HM_OK)
                e = path_add(&p, &first, why);
            if (e != HM_OK)
                return e;
        }
        enum hm_err e = add_siblings(level, k, size, read, ctx, &p, why);
        if (e != HM_OK)
            return e;
    }
    *out = p;
    return HM_OK;
}

/* Where the walk stands: fn the node's index in its level, sn the last index of that level. */
struct walk {
    uint64_t fn;
    uint64_t sn;
};

/* Levels at which a node on the right edge has no sibling. */
static void skip_levels(struct walk *w)
{
    while ((w->fn & 1) == 0 && w->fn != 0) {
        w->fn >>= 1;
        w->sn >>= 1;
    }
}

enum hm_err hm_merkle_check_inclusion(uint64_t index, uint64_t size, const struct hm_digest *leaf,
                                      const struct hm_path *path, const struct hm_digest *root)
{
    if (index >= size || path->count > HM_PROOF_HASHES_MAX)
        return HM_E_SIGNATURE;
    struct walk w = {index, size - 1};
    struct hm_digest r = *leaf;
    for (size_t i = 0; i < path->count; i++) {
        if (w.sn == 0)
            return HM_E_SIGNATURE;
        if ((w.fn & 1) != 0 || w.fn == w.sn) {
            r = hm_merkle_node(&path->hash[i], &r);
            skip_levels(&w);
        } else {
            r = hm_merkle_node(&r, &path->hash[i]);
        }
        w.fn >>= 1;
        w.sn >>= 1;
    }
    return w.sn == 0 && hm_digest_eq(&r, root) ? HM_OK : HM_E_SIGNATURE;
}

enum hm_err hm_merkle_frontier_of_leaf(uint64_t index, uint64_t size, const struct hm_digest *leaf,
                                       const struct hm_path *path, struct hm_frontier *out)
{
    const struct hm_digest *left[HM_PROOF_HASHES_MAX];
    unsigned count = 0;
    struct walk w = {index, size - 1};
    if (index >= size || path->count > HM_PROOF_HASHES_MAX)
        return HM_E_SIGNATURE;
    size_t i = 0;
    for (; i < path->count && w.sn != 0; i++) {
        if ((w.fn & 1) != 0 || w.fn == w.sn) {
            left[count++] = &path->hash[i];
            skip_levels(&w);
        }
        w.fn >>= 1;
        w.sn >>= 1;
    }
    /* The lowest of them make one perfect subtree with the leaf, the others are one each. */
    struct hm_digest last = *leaf;
    unsigned joined = 0;
    for (; (index >> joined & 1) != 0 && joined < count; joined++)
        last = hm_merkle_node(left[joined], &last);
    struct hm_frontier f = {.size = index + 1};
    while (count > joined)
        f.node[f.count++] = *left[--count];
    f.node[f.count++] = last;
    if (i < path->count || w.sn != 0 || f.count != (unsigned)__builtin_popcountll(f.size))
        return HM_E_SIGNATURE;
    *out = f;
    return HM_OK;
}

/* Both roots from the hash of old's last perfect subtree and the siblings above it. */
static bool walk_both(struct walk w, const struct hm_digest *hash, size_t count,
                      struct hm_digest *fr, struct hm_digest *sr)
{
    for (size_t i = 0; i < count; i++) {
        if (w.sn == 0)
            return false;
        if ((w.fn & 1) != 0 || w.fn == w.sn) {
            *fr = hm_merkle_node(&hash[i], fr);
            *sr = hm_merkle_node(&hash[i], sr);
            skip_levels(&w);
        } else {
            *sr = hm_merkle_node(sr, &hash[i]);
        }
        w.fn >>= 1;
        w.sn >>= 1;
    }
    return w.sn == 0;
}

/* 0 < old < size. */
static bool check_growth(uint64_t old, const struct hm_digest *old_root, uint64_t size,
                         const struct hm_digest *root, const struct hm_path *path)
{
    struct walk w = {old - 1, size - 1};
    const struct hm_digest *hash = path->hash;
    size_t count = path->count;
    while ((w.fn & 1) != 0) {
        w.fn >>= 1;
        w.sn >>= 1;
    }
    struct hm_digest start = *old_root;
    if (w.fn != 0) {
        if (count == 0)
            return false;
        start = hash[0];
        hash++;
        count--;
    }
    struct hm_digest fr = start;
    struct hm_digest sr = start;
    return walk_both(w, hash, count, &fr, &sr) && hm_digest_eq(&fr, old_root) &&
           hm_digest_eq(&sr, root);
}

enum hm_err hm_merkle_check_consistency(uint64_t old, const struct hm_digest *old_root,
                                        uint64_t size, const struct hm_digest *root,
                                        const struct hm_path *path)
{
    bool ok = false;
    if (old > size || path->count > HM_PROOF_HASHES_MAX)
        return HM_E_SIGNATURE;
    if (old == size) {
        ok = path->count == 0 && hm_digest_eq(old_root, root);
    } else if (old == 0) {
        struct hm_digest empty = hm_merkle_empty();
        ok = path->count == 0 && hm_digest_eq(old_root, &empty);
    } else {
        ok = check_growth(old, old_root, size, root, path);
    }
    return ok ? HM_OK : HM_E_SIGNATURE;
}
