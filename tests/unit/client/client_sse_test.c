/* Event streams as the WHATWG HTML standard has them taken apart; wherever the bytes are cut, the
 * same events come out. */
#include "tests/unit/test_rows.h"

#include "client/cli_sse.h"

#include <stdio.h>

struct row {
    const char *name;
    const char *in;
    const char *out; /* "id|name|data;" of each event */
};
static const struct row rows[] = {
    {"one", "id: 1\nevent: a\ndata: x\n\n", "1|a|x;"},
    {"without a name", "data: x\n\n", "|message|x;"},
    {"several lines", "data: x\ndata\ndata:y\ndata: \n\n", "|message|x\n\ny\n;"},
    {"only one space goes", "data:  x\n\n", "|message| x;"},
    {"the id stays", "id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
     "7|message|a;7|message|b;|message|c;"},
    {"an id without data", "id: 9\n\ndata: a\n\n", "9|message|a;"},
    {"the name does not stay", "event: a\ndata: 1\n\ndata: 2\n\n", "|a|1;|message|2;"},
    {"a name without data", "event: a\n\ndata: 2\n\n", "|message|2;"},
    {"the last name counts", "event: a\nevent: b\ndata: 2\n\n", "|b|2;"},
    {"comments", ": x\n:\ndata: 1\n: y\n\n: z\n\n", "|message|1;"},
    {"unknown fields", "foo: bar\nda: x\ndatax: y\n data: z\ndata: 1\n\n", "|message|1;"},
    {"CR", "id: 1\rdata: x\rdata: y\r\r", "1|message|x\ny;"},
    {"CRLF", "id: 1\r\ndata: x\r\ndata: y\r\n\r\n", "1|message|x\ny;"},
    {"mixed", "data: x\r\n\r\ndata: y\r\rdata: z\n\r\n", "|message|x;|message|y;|message|z;"},
    {"CRLF, then LF", "data: x\r\n\ndata: y\r\n\n", "|message|x;|message|y;"},
    {"a byte order mark",
     "\xef\xbb\xbf"
     "data: x\n\n",
     "|message|x;"},
    {"one mark only",
     "\xef\xbb\xbf\xef\xbb\xbf"
     "data: x\n\ndata: y\n\n",
     "|message|y;"},
    {"not ended", "data: x\n\ndata: y\n", "|message|x;"},
    {"empty data", "data\n\ndata:\n\n", "|message|;|message|;"},
    {"a colon in the value", "data: a: b\n\n", "|message|a: b;"},
    {"nothing", "", ""},
    {"empty lines", "\n\r\n\r\n\n", ""},
};

/* Feeds `in` in pieces of at most `piece` bytes. */
static void run_pieces(const struct row *row, size_t len, size_t piece)
{
    struct cli_sse s;
    HM_BUF_AUTO out = {.limit = 4096};
    cli_sse_begin(&s);
    for (size_t at = 0; at < len; at += piece) {
        struct hm_bytes in = hm_bytes_of(row->in + at, len - at < piece ? len - at : piece);
        while (in.len > 0) {
            struct cli_sse_event e;
            bool got = false;
            assert_int_equal(cli_sse_take(&s, &in, &got, &e, NULL), HM_OK);
            if (!got)
                continue;
            hm_buf_printf(&out, "%s|%s|", e.id, e.name);
            hm_buf_put(&out, e.data.data, e.data.len);
            hm_buf_putc(&out, ';');
        }
    }
    cli_sse_free(&s);
    assert_string_equal(hm_buf_str(&out), row->out);
}

static void run_row(void **state)
{
    const struct row *row = *state;
    size_t len = strlen(row->in);
    for (size_t piece = 1; piece <= len + 1; piece++)
        run_pieces(row, len, piece);
}

static enum hm_err feed(struct cli_sse *s, const void *data, size_t len)
{
    struct cli_sse_event e;
    bool got = false;
    struct hm_bytes in = hm_bytes_of(data, len);
    enum hm_err err = HM_OK;
    while (err == HM_OK && in.len > 0)
        err = cli_sse_take(s, &in, &got, &e, NULL);
    return err;
}

static void limits(void **state)
{
    static const char x[65536];
    struct cli_sse s;
    (void)state;
    cli_sse_begin(&s);
    assert_int_equal(feed(&s, "data: ", 6), HM_OK);
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i <= CLI_SSE_MAX / sizeof x; i++)
        err = feed(&s, x, sizeof x);
    assert_int_equal(err, HM_E_LIMIT); /* one line */
    cli_sse_free(&s);
    cli_sse_begin(&s);
    err = HM_OK;
    for (size_t i = 0; err == HM_OK && i <= CLI_SSE_MAX / 1000; i++) {
        assert_int_equal(feed(&s, "data: ", 6), HM_OK);
        err = feed(&s, x, 1000);
        if (err == HM_OK)
            err = feed(&s, "\n", 1);
    }
    assert_int_equal(err, HM_E_LIMIT); /* many lines of one event */
    cli_sse_free(&s);
    cli_sse_begin(&s);
    assert_int_equal(
        feed(&s, "id: 0123456789012345678901234567890123456789012345678901234567890123456\n", 72),
        HM_E_LIMIT);
    cli_sse_free(&s);
}

static void other_fields(void **state)
{
    static const char nul[] = "id: 4\ndata: a\n\nid: x\0y\n";
    struct cli_sse s;
    (void)state;
    cli_sse_begin(&s);
    assert_int_equal(feed(&s, nul, sizeof nul - 1), HM_OK);
    assert_string_equal(s.id, "4"); /* one with a NUL is none */
    assert_int_equal(feed(&s, "retry: 2500\nretry: x\nretry: -1\nretry:\n", 37), HM_OK);
    assert_int_equal(s.retry_ms, 2500);
    cli_sse_free(&s);
}

int main(void)
{
    struct CMUnitTest tests[ROWS(rows) + 2];
    size_t n = ADD_ROWS(tests, 0, run_row, rows);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(limits);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(other_fields);
    return cmocka_run_group_tests_name("client_sse", tests, NULL, NULL);
}
