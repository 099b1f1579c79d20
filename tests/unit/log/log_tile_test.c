/* Tile paths, how much of a tile a tree has, and tiles checked against roots: over a tree whose
 * nodes were made level by level, at sizes around the edges of full tiles. */
#include "tests/unit/test_rows.h"

#include "schema/log/hm_tile.h"

#include <stdio.h>

#define LEAVES 66000u
#define LEVELS 17

struct tree {
    struct hm_digest *node[LEVELS];
};

static int setup(void **state)
{
    struct tree *t = calloc(1, sizeof *t);
    assert_non_null(t);
    for (unsigned l = 0; l < LEVELS; l++) {
        t->node[l] = calloc((LEAVES >> l) + 1, sizeof *t->node[l]);
        assert_non_null(t->node[l]);
    }
    for (uint64_t i = 0; i < LEAVES; i++)
        t->node[0][i] = hm_merkle_leaf(hm_bytes_of(&i, sizeof i));
    for (unsigned l = 1; l < LEVELS; l++)
        for (uint64_t k = 0; k < LEAVES >> l; k++)
            t->node[l][k] = hm_merkle_node(&t->node[l - 1][2 * k], &t->node[l - 1][2 * k + 1]);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct tree *t = *state;
    for (unsigned l = 0; l < LEVELS; l++)
        free(t->node[l]);
    free(t);
    return 0;
}

struct reader {
    const struct tree *tree;
    uint64_t size;
};

static enum hm_err read_node(void *ctx, unsigned level, uint64_t k, struct hm_digest *out,
                             struct hm_why *why)
{
    const struct reader *r = ctx;
    (void)why;
    assert_true(level < LEVELS && (k + 1) << level <= r->size);
    *out = r->tree->node[level][k];
    return HM_OK;
}

/* RFC 6962 §2.1, as the text has it. */
static struct hm_digest mth(const struct tree *t, uint64_t first, uint64_t count)
{
    if (count == 0)
        return hm_merkle_empty();
    if (count == 1)
        return t->node[0][first];
    uint64_t k = 1;
    while (k * 2 < count)
        k *= 2;
    struct hm_digest left = mth(t, first, k);
    struct hm_digest right = mth(t, first + k, count - k);
    return hm_merkle_node(&left, &right);
}

static const uint64_t sizes[] = {1,     2,     3,     255,   256,   257,   258,
                                 511,   512,   513,   4097,  65279, 65280, 65281,
                                 65535, 65536, 65537, 65791, 65792, 65793, LEAVES};

/* floor(s / 256^l), and what of it lies in the tile. */
static unsigned said(unsigned level, uint64_t index, uint64_t size)
{
    for (unsigned l = 0; l < level; l++)
        size /= 256;
    if (size / 256 > index)
        return 256;
    return size / 256 == index ? (unsigned)(size % 256) : 0;
}

static void check_tile(const struct tree *t, const struct hm_tile *tile, uint64_t size)
{
    struct hm_digest hash[HM_TILE_WIDTH];
    struct hm_why why = {.text = ""};
    struct hm_digest root = mth(t, 0, size);
    struct reader r = {t, size};
    unsigned n = hm_tile_available(tile, size);
    assert_int_equal(n, said(tile->level, tile->index, size));
    if (n == 0) {
        assert_int_equal(hm_tile_check(tile, hash, size, &root, read_node, &r, &why), HM_E_HISTORY);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        hash[i] = t->node[8 * tile->level][hm_tile_first(tile) + i];
    assert_int_equal(hm_tile_check(tile, hash, size, &root, read_node, &r, &why), HM_OK);
    for (unsigned i = 0; i<n; i += n> 3 ? n / 3 : 1) {
        hash[i].b[i % 32] ^= 0x10;
        assert_int_equal(hm_tile_check(tile, hash, size, &root, read_node, &r, &why), HM_E_HISTORY);
        hash[i].b[i % 32] ^= 0x10;
    }
    root.b[7] ^= 1;
    assert_int_equal(hm_tile_check(tile, hash, size, &root, read_node, &r, &why), HM_E_HISTORY);
    struct hm_tile next = *tile;
    next.index++;
    root.b[7] ^= 1;
    if (hm_tile_available(&next, size) == n) /* the hashes of another tile */
        assert_int_equal(hm_tile_check(&next, hash, size, &root, read_node, &r, &why),
                         HM_E_HISTORY);
}

static void test_tiles(void **state)
{
    for (size_t s = 0; s < ROWS(sizes); s++) {
        for (unsigned level = 0; level < 4; level++) {
            uint64_t last = sizes[s] >> (8 * (level + 1));
            const uint64_t index[] = {0, 1, last / 2, last > 0 ? last - 1 : 0, last, last + 1};
            for (size_t i = 0; i < ROWS(index); i++)
                check_tile(*state, &(struct hm_tile){.level = level, .index = index[i], .width = 1},
                           sizes[s]);
        }
    }
}

/* Each node of each level that a tile may stand on, whole or ragged. */
static void test_subtrees(void **state)
{
    const struct tree *t = *state;
    static const unsigned levels[] = {0, 1, 7, 8, 9, 16, 17, 62, 63, 64};
    static const uint64_t of[] = {1, 2, 255, 256, 257, 767, 768, 1000};
    for (size_t s = 0; s < ROWS(of); s++) {
        struct hm_digest root = mth(t, 0, of[s]);
        struct reader r = {t, of[s]};
        for (size_t l = 0; l < ROWS(levels); l++) {
            unsigned level = levels[l];
            uint64_t width = hm_merkle_width(level, of[s]);
            struct hm_digest node;
            struct hm_path path;
            for (uint64_t k = 0; k < width; k++) {
                uint64_t first = level < 63 ? k << level : 0;
                uint64_t rest = of[s] - first;
                struct hm_digest want =
                    mth(t, first, level < 63 && rest > 1ull << level ? 1ull << level : rest);
                assert_int_equal(hm_merkle_subtree(level, k, of[s], read_node, &r, &node, NULL),
                                 HM_OK);
                assert_true(hm_digest_eq(&node, &want));
                assert_int_equal(
                    hm_merkle_subtree_inclusion(level, k, of[s], read_node, &r, &path, NULL),
                    HM_OK);
                assert_int_equal(hm_merkle_check_inclusion(k, width, &node, &path, &root), HM_OK);
            }
            assert_int_equal(hm_merkle_subtree(level, width, of[s], read_node, &r, &node, NULL),
                             HM_E_NOT_FOUND);
            assert_int_equal(
                hm_merkle_subtree_inclusion(level, width, of[s], read_node, &r, &path, NULL),
                HM_E_NOT_FOUND);
        }
    }
    assert_int_equal(hm_merkle_width(0, 0), 0);
    assert_int_equal(hm_merkle_width(64, 0), 0);
}

static void test_available(void **state)
{
    (void)state;
    /* The specification's own examples. */
    const struct {
        unsigned level;
        uint64_t index, size;
        unsigned width;
    } rows[] = {{0, 272, 70000, 256}, {0, 273, 70000, 112},   {1, 0, 70000, 256},
                {1, 1, 70000, 17},    {2, 0, 70000, 1},       {3, 0, 70000, 0},
                {0, 0, 256, 256},     {1, 0, 256, 1},         {0, 1, 256, 0},
                {0, 0, 0, 0},         {0, INT64_MAX, 256, 0}, {7, 0, UINT64_C(1) << 62, 64},
                {8, 0, INT64_MAX, 0}, {63, 0, INT64_MAX, 0},  {1, INT64_MAX / 2, 70000, 0},
                {0, 0, 1, 1},         {0, 1, INT64_MAX, 256}};
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct hm_tile t = {.level = rows[i].level, .index = rows[i].index};
        assert_int_equal(hm_tile_available(&t, rows[i].size), rows[i].width);
    }
}

struct good {
    const char *name; /* the path */
    struct hm_tile tile;
};
static const struct good good[] = {
    {"0/000", {false, 0, 0, 256}},
    {"0/067", {false, 0, 67, 256}},
    {"63/999", {false, 63, 999, 256}},
    {"1/x001/000", {false, 1, 1000, 256}},
    {"0/x001/x234/067", {false, 0, 1234067, 256}},
    {"10/x999/999.p/255", {false, 10, 999999, 255}},
    {"0/000.p/1", {false, 0, 0, 1}},
    {"entries/000", {true, 0, 0, 256}},
    {"entries/x001/x234/067.p/13", {true, 0, 1234067, 13}},
    {"0/x009/x223/x372/x036/x854/x774/807", {false, 0, UINT64_C(9223372036854774807), 256}},
};

static void test_good(void **state)
{
    const struct good *g = *state;
    struct hm_tile t = {.index = 5};
    HM_BUF_AUTO out = {.limit = 100};
    assert_int_equal(hm_tile_parse(hm_bytes_str(g->name), &t), HM_OK);
    assert_int_equal(t.entries, g->tile.entries);
    assert_int_equal(t.level, g->tile.level);
    assert_int_equal(t.index, g->tile.index);
    assert_int_equal(t.width, g->tile.width);
    hm_tile_write(&t, &out);
    assert_string_equal(hm_buf_str(&out), g->name);
}

static const char *const bad[] = {
    "",
    "/",
    "0",
    "0/",
    "/000",
    "0/0",
    "0/00",
    "0/0000",
    "0/000/",
    "/0/000",
    "0//000",
    "00/000",
    "01/000",
    "-1/000",
    "+1/000",
    " 0/000",
    "0 /000",
    "64/000",
    "100/000",
    "18446744073709551616/000",
    "0x0/000",
    "a/000",
    "0/00a",
    "0/0a0",
    "0/ 00",
    "0/-01",
    "0/x000",
    "0/x000/000",
    "0/x000/067",
    "0/x000/x001/067",
    "0/x1/067",
    "0/x01/067",
    "0/x0001/067",
    "0/001/067",
    "0/x001/x067",
    "0/x001",
    "0/x001/",
    "0/X001/067",
    "0/xx001/067",
    "0/x001//067",
    "0/x001/067/",
    "0/x009/x223/x372/x036/x854/x775/807",
    "0/x018/x446/x744/x073/x709/x551/616",
    "0/x001/x000/x000/x000/x000/x000/x000/x000/x000/000",
    "0/000.p",
    "0/000.p/",
    "0/000.p/0",
    "0/000.p/00",
    "0/000.p/01",
    "0/000.p/256",
    "0/000.p/1000",
    "0/000.p/-1",
    "0/000.p/+1",
    "0/000.p/1/",
    "0/000.p/1.p/1",
    "0/000.p//1",
    "0/000.P/1",
    "0/000p/1",
    "0/000/.p/1",
    "0/000/p/1",
    "0.p/1/000",
    "0/x001.p/1/067",
    "0/000.p/1 ",
    "0/000.p/1\n",
    "0/000\n",
    "0/000?",
    "entries",
    "entries/",
    "entries/0",
    "entries/x000/001",
    "entries/000.p/0",
    "entries/000.p/256",
    "entries/0/000",
    "Entries/000",
    "entries//000",
    "data/000",
    "0/entries/000",
    "../0/000",
    "0/../000",
    "0/%30%30%30",
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(bad); i++) {
        struct hm_tile t = {.index = 99};
        if (hm_tile_parse(hm_bytes_str(bad[i]), &t) != HM_E_MALFORMED)
            fail_msg("\"%s\" was taken", bad[i]);
        assert_int_equal(t.index, 99);
    }
    struct hm_tile t;
    assert_int_equal(hm_tile_parse(hm_bytes_of("0/000\0", 6), &t), HM_E_MALFORMED);
    assert_int_equal(hm_tile_parse(hm_bytes_of("0\0000/000", 7), &t), HM_E_MALFORMED);
    assert_int_equal(hm_tile_parse(hm_bytes_of(NULL, 0), &t), HM_E_MALFORMED);
}

/* Every index has one path, and every byte of it counts. */
static void test_every_byte(void **state)
{
    (void)state;
    static const char path[] = "12/x987/x654/321.p/210";
    for (size_t i = 0; i < sizeof path - 1; i++) {
        for (unsigned c = 0; c < 256; c++) {
            char text[sizeof path];
            struct hm_tile t;
            memcpy(text, path, sizeof path);
            text[i] = (char)c;
            if (hm_tile_parse(hm_bytes_of(text, sizeof path - 1), &t) != HM_OK)
                continue;
            HM_BUF_AUTO out = {.limit = 100};
            hm_tile_write(&t, &out);
            assert_true(hm_bytes_eq(hm_buf_bytes(&out), hm_bytes_of(text, sizeof path - 1)));
            assert_true(text[i] == path[i] || (c >= '0' && c <= '9'));
        }
    }
}

int main(void)
{
    struct CMUnitTest tests[ROWS(good) + 5];
    size_t n = ADD_ROWS(tests, 0, test_good, good);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_bad);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_every_byte);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_available);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test_setup_teardown(test_tiles, setup, teardown);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test_setup_teardown(test_subtrees, setup, teardown);
    return _cmocka_run_group_tests("log_tile", tests, n, NULL, NULL);
}
