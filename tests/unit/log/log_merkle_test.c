/* Merkle tree: roots, proofs and their checks against a plain implementation that follows the RFC's
 * text; every wrong proof is refused. */
#include "tests/unit/test_rows.h"

#include "schema/log/hm_merkle.h"

#define LEAVES 70
#define LEVELS 8

/* All complete nodes of a tree of LEAVES leaves. */
struct tree {
    struct hm_digest node[LEVELS][LEAVES];
};

static struct hm_digest leaf_of(uint64_t i)
{
    uint8_t record[8];
    for (unsigned b = 0; b < 8; b++)
        record[b] = (uint8_t)(i >> (8 * b));
    return hm_merkle_leaf(hm_bytes_of(record, sizeof record));
}

static int setup(void **state)
{
    struct tree *t = calloc(1, sizeof *t);
    if (t == NULL)
        return -1;
    for (uint64_t i = 0; i < LEAVES; i++)
        t->node[0][i] = leaf_of(i);
    for (unsigned l = 1; l < LEVELS; l++)
        for (uint64_t k = 0; (k + 1) << l <= LEAVES; k++)
            t->node[l][k] = hm_merkle_node(&t->node[l - 1][2 * k], &t->node[l - 1][2 * k + 1]);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

struct reader {
    const struct tree *tree;
    uint64_t size;
    unsigned calls_left;
};

static enum hm_err read_node(void *ctx, unsigned level, uint64_t k, struct hm_digest *out,
                             struct hm_why *why)
{
    struct reader *r = ctx;
    if (r->calls_left == 0)
        return hm_fail(why, HM_E_IO, "reader failed");
    r->calls_left--;
    assert_true(level < LEVELS && (k + 1) << level <= r->size);
    *out = r->tree->node[level][k];
    return HM_OK;
}

/* Level by level; a node without a partner moves up. */
static struct hm_digest plain_root(const struct tree *t, uint64_t size)
{
    struct hm_digest row[LEAVES];
    if (size == 0)
        return hm_merkle_empty();
    memcpy(row, t->node[0], size * sizeof row[0]);
    for (uint64_t n = size; n > 1; n = (n + 1) / 2)
        for (uint64_t i = 0; i < n; i += 2)
            row[i / 2] = i + 1 < n ? hm_merkle_node(&row[i], &row[i + 1]) : row[i];
    return row[0];
}

static void test_frontier(void **state)
{
    const struct tree *t = *state;
    struct hm_frontier f = {0};
    for (uint64_t i = 0; i < LEAVES; i++) {
        struct hm_digest completed[64];
        struct hm_digest root = hm_frontier_root(&f);
        struct hm_digest want = plain_root(t, i);
        assert_true(hm_digest_eq(&root, &want));
        unsigned n = hm_frontier_add(&f, &t->node[0][i], completed);
        assert_int_equal(n, 1 + __builtin_ctzll(i + 1));
        for (unsigned l = 0; l < n; l++)
            assert_true(hm_digest_eq(&completed[l], &t->node[l][i >> l]));
        struct reader r = {t, i + 1, 64};
        struct hm_frontier again;
        assert_int_equal(hm_merkle_frontier(i + 1, read_node, &r, &again, NULL), HM_OK);
        assert_int_equal(again.count, f.count);
        assert_int_equal(again.size, f.size);
        assert_memory_equal(again.node, f.node, f.count * sizeof f.node[0]);
    }
    struct hm_frontier quiet = {0};
    assert_int_equal(hm_frontier_add(&quiet, &t->node[0][0], NULL), 1);
}

static void wrong_paths(uint64_t index, uint64_t size, const struct hm_digest *leaf,
                        const struct hm_path *path, const struct hm_digest *root)
{
    struct hm_path p = *path;
    for (size_t i = 0; i < path->count; i++)
        for (unsigned bit = 0; bit<256; bit += size> 16 ? 37 : 1) {
            p.hash[i].b[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(hm_merkle_check_inclusion(index, size, leaf, &p, root),
                             HM_E_SIGNATURE);
            p.hash[i].b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    p.count = path->count + 1;
    p.hash[path->count] = *leaf;
    assert_int_equal(hm_merkle_check_inclusion(index, size, leaf, &p, root), HM_E_SIGNATURE);
    for (p.count = 0; p.count < path->count; p.count++)
        assert_int_equal(hm_merkle_check_inclusion(index, size, leaf, &p, root), HM_E_SIGNATURE);
    p.count = HM_PROOF_HASHES_MAX + 1;
    assert_int_equal(hm_merkle_check_inclusion(index, size, leaf, &p, root), HM_E_SIGNATURE);
}

static void test_inclusion(void **state)
{
    const struct tree *t = *state;
    for (uint64_t size = 1; size <= LEAVES; size++) {
        struct hm_digest root = plain_root(t, size);
        for (uint64_t i = 0; i < size; i++) {
            struct reader r = {t, size, 1000};
            struct hm_path path;
            assert_int_equal(hm_merkle_inclusion(i, size, read_node, &r, &path, NULL), HM_OK);
            const struct hm_digest *leaf = &t->node[0][i];
            assert_int_equal(hm_merkle_check_inclusion(i, size, leaf, &path, &root), HM_OK);
            for (uint64_t other = 0; other <= size; other++)
                if (other != i)
                    assert_int_equal(hm_merkle_check_inclusion(other, size, leaf, &path, &root),
                                     HM_E_SIGNATURE);
            wrong_paths(i, size, leaf, &path, &root);
            assert_int_equal(
                hm_merkle_check_inclusion(i, size, &t->node[0][(i + 1) % LEAVES], &path, &root),
                HM_E_SIGNATURE);
        }
    }
}

static void test_frontier_of_leaf(void **state)
{
    const struct tree *t = *state;
    for (uint64_t size = 1; size <= LEAVES; size++) {
        for (uint64_t i = 0; i < size; i++) {
            struct reader r = {t, size, 1000};
            struct hm_path path;
            struct hm_frontier want;
            struct hm_frontier f = {.count = 77};
            assert_int_equal(hm_merkle_inclusion(i, size, read_node, &r, &path, NULL), HM_OK);
            assert_int_equal(hm_merkle_frontier(i + 1, read_node, &r, &want, NULL), HM_OK);
            const struct hm_digest *leaf = &t->node[0][i];
            for (unsigned wrong = 0; wrong < 2; wrong++) {
                struct hm_path p = path;
                p.count += wrong == 0 ? 1 : 0;
                p.count -= wrong == 1 ? 1 : 0;
                p.hash[path.count] = *leaf;
                if (wrong == 0 || path.count > 0)
                    assert_int_equal(hm_merkle_frontier_of_leaf(i, size, leaf, &p, &f),
                                     HM_E_SIGNATURE);
            }
            assert_int_equal(hm_merkle_frontier_of_leaf(size, size, leaf, &path, &f),
                             HM_E_SIGNATURE);
            assert_int_equal(f.count, 77);
            assert_int_equal(hm_merkle_frontier_of_leaf(i, size, leaf, &path, &f), HM_OK);
            assert_int_equal(f.size, i + 1);
            assert_int_equal(f.count, want.count);
            assert_memory_equal(f.node, want.node, want.count * sizeof want.node[0]);
        }
    }
}

static void wrong_growth(uint64_t old, const struct hm_digest *old_root, uint64_t size,
                         const struct hm_digest *root, const struct hm_path *path)
{
    struct hm_path p = *path;
    struct hm_digest bad = *old_root;
    bad.b[31] ^= 1;
    assert_int_equal(hm_merkle_check_consistency(old, &bad, size, root, path), HM_E_SIGNATURE);
    bad = *root;
    bad.b[0] ^= 0x80;
    if (old != 0)
        assert_int_equal(hm_merkle_check_consistency(old, old_root, size, &bad, path),
                         HM_E_SIGNATURE);
    for (size_t i = 0; i < path->count; i++)
        for (unsigned bit = 0; bit<256; bit += size> 16 ? 41 : 1) {
            p.hash[i].b[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(hm_merkle_check_consistency(old, old_root, size, root, &p),
                             HM_E_SIGNATURE);
            p.hash[i].b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    p.count = path->count + 1;
    p.hash[path->count] = *root;
    assert_int_equal(hm_merkle_check_consistency(old, old_root, size, root, &p), HM_E_SIGNATURE);
    for (p.count = 0; p.count < path->count; p.count++)
        assert_int_equal(hm_merkle_check_consistency(old, old_root, size, root, &p),
                         HM_E_SIGNATURE);
    if (old != size)
        assert_int_equal(hm_merkle_check_consistency(size, root, old, old_root, path),
                         HM_E_SIGNATURE);
}

static void test_consistency(void **state)
{
    const struct tree *t = *state;
    for (uint64_t size = 0; size <= LEAVES; size++) {
        struct hm_digest root = plain_root(t, size);
        for (uint64_t old = 0; old <= size; old++) {
            struct hm_digest old_root = plain_root(t, old);
            struct reader r = {t, size, 1000};
            struct hm_path path;
            assert_int_equal(hm_merkle_consistency(old, size, read_node, &r, &path, NULL), HM_OK);
            assert_int_equal(hm_merkle_check_consistency(old, &old_root, size, &root, &path),
                             HM_OK);
            wrong_growth(old, &old_root, size, &root, &path);
        }
    }
}

static void test_out_of_range(void **state)
{
    struct reader r = {*state, LEAVES, 1000};
    struct hm_path path = {.count = 5};
    assert_int_equal(hm_merkle_inclusion(7, 7, read_node, &r, &path, NULL), HM_E_NOT_FOUND);
    assert_int_equal(hm_merkle_inclusion(0, 0, read_node, &r, &path, NULL), HM_E_NOT_FOUND);
    assert_int_equal(hm_merkle_consistency(8, 7, read_node, &r, &path, NULL), HM_E_HISTORY);
    assert_int_equal(path.count, 5);
}

/* Every call of the reader may fail; the output then stays as it was. */
static void test_reader_failure(void **state)
{
    for (unsigned calls = 0; calls < 6; calls++) {
        struct reader r = {*state, 63, calls};
        struct hm_path path = {.count = 5};
        struct hm_frontier f = {.count = 5};
        assert_int_equal(hm_merkle_inclusion(40, 63, read_node, &r, &path, NULL), HM_E_IO);
        r.calls_left = calls;
        assert_int_equal(hm_merkle_frontier(63, read_node, &r, &f, NULL), HM_E_IO);
        assert_int_equal(path.count, 5);
        assert_int_equal(f.count, 5);
    }
    struct reader none = {*state, 63, 0};
    struct hm_path path = {.count = 5};
    assert_int_equal(hm_merkle_consistency(40, 63, read_node, &none, &path, NULL), HM_E_IO);
    assert_int_equal(path.count, 5);
}

static void test_known_hashes(void **state)
{
    char hex[HM_SHA256_HEX];
    (void)state;
    struct hm_digest d = hm_merkle_empty();
    hm_digest_hex(&d, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    d = hm_merkle_leaf(hm_bytes_of(NULL, 0));
    hm_digest_hex(&d, hex);
    assert_string_equal(hex, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frontier),         cmocka_unit_test(test_inclusion),
        cmocka_unit_test(test_frontier_of_leaf), cmocka_unit_test(test_consistency),
        cmocka_unit_test(test_out_of_range),     cmocka_unit_test(test_reader_failure),
        cmocka_unit_test(test_known_hashes),
    };
    return cmocka_run_group_tests_name("log_merkle", tests, setup, teardown);
}
