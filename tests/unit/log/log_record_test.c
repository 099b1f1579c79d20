/* Records: what is written is read back the same, what is read is written back the same, everything
 * else is refused. */
#include "tests/unit/test_rows.h"

#include "schema/log/hm_record.h"
#include "schema/log/hm_record_priv.h"

#include <stdio.h>

static struct hm_digest digest(uint8_t seed)
{
    struct hm_digest d;
    for (size_t i = 0; i < sizeof d.b; i++)
        d.b[i] = (uint8_t)(seed + 3 * i);
    return d;
}

static void text(char *out, const char *value)
{
    memcpy(out, value, strlen(value) + 1);
}

static void common(struct hm_record *r, enum hm_event event)
{
    memset(r, 0, sizeof *r);
    r->idx = 17;
    r->prev = digest(1);
    r->t_ms = 1795000000123;
    r->event = event;
}

static void subject(struct hm_record *r)
{
    r->has_release = true;
    r->release = 12;
    text(r->product, "edge-router");
    text(r->version, "2.1.0");
    text(r->channel, "stable");
    text(r->environment, "production");
    r->sequence = 9;
}

static void one_key(struct hm_record *r)
{
    r->key_count = 1;
    r->keys[0].spki = digest(40);
    r->keys[0].tbs = digest(41);
    text(r->keys[0].mechanism, "ESP256");
    text(r->keys[0].token, "a1b2c3d4e5f60718");
}

static void make_minimal(struct hm_record *r)
{
    common(r, HM_EV_SIGN_UNKNOWN);
}

static void make_created(struct hm_record *r)
{
    common(r, HM_EV_LOG_CREATED);
    r->idx = 0;
    r->t_ms = 0;
    r->evidence_count = 3;
    for (uint8_t i = 0; i < 3; i++)
        r->evidence[i] = digest((uint8_t)(50 + i));
}

static void make_signed(struct hm_record *r)
{
    common(r, HM_EV_RELEASE_SIGNED);
    subject(r);
    one_key(r);
    text(r->req, "00112233445566778899aabbccddeeff");
    text(r->actor, "ci-edge");
    text(r->outcome, "ok");
    r->state = HM_RELEASE_SIGNED;
    r->artifact_count = 1;
    r->artifacts[0] = digest(60);
    r->has_manifest = r->has_policy = true;
    r->manifest = digest(61);
    r->policy = digest(62);
    r->store_epoch = 3;
    r->has_intent = true;
    r->intent = 16;
    r->evidence_count = 1;
    r->evidence[0] = digest(63);
}

static void make_started(struct hm_record *r)
{
    common(r, HM_EV_REGISTRAR_STARTED);
    r->has_random = r->has_policy = true;
    r->random = digest(70);
    r->policy = digest(71);
}

static void make_summary(struct hm_record *r)
{
    common(r, HM_EV_REFUSALS_SUMMARISED);
    text(r->actor, "alice");
    r->count = 41;
}

/* Every member at once, lists full, numbers at their end. */
static void make_largest(struct hm_record *r)
{
    make_signed(r);
    r->event = HM_EV_RELEASE_SUBMITTED;
    r->state = HM_RELEASE_SUPERSEDED;
    r->idx = r->t_ms = r->release = r->sequence = HM_RECORD_UINT_MAX;
    r->store_epoch = r->expires_s = r->intent = r->retry_of = r->count = HM_RECORD_UINT_MAX;
    r->has_retry_of = r->has_statement = r->has_approver_key = r->has_detail = r->has_random = true;
    r->statement = digest(80);
    r->approver_key = digest(81);
    r->detail = digest(82);
    r->random = digest(83);
    memset(r->product, 'p', HM_NAME_MAX);
    memset(r->outcome, 'o', HM_OUTCOME_MAX);
    r->artifact_count = HM_ARTIFACTS_MAX;
    r->evidence_count = HM_RECORD_EVIDENCE_MAX;
    r->key_count = HM_SIGN_KEYS_MAX;
    for (size_t i = 1; i < HM_SIGN_KEYS_MAX; i++)
        r->keys[i] = r->keys[0];
    r->keys[1].token[0] = '\0';
    memset(r->keys[1].token, 0, sizeof r->keys[1].token);
    memset(r->keys[2].token, ' ', HM_TOKEN_SERIAL_MAX);
}

/* Zeros that are values, not absences. */
static void make_zero_numbers(struct hm_record *r)
{
    common(r, HM_EV_SIGN_INTENDED);
    r->idx = 0;
    r->t_ms = 0;
    r->has_release = r->has_intent = r->has_retry_of = true;
}

struct sample {
    const char *name;
    void (*make)(struct hm_record *r);
};
static const struct sample samples[] = {
    {"minimal", make_minimal},           {"log.created", make_created},
    {"release.signed", make_signed},     {"registrar.started", make_started},
    {"summary", make_summary},           {"largest", make_largest},
    {"zero numbers", make_zero_numbers},
};

static void write_sample(const struct sample *s, struct hm_record *r, struct hm_buf *out)
{
    s->make(r);
    assert_int_equal(hm_record_write(r, out, NULL), HM_OK);
}

static void test_round_trip(void **state)
{
    HM_BUF_AUTO bytes = {0};
    HM_BUF_AUTO again = {0};
    struct hm_record r;
    struct hm_record back;
    write_sample(*state, &r, &bytes);
    struct hm_why why = {""};
    if (hm_record_parse(hm_buf_bytes(&bytes), &back, &why) != HM_OK)
        fail_msg("%s", why.text);
    assert_memory_equal(&back, &r, sizeof r);
    assert_int_equal(hm_record_write(&back, &again, NULL), HM_OK);
    assert_true(hm_bytes_eq(hm_buf_bytes(&bytes), hm_buf_bytes(&again)));
}

static enum hm_err parse_exact(const uint8_t *data, size_t len, struct hm_record *out)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    if (len > 0)
        memcpy(copy, data, len);
    enum hm_err e = hm_record_parse(hm_bytes_of(copy, len), out, NULL);
    free(copy);
    return e;
}

static void test_truncated(void **state)
{
    HM_BUF_AUTO bytes = {0};
    struct hm_record r;
    struct hm_record before;
    write_sample(*state, &r, &bytes);
    before = r;
    for (size_t n = 0; n < bytes.len; n++)
        assert_int_not_equal(parse_exact(bytes.data, n, &r), HM_OK);
    assert_memory_equal(&r, &before, sizeof r);
}

/* A flipped bit either makes another valid record, which then writes itself, or nothing. */
static void test_flipped(void **state)
{
    HM_BUF_AUTO bytes = {0};
    struct hm_record r;
    size_t accepted = 0;
    write_sample(*state, &r, &bytes);
    for (size_t i = 0; i < bytes.len * 8; i++) {
        HM_BUF_AUTO again = {0};
        bytes.data[i / 8] ^= (uint8_t)(1u << i % 8);
        if (parse_exact(bytes.data, bytes.len, &r) == HM_OK) {
            accepted++;
            assert_int_equal(hm_record_write(&r, &again, NULL), HM_OK);
            assert_true(hm_bytes_eq(hm_buf_bytes(&bytes), hm_buf_bytes(&again)));
        }
        bytes.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    assert_true(accepted < bytes.len * 8);
}

/* One byte put in anywhere is refused, unless it lengthens a value; then the bytes still write
 * themselves. */
static void test_inserted(void **state)
{
    static const uint8_t extra[] = {' ', '\n', ',', '"', '0', '\\', 0, 0x80, '}', '{'};
    HM_BUF_AUTO bytes = {0};
    struct hm_record r;
    write_sample(*state, &r, &bytes);
    for (size_t i = 0; i <= bytes.len; i++) {
        for (size_t k = 0; k < sizeof extra; k++) {
            HM_BUF_AUTO longer = {0};
            HM_BUF_AUTO again = {0};
            hm_buf_put(&longer, bytes.data, i);
            hm_buf_putc(&longer, extra[k]);
            hm_buf_put(&longer, bytes.data + i, bytes.len - i);
            if (parse_exact(longer.data, longer.len, &r) != HM_OK)
                continue;
            assert_int_equal(hm_record_write(&r, &again, NULL), HM_OK);
            assert_true(hm_bytes_eq(hm_buf_bytes(&longer), hm_buf_bytes(&again)));
        }
    }
}

static void break_idx(struct hm_record *r)
{
    r->idx = HM_RECORD_UINT_MAX + 1;
}
static void break_event(struct hm_record *r)
{
    r->event = HM_EV_NONE;
}
static void break_event_high(struct hm_record *r)
{
    r->event = (enum hm_event)99;
}
static void break_actor(struct hm_record *r)
{
    text(r->actor, "a\"b");
}
static void break_actor_unended(struct hm_record *r)
{
    memset(r->actor, 'a', sizeof r->actor);
}
static void break_req(struct hm_record *r)
{
    text(r->req, "0011");
}
static void break_outcome(struct hm_record *r)
{
    text(r->outcome, "not ok");
}
static void break_token(struct hm_record *r)
{
    text(r->keys[0].token, "a\nb");
}
static void break_mechanism(struct hm_record *r)
{
    r->keys[0].mechanism[0] = '\0';
}
static void break_key_count(struct hm_record *r)
{
    r->key_count = HM_SIGN_KEYS_MAX + 1;
}
static void break_artifact_count(struct hm_record *r)
{
    r->artifact_count = HM_ARTIFACTS_MAX + 1;
}
static void break_evidence_count(struct hm_record *r)
{
    r->evidence_count = HM_RECORD_EVIDENCE_MAX + 1;
}
static void break_state(struct hm_record *r)
{
    r->state = (enum hm_release_state)77;
}
static const struct sample breaks[] = {
    {"write: idx 2^53", break_idx},
    {"write: no event", break_event},
    {"write: event out of range", break_event_high},
    {"write: actor with quote", break_actor},
    {"write: actor without end", break_actor_unended},
    {"write: req short", break_req},
    {"write: outcome with space", break_outcome},
    {"write: token with control", break_token},
    {"write: mechanism empty", break_mechanism},
    {"write: keys 5", break_key_count},
    {"write: artifacts 9", break_artifact_count},
    {"write: evidence 20", break_evidence_count},
    {"write: state out of range", break_state},
};

static void test_write_refused(void **state)
{
    const struct sample *row = *state;
    HM_BUF_AUTO out = {0};
    struct hm_record r;
    struct hm_why why = {""};
    make_signed(&r);
    row->make(&r);
    hm_buf_puts(&out, "before");
    assert_int_equal(hm_record_write(&r, &out, &why), HM_E_MALFORMED);
    assert_true(hm_bytes_eq_str(hm_buf_bytes(&out), "before"));
    assert_true(strlen(why.text) > 0);
}

/* The device's own limit. */
static void test_signed_limit(void **state)
{
    HM_BUF_AUTO out = {0};
    struct hm_record r;
    (void)state;
    make_largest(&r);
    assert_int_equal(hm_record_write(&r, &out, NULL), HM_OK);
    assert_true(out.len > HM_RECORD_SIGNED_MAX);
    struct hm_record signed_record = r;
    signed_record.event = HM_EV_RELEASE_SIGNED;
    HM_BUF_AUTO refused = {0};
    assert_int_equal(hm_record_write(&signed_record, &refused, NULL), HM_E_LIMIT);
    assert_int_equal(refused.len, 0);
    /* The same bytes under the other event, as an attacker would send them. */
    char *at = memmem(out.data, out.len, "release.submitted", 17);
    assert_non_null(at);
    memmove(at + 14, at + 17, out.len - (size_t)(at - (char *)out.data) - 17);
    memcpy(at, "release.signed", 14);
    assert_int_equal(hm_record_parse(hm_bytes_of(out.data, out.len - 3), &r, NULL), HM_E_LIMIT);
}

static void test_size_limit(void **state)
{
    struct hm_record r;
    (void)state;
    uint8_t *big = calloc(1, HM_RECORD_MAX + 1);
    assert_non_null(big);
    assert_int_equal(hm_record_parse(hm_bytes_of(big, HM_RECORD_MAX + 1), &r, NULL), HM_E_LIMIT);
    free(big);
}

static void test_failed_buffer(void **state)
{
    HM_BUF_AUTO small = {.limit = 100};
    struct hm_record r;
    (void)state;
    make_signed(&r);
    assert_int_equal(hm_record_write(&r, &small, NULL), HM_E_LIMIT);
    assert_int_equal(hm_record_write(&r, &small, NULL), HM_E_LIMIT);
}

static void test_event_names(void **state)
{
    (void)state;
    for (int e = HM_EV_NONE + 1; e <= HM_EV_REFUSALS_SUMMARISED; e++)
        assert_int_equal(hm_event_parse(hm_bytes_str(hm_event_name((enum hm_event)e))), e);
    assert_int_equal(hm_event_parse(hm_bytes_str("")), HM_EV_NONE);
    assert_int_equal(hm_event_parse(hm_bytes_str("release.signed ")), HM_EV_NONE);
}

static void test_members_ascend(void **state)
{
    (void)state;
    for (size_t i = 1; i < HM_RECORD_MEMBERS; i++)
        assert_true(strcmp(hm_record_members[i - 1].name, hm_record_members[i].name) < 0);
}

/* The bytes of one release.signed record, pinned: devices out in the field parse this form. */
static void test_golden(void **state)
{
    static const char golden[] =
        "{\"actor\":\"ci-edge\",\"artifacts\":["
        "\"3c3f4245484b4e5154575a5d606366696c6f7275787b7e8184878a8d90939699\"],"
        "\"channel\":\"stable\",\"environment\":\"production\",\"event\":\"release.signed\","
        "\"evidence\":[\"3f4245484b4e5154575a5d606366696c6f7275787b7e8184878a8d909396999c\"],"
        "\"idx\":17,\"intent\":16,\"keys\":[{\"mechanism\":\"ESP256\","
        "\"spki\":\"282b2e3134373a3d404346494c4f5255585b5e6164676a6d707376797c7f8285\","
        "\"tbs\":\"292c2f3235383b3e4144474a4d505356595c5f6265686b6e7174777a7d808386\","
        "\"token\":\"a1b2c3d4e5f60718\"}],"
        "\"manifest\":\"3d404346494c4f5255585b5e6164676a6d707376797c7f8285888b8e9194979a\","
        "\"outcome\":\"ok\","
        "\"policy\":\"3e4144474a4d505356595c5f6265686b6e7174777a7d808386898c8f9295989b\","
        "\"prev\":\"0104070a0d101316191c1f2225282b2e3134373a3d404346494c4f5255585b5e\","
        "\"product\":\"edge-router\",\"release\":\"r12\","
        "\"req\":\"00112233445566778899aabbccddeeff\",\"sequence\":9,\"state\":\"signed\","
        "\"store_epoch\":3,\"t_ms\":1795000000123,\"v\":1,\"version\":\"2.1.0\"}";
    HM_BUF_AUTO out = {0};
    struct hm_record r;
    (void)state;
    make_signed(&r);
    assert_int_equal(hm_record_write(&r, &out, NULL), HM_OK);
    assert_string_equal(hm_buf_str(&out), golden);
}

int main(void)
{
    struct CMUnitTest tests[4 * ROWS(samples) + ROWS(breaks) + 6];
    size_t n = 0;
    n = ADD_ROWS(tests, n, test_round_trip, samples);
    n = ADD_ROWS(tests, n, test_truncated, samples);
    n = ADD_ROWS(tests, n, test_flipped, samples);
    n = ADD_ROWS(tests, n, test_inserted, samples);
    n = ADD_ROWS(tests, n, test_write_refused, breaks);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_signed_limit);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_size_limit);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_failed_buffer);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_event_names);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_members_ascend);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_golden);
    return _cmocka_run_group_tests("log_record", tests, n, NULL, NULL);
}
