/* What auditors' commands are made of: times, cells of CSV, text in HTML. */
#include "client/cli_csv.h"
#include "client/cli_html.h"
#include "client/cli_when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- times ---- */

#define NOW 1000000000 /* 2001-09-09T01:46:40Z */

static const struct {
    const char *text;
    int64_t unix_s; /* -1: refused */
} times[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"2001-09-09T01:46:40Z", NOW},
    {"2001-09-09T01:46Z", NOW - 40},
    {"2001-09-09T03:46:40+02:00", NOW},
    {"2001-09-08T21:16:40-04:30", NOW},
    {"2001-09-09T01:46:40+00:00", NOW},
    {"45s", NOW - 45},
    {"30m", NOW - 1800},
    {"12h", NOW - 43200},
    {"7d", NOW - 604800},
    {"2w", NOW - 1209600},
    {"0s", NOW},
    {"1000000000s", 0},
    {"1000000001s", -1}, /* before 1970 */
    {"1970-01-01T00:00:00+00:01", -1},
    {"2001-09-09", -1},
    {"2001-09-09T01:46:40", -1},
    {"2001-09-09 01:46:40Z", -1},
    {"2001-09-09T01:46:40.5Z", -1},
    {"2001-09-09T01:46:40z", -1},
    {"2001-09-09T24:00:00Z", -1},
    {"2001-02-29T00:00:00Z", -1},
    {"2001-13-01T00:00:00Z", -1},
    {"2001-09-09T01:46:40+2:00", -1},
    {"2001-09-09T01:46:40+15:00", -1},
    {"2001-09-09T01:46:40+01:60", -1},
    {"2001-09-09T01:46:40+01:00 ", -1},
    {"", -1},
    {"d", -1},
    {"7", -1},
    {"7D", -1},
    {"-7d", -1},
    {"07d", -1},
    {"7.5d", -1},
    {"99999999999d", -1},
    {"yesterday", -1},
};

static void reads_times(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct hm_why why = {{0}};
        int64_t s = -1;
        enum hm_err err = cli_when_parse("since", times[i].text, NOW, &s, &why);
        if ((err == HM_OK ? s : -1) != times[i].unix_s)
            fail_msg("'%s': %s, %lld", times[i].text, why.text, (long long)s);
        if (err != HM_OK) {
            assert_int_equal(err, HM_E_CONFIG);
            assert_non_null(strstr(why.text, "--since"));
        }
    }
}

static void tells_spans(void **state)
{
    static const struct {
        uint64_t ms;
        const char *text;
    } spans[] = {
        {0, "0.000 s"},        {250, "0.250 s"},  {59999, "59.999 s"},    {60000, "1 min"},
        {61999, "1 min 1 s"},  {3600000, "1 h"},  {3661000, "1 h 1 min"}, {86400000, "1 d"},
        {90000000, "1 d 1 h"}, {86459000, "1 d"}, {31536000000, "365 d"},
    };
    char text[CLI_WHEN_TEXT];
    (void)state;
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        cli_when_span(spans[i].ms, text);
        assert_string_equal(text, spans[i].text);
    }
    cli_when_exact(1000000000007, text);
    assert_string_equal(text, "2001-09-09T01:46:40.007Z");
}

/* ---- CSV ---- */

static void writes_cells(void **state)
{
    static const struct {
        const char *text, *cell;
    } cells[] = {
        {"", ""},
        {"plain", "plain"},
        {"with space", "with space"},
        {"a,b", "\"a,b\""},
        {"a\"b", "\"a\"\"b\""},
        {"\"", "\"\"\"\""},
        {"a\nb", "\"a\nb\""},
        {"a\r\nb", "\"a\r\nb\""},
        {"=1+1", "'=1+1"},
        {"+1", "'+1"},
        {"-1", "'-1"},
        {"@SUM(A1)", "'@SUM(A1)"},
        {"\tx", "'\tx"},
        {"\rx", "\"'\rx\""},
        {"=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""},
        {"a=b", "a=b"},
        {"1-2", "1-2"},
        {"'=1", "'=1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        HM_BUF_AUTO out = {.limit = 256};
        cli_csv_cell(cells[i].text, &out);
        assert_string_equal(out.len > 0 ? hm_buf_str(&out) : "", cells[i].cell);
    }
}

/* ---- HTML ---- */

static void escapes_text(void **state)
{
    static const struct {
        const char *text, *html;
    } rows[] = {
        {"plain", "plain"},
        {"a & b", "a &amp; b"},
        {"&lt;", "&amp;lt;"},
        {"<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"},
        {"\" onclick='x'", "&quot; onclick=&#39;x&#39;"},
        {"</td><!-- ", "&lt;/td&gt;&lt;!-- "},
        {"S\xc3\xb6hne", "S\xc3\xb6hne"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        HM_BUF_AUTO out = {.limit = 256};
        html_text(&out, rows[i].text);
        assert_string_equal(hm_buf_str(&out), rows[i].html);
    }
    HM_BUF_AUTO out = {.limit = 4096};
    for (int c = 1; c < 256; c++) {
        char text[2] = {(char)c, 0};
        html_text(&out, text);
    }
    assert_int_equal(hm_buf_err(&out), HM_OK);
    for (size_t i = 0; i < out.len;
         i++) /* neither markup nor control characters nor broken UTF-8 */
        if (out.data[i] < 0x20 || out.data[i] >= 0x7f || strchr("<>\"'", out.data[i]) != NULL)
            fail_msg("byte %02x at %zu", out.data[i], i);
    HM_BUF_AUTO small = {.limit = 8};
    html_text(&small, "<<<<<<<<");
    assert_int_not_equal(hm_buf_err(&small), HM_OK);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_times),
        cmocka_unit_test(tells_spans),
        cmocka_unit_test(writes_cells),
        cmocka_unit_test(escapes_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
