/* Cosignatures: what is taken, what is refused, what several are worth together. */
#include "tests/unit/test_rows.h"

#include "tests/unit/log/log_test_keys.h"

#include "schema/core/hm_text.h"
#include "schema/log/hm_cosignature.h"

#include <stdio.h>

#define ORIGIN "hallmark.example/rehearsal"
#define NOW UINT64_C(1795000000)
#define DASH "\xe2\x80\x94 "

/* A signed checkpoint, three witnesses that are believed and one stranger. */
struct fixture {
    struct log_test_key log;
    struct log_test_key signer[4];
    struct hm_cosigner cosigner[4];
    struct hm_cosigners known;
    struct hm_checkpoint checkpoint;
    struct hm_buf body;
    struct hm_buf note;
};

static int make(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->checkpoint = (struct hm_checkpoint){.origin = ORIGIN, .size = 42};
    memset(f->checkpoint.root.b, 7, sizeof f->checkpoint.root.b);
    log_test_key_make(ORIGIN, 1, &f->log);
    hm_checkpoint_body(&f->checkpoint, &f->body);
    log_test_note(&f->log, &f->checkpoint, &f->note);
    for (uint8_t i = 0; i < 4; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "witness.example/w%u", i);
        log_test_key_make(name, (uint8_t)(100 + i), &f->signer[i]);
        assert_int_equal(hm_cosigner_make(name, &f->signer[i].vkey.key, &f->cosigner[i]), HM_OK);
        if (i < 3)
            assert_int_equal(hm_cosigners_add(&f->known, &f->cosigner[i], NULL), HM_OK);
    }
    *state = f;
    return 0;
}

static int drop(void **state)
{
    struct fixture *f = *state;
    hm_buf_free(&f->body);
    hm_buf_free(&f->note);
    free(f);
    return 0;
}

/* The line of signer i under the name of cosigner `as`, over any text. */
static void line_over(const struct fixture *f, unsigned i, unsigned as, uint64_t time_s,
                      struct hm_bytes body, struct hm_buf *out)
{
    HM_BUF_AUTO message = {0};
    uint8_t sig[64];
    hm_cosignature_message(time_s, body, &message);
    log_test_sign(&f->signer[i], hm_buf_bytes(&message), sig);
    hm_cosignature_line(&f->cosigner[as], time_s, sig, out);
}

static void line(const struct fixture *f, unsigned i, uint64_t time_s, struct hm_buf *out)
{
    line_over(f, i, i, time_s, hm_buf_bytes(&f->body), out);
}

static enum hm_err take(const struct fixture *f, const struct hm_buf *lines,
                        struct hm_cosignatures *s)
{
    return hm_cosignatures_take(s, &f->known, hm_buf_bytes(&f->body), hm_buf_bytes(lines),
                                UINT64_MAX, NULL);
}

static void message_is_the_specifications(void **state)
{
    const struct fixture *f = *state;
    HM_BUF_AUTO m = {0};
    hm_cosignature_message(1679315147, hm_buf_bytes(&f->body), &m);
    assert_true(hm_bytes_eq_str(hm_buf_bytes(&m),
                                "cosignature/v1\ntime 1679315147\n" ORIGIN "\n42\n"
                                "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n"));
}

static void distinct_witnesses_count_once(void **state)
{
    const struct fixture *f = *state;
    HM_BUF_AUTO lines = {0};
    struct hm_cosignatures s = {0};
    uint64_t t = 0;
    assert_int_equal(hm_cosignatures_count(&s), 0);
    line(f, 2, NOW + 20, &lines);
    line(f, 3, NOW + 90, &lines); /* nobody believes it */
    line(f, 0, NOW, &lines);
    assert_int_equal(take(f, &lines, &s), HM_OK);
    assert_int_equal(hm_cosignatures_count(&s), 2);
    assert_int_equal(s.of[0].time_s, NOW);
    assert_int_equal(s.of[1].time_s, 0);
    assert_int_equal(s.of[2].time_s, NOW + 20);
    hm_buf_reset(&lines);
    line(f, 0, NOW + 5, &lines);
    assert_int_equal(take(f, &lines, &s), HM_OK);
    assert_int_equal(hm_cosignatures_count(&s), 2);
    assert_int_equal(s.of[0].time_s, NOW + 5);
    hm_buf_reset(&lines);
    line(f, 0, NOW + 1, &lines); /* an earlier one changes nothing */
    assert_int_equal(take(f, &lines, &s), HM_OK);
    assert_int_equal(s.of[0].time_s, NOW + 5);
    assert_true(hm_cosignatures_time(&s, 1, &t));
    assert_int_equal(t, NOW + 20);
}

static void no_lines_are_no_cosignatures(void **state)
{
    const struct fixture *f = *state;
    HM_BUF_AUTO lines = {0};
    struct hm_cosignatures s = {0};
    assert_int_equal(take(f, &lines, &s), HM_OK);
    assert_int_equal(hm_cosignatures_count(&s), 0);
}

/* What one set of lines is worth: k-th largest time. */
struct floor_row {
    const char *name;
    uint64_t times[3]; /* 0: not cosigned */
    size_t quorum;
    uint64_t want; /* 0: no floor */
};
static const struct floor_row floors[] = {
    {"floor: none for quorum 0", {NOW, NOW, NOW}, 0, 0},
    {"floor: one missing", {NOW, 0, NOW}, 3, 0},
    {"floor: none cosigned", {0, 0, 0}, 1, 0},
    {"floor: more than there are", {NOW, NOW, NOW}, 4, 0},
    {"floor: 1 of 3 is the latest", {NOW, NOW + 9, NOW + 4}, 1, NOW + 9},
    {"floor: 2 of 3 is the middle", {NOW, NOW + 9, NOW + 4}, 2, NOW + 4},
    {"floor: 3 of 3 is the earliest", {NOW, NOW + 9, NOW + 4}, 3, NOW},
    {"floor: 2 of 2 that cosigned", {0, NOW + 9, NOW + 4}, 2, NOW + 4},
    {"floor: equal times", {NOW, NOW, NOW}, 2, NOW},
    {"floor: two equal above one", {NOW, NOW + 9, NOW + 9}, 2, NOW + 9},
};

static void floor_of(void **state)
{
    const struct floor_row *row = *state;
    struct hm_cosignatures s = {0};
    uint64_t t = 99;
    for (size_t i = 0; i < 3; i++)
        s.of[i].time_s = row->times[i];
    assert_int_equal(hm_cosignatures_time(&s, row->quorum, &t), row->want != 0);
    assert_int_equal(t, row->want != 0 ? row->want : 99);
}

/* Each makes lines of which nothing may be taken. */
typedef void (*spoil_fn)(const struct fixture *f, struct hm_buf *out);

static void other_checkpoint(const struct fixture *f, struct hm_buf *out)
{
    HM_BUF_AUTO other = {0};
    struct hm_checkpoint c = f->checkpoint;
    c.size++;
    hm_checkpoint_body(&c, &other);
    line_over(f, 1, 1, NOW, hm_buf_bytes(&other), out);
}
static void other_log(const struct fixture *f, struct hm_buf *out)
{
    HM_BUF_AUTO other = {0};
    struct hm_checkpoint c = f->checkpoint;
    c.origin[0] = 'H';
    hm_checkpoint_body(&c, &other);
    line_over(f, 1, 1, NOW, hm_buf_bytes(&other), out);
}
static void other_key(const struct fixture *f, struct hm_buf *out)
{
    line_over(f, 3, 1, NOW, hm_buf_bytes(&f->body), out);
}
static void other_witness(const struct fixture *f, struct hm_buf *out)
{
    line_over(f, 0, 1, NOW, hm_buf_bytes(&f->body), out);
}
static void twice(const struct fixture *f, struct hm_buf *out)
{
    line(f, 1, NOW, out);
    line(f, 1, NOW, out);
}
static void twice_other_time(const struct fixture *f, struct hm_buf *out)
{
    line(f, 1, NOW, out);
    line(f, 1, NOW + 1, out);
}
static void time_zero(const struct fixture *f, struct hm_buf *out)
{
    line(f, 1, 0, out);
}
static void time_beyond(const struct fixture *f, struct hm_buf *out)
{
    line(f, 1, HM_COSIGNATURE_TIME_MAX + 1, out);
}
static void time_not_the_signed_one(const struct fixture *f, struct hm_buf *out)
{
    HM_BUF_AUTO message = {0};
    uint8_t sig[64];
    hm_cosignature_message(NOW, hm_buf_bytes(&f->body), &message);
    log_test_sign(&f->signer[1], hm_buf_bytes(&message), sig);
    hm_cosignature_line(&f->cosigner[1], NOW + 1, sig, out);
}
static void bare_signature(const struct fixture *f, struct hm_buf *out)
{
    uint8_t sig[64]; /* over the note itself, as a log signs */
    log_test_sign(&f->signer[1], hm_buf_bytes(&f->body), sig);
    hm_cosignature_line(&f->cosigner[1], NOW, sig, out);
}
static void short_blob(const struct fixture *f, struct hm_buf *out)
{
    HM_BUF_AUTO good = {0};
    HM_BUF_AUTO blob = {0};
    line(f, 1, NOW, &good);
    const char *text = hm_buf_str(&good);
    const char *space = strrchr(text, ' ');
    assert_non_null(space);
    assert_int_equal(hm_unbase64(hm_bytes_of(space + 1, strlen(space + 1) - 1), &blob), HM_OK);
    hm_buf_put(out, text, (size_t)(space + 1 - text));
    hm_base64(out, hm_bytes_of(blob.data, blob.len - 1));
    hm_buf_putc(out, '\n');
}
static void text_behind(const struct fixture *f, struct hm_buf *out)
{
    line(f, 1, NOW, out);
    hm_buf_puts(out, "hello\n");
}
static void blank_behind(const struct fixture *f, struct hm_buf *out)
{
    line(f, 1, NOW, out);
    hm_buf_putc(out, '\n');
}
static void no_newline(const struct fixture *f, struct hm_buf *out)
{
    line(f, 1, NOW, out);
    out->len--;
}
static void a_problem_in_json(const struct fixture *f, struct hm_buf *out)
{
    (void)f;
    hm_buf_puts(out, "{\"error\":\"no\"}\n");
}
static void too_many(const struct fixture *f, struct hm_buf *out)
{
    line(f, 1, NOW, out);
    for (int i = 0; i < HM_NOTE_SIGNATURES_MAX; i++)
        hm_buf_printf(out, DASH "other%d AAAAAQQE\n", i);
}
static void too_long(const struct fixture *f, struct hm_buf *out)
{
    line(f, 1, NOW, out);
    hm_buf_puts(out, DASH "other ");
    while (out->len <= HM_NOTE_MAX)
        hm_buf_puts(out, "AAAA");
    hm_buf_putc(out, '\n');
}

struct refused_row {
    const char *name;
    spoil_fn spoil;
    enum hm_err want;
};
static const struct refused_row refused[] = {
    {"refused: over another checkpoint", other_checkpoint, HM_E_SIGNATURE},
    {"refused: of another log", other_log, HM_E_SIGNATURE},
    {"refused: by another key", other_key, HM_E_SIGNATURE},
    {"refused: by another witness's key", other_witness, HM_E_SIGNATURE},
    {"refused: twice", twice, HM_E_MALFORMED},
    {"refused: twice with another time", twice_other_time, HM_E_MALFORMED},
    {"refused: time 0", time_zero, HM_E_SIGNATURE},
    {"refused: time 2^63", time_beyond, HM_E_SIGNATURE},
    {"refused: another time than was signed", time_not_the_signed_one, HM_E_SIGNATURE},
    {"refused: a signature as logs make it", bare_signature, HM_E_SIGNATURE},
    {"refused: a byte short", short_blob, HM_E_SIGNATURE},
    {"refused: text behind it", text_behind, HM_E_MALFORMED},
    {"refused: a blank line behind it", blank_behind, HM_E_MALFORMED},
    {"refused: without newline", no_newline, HM_E_MALFORMED},
    {"refused: something else altogether", a_problem_in_json, HM_E_MALFORMED},
    {"refused: 17 lines", too_many, HM_E_LIMIT},
    {"refused: 64 KiB", too_long, HM_E_LIMIT},
};

static void is_refused(void **state)
{
    const struct refused_row *row = *state;
    void *made = NULL;
    HM_BUF_AUTO good = {0};
    HM_BUF_AUTO lines = {0};
    struct hm_cosignatures s = {0};
    assert_int_equal(make(&made), 0);
    const struct fixture *f = made;
    line(f, 0, NOW, &good); /* a good one beside it is not taken either */
    row->spoil(f, &lines);
    hm_buf_put(&good, lines.data, lines.len);
    assert_int_equal(take(f, &good, &s), row->want);
    assert_int_equal(hm_cosignatures_count(&s), 0);
    (void)drop(&made);
}

static void future_is_refused(void **state)
{
    const struct fixture *f = *state;
    HM_BUF_AUTO lines = {0};
    struct hm_cosignatures s = {0};
    struct hm_why why = {""};
    line(f, 1, NOW, &lines);
    assert_int_equal(hm_cosignatures_take(&s, &f->known, hm_buf_bytes(&f->body),
                                          hm_buf_bytes(&lines), NOW - 1, &why),
                     HM_E_SIGNATURE);
    assert_non_null(strstr(why.text, "future"));
    assert_int_equal(hm_cosignatures_take(&s, &f->known, hm_buf_bytes(&f->body),
                                          hm_buf_bytes(&lines), NOW, &why),
                     HM_OK);
}

/* Every flipped bit and every cut of two lines: never a cosignature that was not made. */
static void flipped_and_cut(void **state)
{
    const struct fixture *f = *state;
    HM_BUF_AUTO lines = {0};
    line(f, 0, NOW, &lines);
    line(f, 1, NOW, &lines);
    size_t first = 0;
    while (lines.data[first] != '\n')
        first++;
    for (size_t i = 0; i < lines.len * 8; i++) {
        struct hm_cosignatures s = {0};
        lines.data[i / 8] ^= (uint8_t)(1u << i % 8);
        if (take(f, &lines, &s) == HM_OK)
            /* a name or a key id that nobody knows: the other one alone is left */
            assert_int_equal(hm_cosignatures_count(&s), 1);
        lines.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t n = 0; n < lines.len; n++) {
        struct hm_cosignatures s = {0};
        enum hm_err e = hm_cosignatures_take(&s, &f->known, hm_buf_bytes(&f->body),
                                             hm_bytes_of(lines.data, n), UINT64_MAX, NULL);
        assert_int_equal(e == HM_OK, n == 0 || n == first + 1);
        assert_int_equal(hm_cosignatures_count(&s), n == first + 1 ? 1 : 0);
    }
}

static void merged_into_a_note(void **state)
{
    struct fixture *f = *state;
    HM_BUF_AUTO lines = {0};
    HM_BUF_AUTO once = {0};
    HM_BUF_AUTO again = {0};
    HM_BUF_AUTO want = {0};
    struct hm_cosignatures s = {0};
    struct hm_checkpoint back;
    line(f, 2, NOW, &lines);
    assert_int_equal(take(f, &lines, &s), HM_OK);
    hm_buf_puts(&f->note, DASH "stranger.example AAAAAQQE\n");
    assert_int_equal(hm_cosignatures_merge(&s, &f->known, hm_buf_bytes(&f->note), &once, NULL),
                     HM_OK);
    hm_buf_put(&want, f->note.data, f->note.len);
    hm_buf_put(&want, lines.data, lines.len);
    assert_true(hm_bytes_eq(hm_buf_bytes(&once), hm_buf_bytes(&want)));
    /* One more witness and a later time of the other: each once, the stranger still there. */
    hm_buf_reset(&lines);
    line(f, 0, NOW + 1, &lines);
    line(f, 2, NOW + 2, &lines);
    assert_int_equal(take(f, &lines, &s), HM_OK);
    assert_int_equal(hm_cosignatures_merge(&s, &f->known, hm_buf_bytes(&once), &again, NULL),
                     HM_OK);
    want.len = f->note.len;
    hm_buf_put(&want, lines.data, lines.len);
    assert_true(hm_bytes_eq(hm_buf_bytes(&again), hm_buf_bytes(&want)));
    assert_int_equal(hm_checkpoint_open(hm_buf_bytes(&again), &f->log.vkey, &back, NULL), HM_OK);
    struct hm_checkpoint_parts p;
    struct hm_cosignatures read = {0};
    assert_int_equal(hm_checkpoint_split(hm_buf_bytes(&again), false, &p, NULL), HM_OK);
    assert_int_equal(hm_cosignatures_take(&read, &f->known, p.body, p.signatures, UINT64_MAX, NULL),
                     HM_OK);
    assert_memory_equal(&read, &s, sizeof s);
}

static void merge_keeps_to_the_limits(void **state)
{
    struct fixture *f = *state;
    HM_BUF_AUTO lines = {0};
    HM_BUF_AUTO out = {0};
    struct hm_cosignatures s = {0};
    struct hm_why why = {""};
    line(f, 0, NOW, &lines);
    assert_int_equal(take(f, &lines, &s), HM_OK);
    for (int i = 0; i < HM_NOTE_SIGNATURES_MAX - 2; i++)
        hm_buf_printf(&f->note, DASH "other%d AAAAAQQE\n", i);
    assert_int_equal(hm_cosignatures_merge(&s, &f->known, hm_buf_bytes(&f->note), &out, &why),
                     HM_OK);
    hm_buf_reset(&out);
    hm_buf_puts(&f->note, DASH "last AAAAAQQE\n");
    assert_int_equal(hm_cosignatures_merge(&s, &f->known, hm_buf_bytes(&f->note), &out, &why),
                     HM_E_LIMIT);
    assert_int_equal(out.len, 0);
    assert_int_equal(hm_cosignatures_merge(&s, &f->known, hm_bytes_str("x\n"), &out, &why),
                     HM_E_MALFORMED);
}

static void a_set_has_each_witness_once(void **state)
{
    struct fixture *f = *state;
    struct hm_why why = {""};
    struct hm_cosigner other;
    assert_int_equal(hm_cosigners_add(&f->known, &f->cosigner[1], &why), HM_E_CONFLICT);
    assert_int_equal(hm_cosigner_make("another.name", &f->signer[1].vkey.key, &other), HM_OK);
    assert_int_equal(hm_cosigners_add(&f->known, &other, &why), HM_E_CONFLICT);
    assert_int_equal(hm_cosigner_make("witness.example/w1", &f->signer[3].vkey.key, &other), HM_OK);
    assert_int_equal(hm_cosigners_add(&f->known, &other, &why), HM_E_CONFLICT);
    assert_int_equal(f->known.count, 3);
    for (uint8_t i = 3; i <= HM_WITNESSES_MAX; i++) {
        struct log_test_key k;
        char name[8];
        (void)snprintf(name, sizeof name, "w%u", i);
        log_test_key_make(name, (uint8_t)(150 + i), &k);
        assert_int_equal(hm_cosigner_make(name, &k.vkey.key, &other), HM_OK);
        assert_int_equal(hm_cosigners_add(&f->known, &other, &why),
                         i < HM_WITNESSES_MAX ? HM_OK : HM_E_LIMIT);
    }
}

/* A log's key and a witness's are told apart, by type and by id, though the point is the same. */
static void types_are_not_mixed(void **state)
{
    const struct fixture *f = *state;
    HM_BUF_AUTO witness = {0};
    HM_BUF_AUTO log = {0};
    struct hm_cosigner c;
    struct hm_vkey v;
    struct hm_why why = {""};
    hm_cosigner_write(&f->cosigner[0], &witness);
    hm_vkey_write(&f->signer[0].vkey, &log);
    assert_memory_not_equal(f->cosigner[0].v.id, f->signer[0].vkey.id, 4);
    assert_int_equal(hm_cosigner_parse(hm_buf_bytes(&witness), &c, &why), HM_OK);
    assert_string_equal(c.v.name, "witness.example/w0");
    assert_int_equal(hm_cosigner_parse(hm_buf_bytes(&log), &c, &why), HM_E_UNSUPPORTED);
    assert_int_equal(hm_vkey_parse(hm_buf_bytes(&witness), &v, &why), HM_E_UNSUPPORTED);
    assert_non_null(strstr(why.text, "0x04"));
    for (size_t i = 0; i < witness.len * 8; i++) {
        witness.data[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_int_not_equal(hm_cosigner_parse(hm_buf_bytes(&witness), &c, NULL), HM_OK);
        witness.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
}

/* The example of the signed-note and tlog-cosignature documents: an id over type 0x04. */
static void key_id_of_type_4(void **state)
{
    const struct fixture *f = *state;
    HM_BUF_AUTO text = {0};
    hm_buf_puts(&text, f->cosigner[2].v.name);
    hm_buf_puts(&text, "\n\x04");
    hm_buf_put(&text, f->cosigner[2].v.key.raw, 32);
    struct hm_digest d = hm_sha256(hm_buf_bytes(&text));
    assert_memory_equal(d.b, f->cosigner[2].v.id, 4);
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, make, drop)

int main(void)
{
    const struct CMUnitTest fixed[] = {
        WITH(message_is_the_specifications),
        WITH(distinct_witnesses_count_once),
        WITH(no_lines_are_no_cosignatures),
        WITH(future_is_refused),
        WITH(flipped_and_cut),
        WITH(merged_into_a_note),
        WITH(merge_keeps_to_the_limits),
        WITH(a_set_has_each_witness_once),
        WITH(types_are_not_mixed),
        WITH(key_id_of_type_4),
    };
    struct CMUnitTest tests[ROWS(fixed) + ROWS(floors) + ROWS(refused)];
    memcpy(tests, fixed, sizeof fixed);
    size_t n = ADD_ROWS(tests, ROWS(fixed), floor_of, floors);
    n = ADD_ROWS(tests, n, is_refused, refused);
    return _cmocka_run_group_tests("log_cosignature", tests, n, NULL, NULL);
}
