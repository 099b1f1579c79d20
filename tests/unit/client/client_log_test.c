/* Replaying a log: an honest one holds; one flipped bit or one cut byte anywhere does not. */
#include "client/cli_checkpoint.h"
#include "client/cli_problem.h"
#include "client/cli_replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ORIGIN "log.example/test"
#define RECORDS 9

/* Bytes of an honest log: one release that is signed at the second try, and its checkpoint. */
static struct hm_buf records[RECORDS];
static struct hm_checkpoint head;

static struct hm_record about(enum hm_event event, enum hm_release_state state)
{
    struct hm_record r = {.event = event, .state = state, .has_release = true, .release = 1};
    (void)snprintf(r.product, sizeof r.product, "edge-router");
    (void)snprintf(r.version, sizeof r.version, "2.1.0");
    (void)snprintf(r.channel, sizeof r.channel, "stable");
    (void)snprintf(r.environment, sizeof r.environment, "production");
    r.has_manifest = true;
    memset(r.manifest.b, 0x11, sizeof r.manifest.b);
    r.key_count = 1;
    memset(r.keys[0].spki.b, 0x22, sizeof r.keys[0].spki.b);
    memset(r.keys[0].tbs.b, 0x33, sizeof r.keys[0].tbs.b);
    (void)snprintf(r.keys[0].mechanism, sizeof r.keys[0].mechanism, "ESP256");
    return r;
}

static void describe(struct hm_record out[static RECORDS])
{
    out[0] = (struct hm_record){.event = HM_EV_LOG_CREATED};
    out[1] = about(HM_EV_RELEASE_SUBMITTED, HM_RELEASE_SUBMITTED);
    out[1].sequence = 1;
    out[2] = about(HM_EV_APPROVAL_RECORDED, HM_RELEASE_APPROVED);
    out[3] = about(HM_EV_SIGN_INTENDED, HM_RELEASE_SIGNING);
    out[4] = about(HM_EV_SIGN_UNKNOWN, HM_RELEASE_APPROVED);
    out[4].has_intent = true;
    out[4].intent = 3;
    out[5] = (struct hm_record){.event = HM_EV_REGISTRAR_STARTED, .has_random = true};
    out[6] = about(HM_EV_SIGN_INTENDED, HM_RELEASE_SIGNING);
    out[6].has_retry_of = true;
    out[6].retry_of = 4;
    out[7] = about(HM_EV_RELEASE_SIGNED, HM_RELEASE_SIGNED);
    out[7].has_intent = true;
    out[7].intent = 6;
    (void)snprintf(out[7].outcome, sizeof out[7].outcome, "ok");
    out[8] = (struct hm_record){.event = HM_EV_REGISTRAR_STARTED, .has_random = true};
}

/* Chains and writes the records. */
static void build(struct hm_record list[static RECORDS], struct hm_buf out[static RECORDS],
                  struct hm_checkpoint *c)
{
    struct hm_digest prev = hm_sha256(hm_bytes_str(ORIGIN));
    struct hm_frontier f = {.size = 0};
    for (uint64_t i = 0; i < RECORDS; i++) {
        list[i].idx = i;
        list[i].prev = prev;
        list[i].t_ms = 1000 + i;
        hm_buf_reset(&out[i]);
        assert_int_equal(hm_record_write(&list[i], &out[i], NULL), HM_OK);
        prev = hm_merkle_leaf(hm_buf_bytes(&out[i]));
        (void)hm_frontier_add(&f, &prev, NULL);
    }
    *c = (struct hm_checkpoint){.size = RECORDS, .root = hm_frontier_root(&f)};
}

static enum hm_err replay_fault(const struct hm_buf list[static RECORDS], size_t count,
                                const struct hm_checkpoint *c, const struct hm_checkpoint *seen,
                                struct cli_fault *f, struct hm_why *why)
{
    CLI_REPLAY_AUTO r;
    enum hm_err err = HM_OK;
    cli_replay_begin(&r, ORIGIN);
    if (seen != NULL)
        cli_replay_expect(&r, seen);
    for (size_t i = 0; err == HM_OK && i < count; i++)
        err = cli_replay_add(&r, hm_buf_bytes(&list[i]), why);
    if (err == HM_OK)
        err = cli_replay_end(&r, c, why);
    *f = r.fault;
    return err;
}

static enum hm_err replay(const struct hm_buf list[static RECORDS], size_t count,
                          const struct hm_checkpoint *c, const struct hm_checkpoint *seen,
                          struct hm_why *why)
{
    struct cli_fault f;
    enum hm_err err = replay_fault(list, count, c, seen, &f, why);
    assert_int_equal(err == HM_OK, f.kind == CLI_FAULT_NONE);
    return err;
}

static int set_up(void **state)
{
    struct hm_record list[RECORDS];
    (void)state;
    describe(list);
    build(list, records, &head);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < RECORDS; i++)
        hm_buf_free(&records[i]);
    return 0;
}

static void honest(void **state)
{
    struct hm_why why = {""};
    (void)state;
    enum hm_err err = replay(records, RECORDS, &head, &head, &why);
    if (err != HM_OK)
        print_error("%s\n", why.text);
    assert_int_equal(err, HM_OK);
}

static void flipped(void **state)
{
    (void)state;
    for (size_t i = 0; i < RECORDS; i++)
        for (size_t at = 0; at < records[i].len; at++) {
            records[i].data[at] ^= 0x01;
            assert_int_not_equal(replay(records, RECORDS, &head, NULL, NULL), HM_OK);
            records[i].data[at] ^= 0x01;
        }
}

static void cut(void **state)
{
    (void)state;
    for (size_t n = 0; n < RECORDS; n++)
        assert_int_equal(replay(records, n, &head, NULL, NULL), HM_E_HISTORY);
    for (size_t i = 0; i < RECORDS; i++) {
        size_t len = records[i].len;
        for (records[i].len = 0; records[i].len < len; records[i].len++)
            assert_int_not_equal(replay(records, RECORDS, &head, NULL, NULL), HM_OK);
    }
}

static void seen_before(void **state)
{
    struct hm_checkpoint other = head;
    (void)state;
    other.root.b[0] ^= 1;
    assert_int_equal(replay(records, RECORDS, &head, &other, NULL), HM_E_HISTORY);
    other = head;
    other.size = RECORDS + 1;
    assert_int_equal(replay(records, RECORDS, &head, &other, NULL), HM_E_HISTORY);
    other.size = 3; /* the right root of another size */
    assert_int_equal(replay(records, RECORDS, &head, &other, NULL), HM_E_HISTORY);
}

/* Times may stand still, and never go back. */
static void times(void **state)
{
    static const struct {
        uint64_t t_ms;
        enum cli_fault_kind kind;
    } second[] = {{5, CLI_FAULT_NONE}, {6, CLI_FAULT_NONE}, {4, CLI_FAULT_T_MS}};
    (void)state;
    for (size_t i = 0; i < sizeof second / sizeof second[0]; i++) {
        CLI_REPLAY_AUTO r;
        cli_replay_begin(&r, ORIGIN);
        for (uint64_t idx = 0; idx < 2; idx++) {
            HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
            struct hm_record rec = {.idx = idx,
                                    .prev = r.prev,
                                    .t_ms = idx == 0 ? 5 : second[i].t_ms,
                                    .event =
                                        idx == 0 ? HM_EV_LOG_CREATED : HM_EV_REGISTRAR_STARTED};
            assert_int_equal(hm_record_write(&rec, &bytes, NULL), HM_OK);
            (void)!cli_replay_add(&r, hm_buf_bytes(&bytes), NULL);
        }
        assert_int_equal(r.fault.kind, second[i].kind);
    }
}

/* Histories whose chain and root are in order, and which the rules forbid. */
struct rule {
    const char *name, *says;
    void (*edit)(struct hm_record *list);
    enum cli_fault_kind kind;
    uint64_t index;
};
static void result_without_intent(struct hm_record *list)
{
    list[7].intent = 2;
}
static void result_of_old_intent(struct hm_record *list)
{
    list[7].intent = 3;
}
static void result_of_other_bytes(struct hm_record *list)
{
    list[7].keys[0].tbs.b[0] ^= 1;
}
static void result_of_other_manifest(struct hm_record *list)
{
    list[7].manifest.b[0] ^= 1;
}
static void result_of_other_key(struct hm_record *list)
{
    list[7].keys[0].spki.b[0] ^= 1;
}
static void retry_of_other_bytes(struct hm_record *list)
{
    list[6].keys[0].tbs.b[0] ^= 1;
    list[7].keys[0].tbs.b[0] ^= 1;
}
static void retry_of_nothing(struct hm_record *list)
{
    list[6].retry_of = 3;
}
static void signed_without_approval(struct hm_record *list)
{
    list[2].state = HM_RELEASE_SUBMITTED;
}
static void about_nothing(struct hm_record *list)
{
    list[2].release = 0;
}
static void signed_twice(struct hm_record *list)
{
    list[8] = list[7];
}
static void no_sequence(struct hm_record *list)
{
    list[1].sequence = 0;
}
static void created_twice(struct hm_record *list)
{
    list[5] = (struct hm_record){.event = HM_EV_LOG_CREATED};
}

static void without_state(struct hm_record *list)
{
    list[7].state = HM_RELEASE_NONE;
}
static void state_of_another_event(struct hm_record *list)
{
    list[2] = about(HM_EV_RELEASE_REJECTED, HM_RELEASE_APPROVED);
}
static void state_of_no_release(struct hm_record *list)
{
    list[5].state = HM_RELEASE_APPROVED;
}
static void other_sequence(struct hm_record *list)
{
    list[6].sequence = 2;
}
static void without_release(struct hm_record *list)
{
    list[2].has_release = false;
    list[2].release = 0;
}
static void submitted_as_another(struct hm_record *list)
{
    list[1].release = 0;
}
static void submitted_twice(struct hm_record *list)
{
    list[2] = list[1];
    list[2].sequence = 2;
}
static void intended_twice(struct hm_record *list)
{
    list[4] = about(HM_EV_SIGN_INTENDED, HM_RELEASE_SIGNING);
}
static void intended_without_keys(struct hm_record *list)
{
    list[3].key_count = 0;
}
static void intended_again_without_retry(struct hm_record *list)
{
    list[6].has_retry_of = false;
    list[6].retry_of = 0;
}
static void after_the_end(struct hm_record *list)
{
    list[8] = about(HM_EV_RELEASE_CANCELLED, HM_RELEASE_CANCELLED);
}

static const struct rule rules[] = {
    {"result without intention", "without an intention", result_without_intent, CLI_FAULT_RESULT,
     7},
    {"result of an intention that is closed", "without an intention", result_of_old_intent,
     CLI_FAULT_RESULT, 7},
    {"result of other bytes", "not the result", result_of_other_bytes, CLI_FAULT_RESULT, 7},
    {"result of another manifest", "not the result", result_of_other_manifest, CLI_FAULT_RESULT, 7},
    {"result of another key", "not the result", result_of_other_key, CLI_FAULT_RESULT, 7},
    {"retry with other bytes", "with other bytes", retry_of_other_bytes, CLI_FAULT_INTENTION, 6},
    {"retry of what is not unknown", "no unknown result", retry_of_nothing, CLI_FAULT_INTENTION, 6},
    {"signing without approval", "no legal step", signed_without_approval, CLI_FAULT_STATE, 3},
    {"about a release that is none", "never submitted", about_nothing, CLI_FAULT_RELEASE, 2},
    {"signed twice", "without an intention", signed_twice, CLI_FAULT_RESULT, 8},
    {"no sequence number", "sequence number", no_sequence, CLI_FAULT_SEQUENCE, 1},
    {"created twice", "log.created", created_twice, CLI_FAULT_CREATED, 5},
    {"signed, and no state", "no legal step", without_state, CLI_FAULT_STATE, 7},
    {"the state of another event", "no legal step", state_of_another_event, CLI_FAULT_STATE, 2},
    {"a state without a release", "no legal step", state_of_no_release, CLI_FAULT_STATE, 5},
    {"another sequence number", "sequence number", other_sequence, CLI_FAULT_SEQUENCE, 6},
    {"an approval of nothing", "found none", without_release, CLI_FAULT_RELEASE, 2},
    {"submitted as another release", "expected r1", submitted_as_another, CLI_FAULT_RELEASE, 1},
    {"submitted twice", "expected r2", submitted_twice, CLI_FAULT_RELEASE, 2},
    {"intended twice", "second intention", intended_twice, CLI_FAULT_INTENTION, 4},
    {"intended without keys", "without manifest or keys", intended_without_keys,
     CLI_FAULT_INTENTION, 3},
    {"intended again, and no retry", "second intention", intended_again_without_retry,
     CLI_FAULT_INTENTION, 6},
    {"cancelled after its end", "no legal step", after_the_end, CLI_FAULT_STATE, 8},
};

static void forbidden(void **state)
{
    const struct rule *rule = *state;
    struct hm_record list[RECORDS];
    struct hm_buf bytes[RECORDS] = {{.limit = HM_RECORD_MAX}};
    struct hm_checkpoint c;
    struct hm_why why = {""};
    describe(list);
    rule->edit(list);
    build(list, bytes, &c);
    struct cli_fault f;
    assert_int_not_equal(replay_fault(bytes, RECORDS, &c, NULL, &f, &why), HM_OK);
    assert_int_equal(f.kind, rule->kind);
    assert_int_equal(f.index, rule->index);
    if (strstr(why.text, rule->says) == NULL)
        print_error("%s\n", why.text);
    assert_non_null(strstr(why.text, rule->says));
    for (size_t i = 0; i < RECORDS; i++)
        hm_buf_free(&bytes[i]);
}

static void consistency(void **state)
{
    static const char hash[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    static const char *const bad[] = {"AAAA\n",     "\n", "[1]", "[\"AAAA\"]",
                                      "{\"x\":[]}", "{",  "[] x"};
    struct hm_path p = {.count = 7};
    char text[256];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_not_equal(cli_consistency_parse(hm_bytes_str(bad[i]), &p, NULL), HM_OK);
    assert_int_equal(p.count, 7);
    assert_int_equal(cli_consistency_parse(hm_bytes_str(""), &p, NULL), HM_OK);
    assert_int_equal(p.count, 0);
    (void)snprintf(text, sizeof text, "%s\n%s\n", hash, hash);
    assert_int_equal(cli_consistency_parse(hm_bytes_str(text), &p, NULL), HM_OK);
    assert_int_equal(p.count, 2);
    (void)snprintf(text, sizeof text, "{\"hashes\":[\"%s\"]}", hash);
    assert_int_equal(cli_consistency_parse(hm_bytes_str(text), &p, NULL), HM_OK);
    assert_int_equal(p.count, 1);
}

static void problems(void **state)
{
    static const char body[] =
        "{\"type\":\"urn:hallmark:problem:state\",\"title\":\"T\",\"detail\":\"D\"}";
    struct hm_why why;
    (void)state;
    assert_true(cli_problem_is(hm_bytes_str(body), "state"));
    assert_false(cli_problem_is(hm_bytes_str(body), "stat"));
    assert_false(cli_problem_is(hm_bytes_str("{"), "state"));
    assert_int_equal(cli_problem_error("GET", "/v1/x?y", 409, hm_bytes_str(body), &why),
                     HM_E_STATE);
    assert_string_equal(why.text, "GET /v1/x: the server answered 409 state: T: D");
    assert_int_equal(cli_problem_error("GET", "/v1/x", 301, hm_bytes_str(""), &why), HM_E_DENIED);
    assert_int_equal(cli_problem_error("GET", "/v1/x", 503, hm_bytes_str("<html>"), &why),
                     HM_E_UNAVAILABLE);
    assert_int_equal(cli_problem_error("GET", "/v1/x", 299, hm_bytes_str(""), &why), HM_E_DENIED);
}

int main(void)
{
    enum { RULES = sizeof rules / sizeof rules[0] };
    struct rule copy[RULES];
    struct CMUnitTest tests[7 + RULES] = {
        cmocka_unit_test(honest),      cmocka_unit_test(flipped),     cmocka_unit_test(cut),
        cmocka_unit_test(seen_before), cmocka_unit_test(consistency), cmocka_unit_test(problems),
        cmocka_unit_test(times)};
    memcpy(copy, rules, sizeof rules);
    for (size_t i = 0; i < RULES; i++)
        tests[7 + i] = (struct CMUnitTest){rules[i].name, forbidden, NULL, NULL, &copy[i]};
    return _cmocka_run_group_tests("client_log", tests, 7 + RULES, set_up, tear_down);
}
