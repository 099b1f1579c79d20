/* The tree in the read model: nodes, proofs between any two sizes and tiles against trees made
 * here; the checkpoints that come with the records. */
#include "db_query_test_util.h"

#include "schema/log/hm_tile.h"

#include <stdlib.h>

#define MANY 66000u /* beyond 65,536: tiles of three levels */
#define BATCH 1024

static struct hm_digest root_of(const struct t_query *t, uint64_t size)
{
    struct hm_frontier f = {.size = 0};
    for (uint64_t i = 0; i < size; i++) {
        struct hm_digest leaf = hm_merkle_leaf(t->record[i]);
        (void)hm_frontier_add(&f, &leaf, NULL);
    }
    return hm_frontier_root(&f);
}

static void test_nodes(void **state)
{
    struct t_query *t = *state;
    struct hm_frontier f = {.size = 0};
    T_OK(db_query_begin(t->q, why));
    for (uint64_t i = 0; i < T_HISTORY; i++) {
        struct hm_digest completed[64];
        struct hm_digest got;
        struct hm_digest leaf = hm_merkle_leaf(t->record[i]);
        unsigned n = hm_frontier_add(&f, &leaf, completed);
        for (unsigned level = 0; level < n; level++) {
            T_OK(db_query_node(t->q, level, i >> level, &got, why));
            assert_true(hm_digest_eq(&got, &completed[level]));
        }
    }
    struct hm_digest got = t_digest("as it was");
    static const struct {
        unsigned level;
        uint64_t k;
    } absent[] = {{0, T_HISTORY},  {1, T_HISTORY / 2},
                  {8, 1},          {9, 0},
                  {62, 0},         {63, 0},
                  {64, 0},         {0, INT64_MAX},
                  {0, UINT64_MAX}, {40, UINT64_MAX},
                  {62, UINT64_MAX}};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
        T_FAILS(HM_E_NOT_FOUND, db_query_node(t->q, absent[i].level, absent[i].k, &got, why));
    struct hm_digest same = t_digest("as it was");
    assert_true(hm_digest_eq(&got, &same));
    db_query_end(t->q);
    db_query_end(t->q);
}

static void test_proofs(void **state)
{
    struct t_query *t = *state;
    struct hm_digest root[T_HISTORY + 1];
    struct hm_path path;
    for (uint64_t size = 0; size <= T_HISTORY; size++)
        root[size] = root_of(t, size);
    T_OK(db_query_begin(t->q, why));
    for (uint64_t size = 0; size <= T_HISTORY; size += size < 40 ? 1 : 13) {
        for (uint64_t old = 0; old <= size; old++) {
            T_OK(hm_merkle_consistency(old, size, db_query_node, t->q, &path, why));
            T_OK(hm_merkle_check_consistency(old, &root[old], size, &root[size], &path));
            if (old == size)
                continue;
            struct hm_digest leaf = hm_merkle_leaf(t->record[old]);
            T_OK(hm_merkle_inclusion(old, size, db_query_node, t->q, &path, why));
            T_OK(hm_merkle_check_inclusion(old, size, &leaf, &path, &root[size]));
        }
    }
    T_FAILS(HM_E_NOT_FOUND, hm_merkle_inclusion(5, T_HISTORY + 1, db_query_node, t->q, &path, why));
    T_FAILS(HM_E_NOT_FOUND,
            hm_merkle_consistency(3, 2 * T_HISTORY, db_query_node, t->q, &path, why));
    db_query_end(t->q);
}

/* --- checkpoints --- */

struct note {
    struct hm_buf text;
    struct hm_bytes bytes;
};

static struct hm_bytes note_of(struct note *n, const char *origin, uint64_t size,
                               struct hm_digest root)
{
    struct hm_checkpoint c = {.size = size, .root = root};
    (void)snprintf(c.origin, sizeof c.origin, "%s", origin);
    hm_checkpoint_body(&c, &n->text);
    hm_buf_printf(&n->text, "\n\u2014 %s AAAA\n", origin);
    n->bytes = hm_buf_bytes(&n->text);
    return n->bytes;
}

/* Applies the first 10 records with these notes. */
static enum hm_err apply_noted(struct t_query *t, const struct hm_bytes *notes, size_t count,
                               struct hm_why *why)
{
    return db_query_apply(
        t->w,
        &(struct db_query_batch){
            .records = t->record, .count = 10, .notes = notes, .note_count = count},
        why);
}

static void expect_note(struct t_query *t, uint64_t at_least, uint64_t size, struct hm_bytes want)
{
    HM_BUF_AUTO out = {.limit = 4096};
    uint64_t got = 0;
    T_OK(db_query_checkpoint(t->q, at_least, &got, &out, why));
    assert_int_equal(got, size);
    assert_true(hm_bytes_eq(hm_buf_bytes(&out), want));
}

static void test_checkpoints(void **state)
{
    struct t_query *t = *state;
    struct note n[3] = {
        {.text = {.limit = 4096}}, {.text = {.limit = 4096}}, {.text = {.limit = 4096}}};
    HM_BUF_AUTO out = {.limit = 4096};
    uint64_t size = 77;
    const struct hm_bytes notes[] = {note_of(&n[0], T_ORIGIN, 3, root_of(t, 3)),
                                     note_of(&n[1], T_ORIGIN, 4, root_of(t, 4)),
                                     note_of(&n[2], T_ORIGIN, 10, root_of(t, 10))};
    T_OK(apply_noted(t, notes, 3, why));
    T_OK(t_query_apply(t->w, t->record + 10, 5, why));
    T_OK(db_query_open(t->d.path, &t->q, why));
    expect_note(t, 0, 3, notes[0]);
    expect_note(t, 3, 3, notes[0]);
    expect_note(t, 4, 4, notes[1]);
    expect_note(t, 5, 10, notes[2]);
    expect_note(t, 10, 10, notes[2]);
    T_FAILS(HM_E_NOT_FOUND, db_query_checkpoint(t->q, 11, &size, &out, why));
    T_FAILS(HM_E_NOT_FOUND, db_query_checkpoint(t->q, UINT64_MAX, &size, &out, why));
    assert_int_equal(size, 77);
    assert_int_equal(out.len, 0);
    for (size_t i = 0; i < 3; i++)
        hm_buf_free(&n[i].text);
}

struct wrong {
    const char *name;
    const char *origin;
    uint64_t size[2]; /* 0: no second note */
    int64_t root_of;  /* of the last note; -1: its size */
    bool cut;
};
static const struct wrong wrongs[] = {
    {"root of another size", T_ORIGIN, {4, 0}, 5, false},
    {"root of the empty tree", T_ORIGIN, {4, 0}, 0, false},
    {"another origin", "other.example/log", {4, 0}, -1, false},
    {"beyond the batch", T_ORIGIN, {11, 0}, -1, false},
    {"second one beyond", T_ORIGIN, {4, 11}, -1, false},
    {"over nothing", T_ORIGIN, {0, 0}, -1, false},
    {"twice the same", T_ORIGIN, {4, 4}, -1, false},
    {"falling", T_ORIGIN, {5, 4}, -1, false},
    {"no checkpoint", T_ORIGIN, {4, 0}, -1, true},
};
#define WRONGS (sizeof wrongs / sizeof wrongs[0])

static void test_wrong(void **state)
{
    const struct wrong *x = *state;
    void *s = NULL;
    assert_int_equal(t_query_setup_empty(&s), 0);
    struct t_query *t = s;
    struct note n[2] = {{.text = {.limit = 4096}}, {.text = {.limit = 4096}}};
    size_t count = x->size[1] != 0 ? 2 : 1;
    struct hm_bytes notes[2];
    for (size_t i = 0; i < count; i++) {
        uint64_t of = i + 1 == count && x->root_of >= 0 ? (uint64_t)x->root_of : x->size[i];
        notes[i] = note_of(&n[i], x->origin, x->size[i], root_of(t, of));
    }
    if (x->cut)
        notes[0].len /= 2;
    T_FAILS(HM_E_HISTORY, apply_noted(t, notes, count, why));
    assert_int_equal(db_query_writer_size(t->w), 0);
    assert_int_equal(t_raw_int(t->d.path, "SELECT count(*) FROM checkpoint"), 0);
    T_OK(apply_noted(t, NULL, 0, why)); /* and without them it goes on */
    T_FAILS(HM_E_HISTORY,
            db_query_apply(t->w, &(struct db_query_batch){.notes = notes, .note_count = 1}, why));
    for (size_t i = 0; i < count; i++)
        hm_buf_free(&n[i].text);
    (void)t_query_teardown(&s);
}

/* --- large sizes --- */

struct many {
    struct hm_digest prev;
    struct hm_frontier f;
    uint64_t n;
};

/* The next records of a plain log. */
static void append_many(struct t_query *t, struct many *m, size_t count)
{
    HM_BUF_AUTO bytes = {.limit = (size_t)1 << 20};
    struct hm_bytes list[BATCH];
    size_t len[BATCH];
    for (size_t i = 0; i < count; i++) {
        struct hm_record r = {.event = HM_EV_REGISTRAR_STARTED,
                              .idx = m->n++,
                              .prev = m->prev,
                              .t_ms = 5000,
                              .has_random = true};
        size_t before = bytes.len;
        T_OK(hm_record_write(&r, &bytes, why));
        len[i] = bytes.len - before;
        m->prev = hm_merkle_leaf(hm_bytes_of(bytes.data + before, len[i]));
        (void)hm_frontier_add(&m->f, &m->prev, NULL);
    }
    const uint8_t *at = bytes.data;
    for (size_t i = 0; i < count; at += len[i++])
        list[i] = hm_bytes_of(at, len[i]);
    T_OK(t_query_apply(t->w, list, count, why));
}

static void check_tiles(struct t_query *t, uint64_t size, const struct hm_digest *root)
{
    struct hm_digest hash[HM_TILE_WIDTH];
    for (unsigned level = 0; level < 3; level++) {
        uint64_t last = size >> (8 * (level + 1));
        for (uint64_t i = last > 2 ? last - 2 : 0; i <= last; i++) {
            struct hm_tile tile = {.level = level, .index = i};
            unsigned n = hm_tile_available(&tile, size);
            if (n == 0)
                continue;
            for (unsigned k = 0; k < n; k++)
                T_OK(db_query_node(t->q, 8 * level, hm_tile_first(&tile) + k, &hash[k], why));
            T_OK(hm_tile_check(&tile, hash, size, root, db_query_node, t->q, why));
            hash[n - 1].b[0] ^= 1;
            T_FAILS(HM_E_HISTORY, hm_tile_check(&tile, hash, size, root, db_query_node, t->q, why));
        }
    }
}

static void check_proofs(struct t_query *t, uint64_t size, const struct hm_digest *root)
{
    static const uint64_t some[] = {0, 1, 255, 256, 511, 32767, 65279, 65534, 65535, 65536, 65990};
    struct hm_path path;
    struct hm_frontier f;
    struct hm_digest leaf;
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        uint64_t n = some[i];
        if (n >= size)
            continue;
        T_OK(db_query_node(t->q, 0, n, &leaf, why));
        T_OK(hm_merkle_inclusion(n, size, db_query_node, t->q, &path, why));
        T_OK(hm_merkle_check_inclusion(n, size, &leaf, &path, root));
        T_OK(hm_merkle_frontier(n, db_query_node, t->q, &f, why));
        struct hm_digest old = hm_frontier_root(&f);
        T_OK(hm_merkle_consistency(n, size, db_query_node, t->q, &path, why));
        T_OK(hm_merkle_check_consistency(n, &old, size, root, &path));
    }
}

static void test_many(void **state)
{
    struct t_query *t = *state;
    static const uint64_t stops[] = {1,     255,   256,   257,   511,   512,   513,   65279, 65280,
                                     65281, 65535, 65536, 65537, 65791, 65792, 65793, MANY};
    struct many m = {.prev = hm_sha256(hm_bytes_str(T_ORIGIN))};
    struct hm_digest root[sizeof stops / sizeof stops[0]];
    size_t count = sizeof stops / sizeof stops[0];
    for (size_t i = 0; i < count; i++) {
        while (m.n < stops[i])
            append_many(t, &m, stops[i] - m.n < BATCH ? (size_t)(stops[i] - m.n) : BATCH);
        root[i] = hm_frontier_root(&m.f);
    }
    T_OK(db_query_open(t->d.path, &t->q, why));
    T_OK(db_query_begin(t->q, why));
    for (size_t i = 0; i < count; i++) { /* a longer log still has the trees of the shorter ones */
        check_tiles(t, stops[i], &root[i]);
        check_proofs(t, stops[i], &root[i]);
    }
    db_query_end(t->q);
}

#define T(f) cmocka_unit_test_setup_teardown(f, t_query_setup, t_query_teardown)
#define EMPTY(f) cmocka_unit_test_setup_teardown(f, t_query_setup_empty, t_query_teardown)
int main(void)
{
    static struct CMUnitTest tests[WRONGS + 4] = {T(test_nodes), T(test_proofs),
                                                  EMPTY(test_checkpoints), EMPTY(test_many)};
    size_t n = 4;
    for (size_t i = 0; i < WRONGS; i++)
        tests[n++] = (struct CMUnitTest){wrongs[i].name, test_wrong, NULL, NULL,
                                         (void *)(uintptr_t)&wrongs[i]};
    return _cmocka_run_group_tests("db_query_tree", tests, n, NULL, NULL);
}
