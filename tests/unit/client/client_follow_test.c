/* Records that come, held against checkpoints: nothing is handed out before it is proven, and after
 * any change nothing is. */
#include "tests/unit/test_rows.h"

#include "client/cli_follow.h"
#include "schema/log/hm_record.h"
#include "tests/unit/log/log_test_keys.h"

#include <stdio.h>

#define ORIGIN "log.example/follow"
#define RECORDS 40
#define LEVELS 7

struct log {
    struct log_test_key key;
    struct hm_buf record[RECORDS];
    struct hm_digest node[LEVELS][RECORDS];
};

static void write_record(struct log *l, uint64_t i)
{
    struct hm_record r = {.idx = i, .t_ms = 1000 + i, .event = HM_EV_REGISTRAR_STARTED};
    r.has_random = true;
    r.random.b[0] = (uint8_t)i;
    if (i > 0)
        r.prev = hm_merkle_leaf(hm_buf_bytes(&l->record[i - 1]));
    assert_int_equal(hm_record_write(&r, &l->record[i], NULL), HM_OK);
}

static int setup(void **state)
{
    struct log *l = calloc(1, sizeof *l);
    if (l == NULL)
        return -1;
    log_test_key_make(ORIGIN, 3, &l->key);
    for (uint64_t i = 0; i < RECORDS; i++) {
        write_record(l, i);
        l->node[0][i] = hm_merkle_leaf(hm_buf_bytes(&l->record[i]));
    }
    for (unsigned level = 1; level < LEVELS; level++)
        for (uint64_t k = 0; (k + 1) << level <= RECORDS; k++)
            l->node[level][k] =
                hm_merkle_node(&l->node[level - 1][2 * k], &l->node[level - 1][2 * k + 1]);
    *state = l;
    return 0;
}

static int teardown(void **state)
{
    struct log *l = *state;
    for (size_t i = 0; i < RECORDS; i++)
        hm_buf_free(&l->record[i]);
    free(l);
    return 0;
}

static enum hm_err read_node(void *ctx, unsigned level, uint64_t k, struct hm_digest *out,
                             struct hm_why *why)
{
    const struct log *l = ctx;
    (void)why;
    *out = l->node[level][k];
    return HM_OK;
}

static struct hm_frontier frontier(struct log *l, uint64_t size)
{
    struct hm_frontier f = {0};
    assert_int_equal(hm_merkle_frontier(size, read_node, l, &f, NULL), HM_OK);
    return f;
}

static struct hm_checkpoint checkpoint(struct log *l, uint64_t size)
{
    struct hm_checkpoint c = {.size = size};
    struct hm_frontier f = frontier(l, size);
    (void)snprintf(c.origin, sizeof c.origin, "%s", ORIGIN);
    c.root = hm_frontier_root(&f);
    return c;
}

static enum hm_err give_note(struct log *l, struct cli_follow *f, const struct hm_checkpoint *c,
                             enum cli_follow_place *place)
{
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX};
    struct hm_checkpoint out;
    log_test_note(&l->key, c, &note);
    return cli_follow_note(f, hm_buf_bytes(&note), place, &out, NULL);
}

static enum hm_err count(void *ctx, struct hm_bytes record, struct hm_why *why)
{
    struct hm_record r;
    uint64_t *next = ctx;
    assert_int_equal(hm_record_parse(record, &r, why), HM_OK);
    assert_int_equal(r.idx, *next);
    (*next)++;
    return HM_OK;
}

static void give(struct log *l, struct cli_follow *f, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++)
        assert_int_equal(cli_follow_record(f, hm_buf_bytes(&l->record[i]), NULL), HM_OK);
}

/* From anywhere, over checkpoints of any size. */
static void honest(void **state)
{
    struct log *l = *state;
    for (uint64_t start = 0; start < RECORDS; start++) {
        for (uint64_t middle = start; middle <= RECORDS; middle++) {
            struct cli_follow f;
            enum cli_follow_place place;
            struct hm_frontier tree = frontier(l, start);
            struct hm_checkpoint c = checkpoint(l, middle);
            uint64_t next = start;
            cli_follow_begin(&f, &l->key.vkey, &tree);
            give(l, &f, start, middle);
            assert_int_equal(cli_follow_hand_out(&f, count, &next, NULL), HM_OK);
            assert_int_equal(next, start); /* not yet */
            assert_int_equal(give_note(l, &f, &c, &place), HM_OK);
            assert_int_equal(place, CLI_FOLLOW_HERE);
            assert_int_equal(cli_follow_hand_out(&f, count, &next, NULL), HM_OK);
            assert_int_equal(next, middle);
            assert_int_equal(cli_follow_hand_out(&f, count, &next, NULL), HM_OK);
            assert_int_equal(next, middle); /* once */
            cli_follow_free(&f);
        }
    }
}

/* A checkpoint that is ahead, with its proof; and what comes up to it. */
static void ahead(void **state)
{
    struct log *l = *state;
    struct hm_checkpoint c = checkpoint(l, RECORDS);
    for (uint64_t start = 1; start < RECORDS; start++) {
        struct cli_follow f;
        enum cli_follow_place place;
        struct hm_path path;
        struct hm_frontier tree = frontier(l, start - 1);
        uint64_t next = start - 1;
        cli_follow_begin(&f, &l->key.vkey, &tree);
        give(l, &f, start - 1, start);
        assert_int_equal(give_note(l, &f, &c, &place), HM_OK);
        assert_int_equal(place, CLI_FOLLOW_AHEAD);
        assert_int_equal(cli_follow_hand_out(&f, count, &next, NULL), HM_OK);
        assert_int_equal(next, start - 1); /* its signature alone proves nothing */
        assert_int_equal(hm_merkle_consistency(start, RECORDS, read_node, l, &path, NULL), HM_OK);
        path.hash[0].b[0] ^= 1;
        assert_int_equal(cli_follow_prove(&f, &c, &path, NULL), HM_E_HISTORY);
        path.hash[0].b[0] ^= 1;
        assert_int_equal(cli_follow_prove(&f, &c, &path, NULL), HM_OK);
        assert_int_equal(cli_follow_hand_out(&f, count, &next, NULL), HM_OK);
        assert_int_equal(next, start);
        give(l, &f, start, RECORDS); /* it has come to the one that it knows */
        assert_int_equal(cli_follow_hand_out(&f, count, &next, NULL), HM_OK);
        assert_int_equal(next, RECORDS);
        cli_follow_free(&f);
    }
}

static void behind(void **state)
{
    struct log *l = *state;
    struct cli_follow f;
    enum cli_follow_place place;
    struct hm_frontier tree = frontier(l, 10);
    struct hm_checkpoint c = checkpoint(l, 11);
    uint64_t next = 10;
    cli_follow_begin(&f, &l->key.vkey, &tree);
    give(l, &f, 10, 12);
    assert_int_equal(give_note(l, &f, &c, &place), HM_OK);
    assert_int_equal(place, CLI_FOLLOW_BEHIND);
    assert_int_equal(cli_follow_hand_out(&f, count, &next, NULL), HM_OK);
    assert_int_equal(next, 10);
    cli_follow_free(&f);
}

/* Every other record of 64 hex digits: well-formed, chained or not, and not the one of the log. */
static void changed(void **state)
{
    struct log *l = *state;
    for (uint64_t i = 0; i < RECORDS; i++) {
        struct cli_follow f;
        enum cli_follow_place place;
        struct hm_frontier tree = frontier(l, 0);
        struct hm_checkpoint c = checkpoint(l, RECORDS);
        struct hm_record r;
        HM_BUF_AUTO other = {.limit = HM_RECORD_MAX};
        uint64_t next = 0;
        assert_int_equal(hm_record_parse(hm_buf_bytes(&l->record[i]), &r, NULL), HM_OK);
        r.random.b[31] = 1;
        assert_int_equal(hm_record_write(&r, &other, NULL), HM_OK);
        cli_follow_begin(&f, &l->key.vkey, &tree);
        give(l, &f, 0, i);
        assert_int_equal(cli_follow_record(&f, hm_buf_bytes(&other), NULL), HM_OK);
        give(l, &f, i + 1, RECORDS);
        assert_int_equal(give_note(l, &f, &c, &place), HM_E_HISTORY);
        assert_int_equal(cli_follow_hand_out(&f, count, &next, NULL), HM_OK);
        assert_int_equal(next, 0);
        cli_follow_free(&f);
    }
}

static void out_of_order(void **state)
{
    struct log *l = *state;
    struct cli_follow f;
    struct hm_frontier tree = frontier(l, 5);
    cli_follow_begin(&f, &l->key.vkey, &tree);
    for (uint64_t i = 0; i < RECORDS; i++)
        if (i != 5)
            assert_int_equal(cli_follow_record(&f, hm_buf_bytes(&l->record[i]), NULL),
                             HM_E_HISTORY);
    assert_int_equal(cli_follow_record(&f, hm_bytes_str("{}"), NULL), HM_E_MALFORMED);
    assert_int_equal(f.tree.size, 5); /* none of it counted */
    give(l, &f, 5, 6);
    cli_follow_free(&f);
}

/* A known checkpoint that the records contradict is noticed at its size, without another note. */
static void not_the_one_ahead(void **state)
{
    struct log *l = *state;
    struct cli_follow f;
    struct hm_frontier tree = frontier(l, 5);
    cli_follow_begin(&f, &l->key.vkey, &tree);
    f.ahead = checkpoint(l, 7);
    f.ahead.root.b[0] ^= 1;
    give(l, &f, 5, 6);
    assert_int_equal(cli_follow_record(&f, hm_buf_bytes(&l->record[6]), NULL), HM_E_HISTORY);
    cli_follow_free(&f);
}

static void wrong_notes(void **state)
{
    struct log *l = *state;
    struct cli_follow f;
    enum cli_follow_place place;
    struct hm_checkpoint out;
    struct hm_frontier tree = frontier(l, 5);
    struct hm_checkpoint c = checkpoint(l, 5);
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX};
    log_test_note(&l->key, &c, &note);
    cli_follow_begin(&f, &l->key.vkey, &tree);
    for (size_t i = 0; i < note.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            note.data[i] ^= (uint8_t)(1u << bit);
            enum hm_err err = cli_follow_note(&f, hm_buf_bytes(&note), &place, &out, NULL);
            assert_true(err == HM_E_SIGNATURE || err == HM_E_MALFORMED);
            note.data[i] ^= (uint8_t)(1u << bit);
        }
    }
    for (size_t len = 0; len < note.len; len++)
        assert_int_not_equal(cli_follow_note(&f, hm_bytes_of(note.data, len), &place, &out, NULL),
                             HM_OK);
    assert_int_equal(cli_follow_note(&f, hm_buf_bytes(&note), &place, &out, NULL), HM_OK);
    cli_follow_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(honest),       cmocka_unit_test(ahead),
        cmocka_unit_test(behind),       cmocka_unit_test(changed),
        cmocka_unit_test(out_of_order), cmocka_unit_test(not_the_one_ahead),
        cmocka_unit_test(wrong_notes),
    };
    return cmocka_run_group_tests_name("client_follow", tests, setup, teardown);
}
