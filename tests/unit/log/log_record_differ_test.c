/* The fast record reader and the slow one of log_record_reference.c: on random records, and on what
 * becomes of them when they are damaged, both say the same and read the same. */
#include "tests/unit/test_rows.h"

#include "tests/unit/log/log_record_reference.h"

#include "schema/log/hm_record_priv.h"

#include <stdio.h>

#define RECORDS 2000
#define DAMAGES 60 /* of each record */

/* xorshift64*: the same sequence in every run. */
struct chance {
    uint64_t state;
};
static uint64_t next(struct chance *c)
{
    c->state ^= c->state >> 12;
    c->state ^= c->state << 25;
    c->state ^= c->state >> 27;
    return c->state * UINT64_C(2685821657736338717);
}
static size_t below(struct chance *c, size_t n)
{
    return (size_t)(next(c) >> 11) % n;
}
static bool coin(struct chance *c)
{
    return (next(c) >> 40 & 1) != 0;
}

static uint64_t number(struct chance *c)
{
    return (next(c) & HM_RECORD_UINT_MAX) >> below(c, 53);
}

static void digest(struct chance *c, struct hm_digest *out)
{
    for (size_t i = 0; i < sizeof out->b; i++)
        out->b[i] = (uint8_t)next(c);
}

static void name(struct chance *c, char *out, size_t max)
{
    static const char set[] = "abcXYZ019._+-";
    size_t n = 1 + below(c, coin(c) ? max : 12);
    for (size_t i = 0; i < n; i++)
        out[i] = set[below(c, i == 0 ? 9 : sizeof set - 1)];
}

static void digests(struct chance *c, struct hm_digest *out, size_t *count, size_t max)
{
    *count = 1 + below(c, max);
    for (size_t i = 0; i < *count; i++)
        digest(c, &out[i]);
}

static void keys(struct chance *c, struct hm_record *r)
{
    r->key_count = 1 + below(c, HM_SIGN_KEYS_MAX);
    for (size_t i = 0; i < r->key_count; i++) {
        name(c, r->keys[i].mechanism, sizeof r->keys[i].mechanism - 1);
        digest(c, &r->keys[i].spki);
        digest(c, &r->keys[i].tbs);
        size_t n = below(c, HM_TOKEN_SERIAL_MAX + 1);
        for (size_t k = 0; k < n; k++)
            r->keys[i].token[k] = " !#0Az~"[below(c, 7)];
    }
}

static void fill(struct chance *c, struct hm_record *r, const struct hm_member *m)
{
    void *at = (char *)r + m->at;
    void *flag = (char *)r + (m->flag != HM_RECORD_NO_FLAG ? m->flag : 0);
    if (m->kind == HM_MEMBER_UINT || m->kind == HM_MEMBER_COUNTER || m->kind == HM_MEMBER_RELEASE)
        *(uint64_t *)at = number(c);
    else if (m->kind == HM_MEMBER_NAME)
        name(c, at, m->max < HM_NAME_MAX ? m->max : HM_NAME_MAX);
    else if (m->kind == HM_MEMBER_REQ)
        (void)snprintf(at, 33, "%016llx%016llx", (unsigned long long)next(c),
                       (unsigned long long)next(c));
    else if (m->kind == HM_MEMBER_EVENT)
        r->event = (enum hm_event)(1 + below(c, HM_EVENT_LAST));
    else if (m->kind == HM_MEMBER_STATE)
        r->state = (enum hm_release_state)(1 + below(c, HM_RELEASE_STATE_COUNT - 1));
    else if (m->kind == HM_MEMBER_DIGEST)
        digest(c, at);
    else if (m->kind == HM_MEMBER_DIGESTS)
        digests(c, at, flag, m->max);
    else if (m->kind == HM_MEMBER_KEYS)
        keys(c, r);
    if (m->flag != HM_RECORD_NO_FLAG && m->kind != HM_MEMBER_DIGESTS && m->kind != HM_MEMBER_KEYS)
        *(bool *)flag = true;
}

static void make(struct chance *c, struct hm_buf *out)
{
    struct hm_record r;
    memset(&r, 0, sizeof r);
    for (size_t i = 0; i < HM_RECORD_MEMBERS; i++)
        if (hm_record_members[i].required || below(c, 3) == 0)
            fill(c, &r, &hm_record_members[i]);
    if (hm_record_write(&r, out, NULL) == HM_OK)
        return;
    assert_int_equal(r.event, HM_EV_RELEASE_SIGNED); /* longer than such a one may be */
    r.event = HM_EV_RELEASE_SUBMITTED;
    assert_int_equal(hm_record_write(&r, out, NULL), HM_OK);
}

static void same(struct hm_bytes text, enum hm_err *verdict)
{
    struct hm_record fast;
    struct hm_record slow;
    memset(&fast, 0x5a, sizeof fast);
    memset(&slow, 0x5a, sizeof slow);
    /* Of exactly this size, so that a sanitizer sees a step too far. */
    uint8_t *copy = malloc(text.len > 0 ? text.len : 1);
    assert_non_null(copy);
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    *verdict = hm_record_parse(hm_bytes_of(copy, text.len), &fast, NULL);
    enum hm_err owed = log_record_reference(text, &slow);
    if (*verdict != owed)
        print_error("%d, owed %d: %.*s\n", *verdict, owed, (int)text.len, text.data);
    assert_int_equal(*verdict, owed);
    assert_memory_equal(&fast, &slow, sizeof fast);
    free(copy);
}

/* A byte that means something where it is not expected. */
static uint8_t byte(struct chance *c)
{
    static const char set[] = "\"{}[]:,\\ 0123456789abcdefgGrz._+-tn\n";
    return coin(c) ? (uint8_t)set[below(c, sizeof set)] : (uint8_t)next(c);
}

/* Puts into out what `from` becomes; `other` is another record. */
static void damage(struct chance *c, struct hm_bytes from, struct hm_bytes other,
                   struct hm_buf *out)
{
    size_t at = below(c, from.len);
    size_t n = below(c, from.len - at) >> below(c, 8);
    hm_buf_put(out, from.data, from.len);
    switch (below(c, 7)) {
    case 0:
        out->data[at] ^= (uint8_t)(1u << below(c, 8));
        break;
    case 1:
        out->data[at] = byte(c);
        break;
    case 2: /* put in */
        hm_buf_putc(out, 0);
        memmove(out->data + at + 1, out->data + at, from.len - at);
        out->data[at] = byte(c);
        break;
    case 3: /* taken out */
        memmove(out->data + at, out->data + at + n, from.len - at - n);
        out->len -= n;
        break;
    case 4:
        out->len = at;
        break;
    case 5: /* a part once more */
        (void)hm_buf_room(out, n);
        memmove(out->data + at + n, out->data + at, from.len - at);
        break;
    default: /* goes on as another record */
        out->len = at;
        at = below(c, other.len);
        hm_buf_put(out, other.data + at, other.len - at);
    }
    assert_int_equal(hm_buf_err(out), HM_OK);
}

static void test_random(void **state)
{
    struct chance c = {UINT64_C(0x9e3779b97f4a7c15)};
    HM_BUF_AUTO before = {0};
    HM_BUF_AUTO record = {0};
    HM_BUF_AUTO damaged = {0};
    size_t accepted = 0;
    (void)state;
    make(&c, &before);
    for (size_t i = 0; i < RECORDS; i++) {
        enum hm_err verdict = HM_E_INTERNAL;
        hm_buf_reset(&record);
        make(&c, &record);
        same(hm_buf_bytes(&record), &verdict);
        assert_int_equal(verdict, HM_OK);
        for (size_t k = 0; k < DAMAGES; k++) {
            hm_buf_reset(&damaged);
            damage(&c, hm_buf_bytes(&record), hm_buf_bytes(&before), &damaged);
            same(hm_buf_bytes(&damaged), &verdict);
            accepted += verdict == HM_OK;
        }
        hm_buf_reset(&before);
        hm_buf_put(&before, record.data, record.len);
    }
    /* Both sides of the border were tried: damage inside of a value often makes another one. */
    assert_in_range(accepted, RECORDS * DAMAGES / 20, RECORDS * DAMAGES / 2);
}

/* Every bit of a record with every member, and every cut. */
static void test_all_bits(void **state)
{
    struct hm_record r;
    struct chance c = {1};
    HM_BUF_AUTO bytes = {0};
    enum hm_err verdict;
    (void)state;
    memset(&r, 0, sizeof r);
    for (size_t i = 0; i < HM_RECORD_MEMBERS; i++)
        fill(&c, &r, &hm_record_members[i]);
    r.event = HM_EV_SIGN_INTENDED;
    assert_int_equal(hm_record_write(&r, &bytes, NULL), HM_OK);
    for (size_t i = 0; i < 8 * bytes.len; i++) {
        bytes.data[i / 8] ^= (uint8_t)(1u << i % 8);
        same(hm_buf_bytes(&bytes), &verdict);
        bytes.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t n = 0; n < bytes.len; n++)
        same(hm_bytes_of(bytes.data, n), &verdict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random),
                                       cmocka_unit_test(test_all_bits)};
    return cmocka_run_group_tests_name("log_record_differ", tests, NULL, NULL);
}
