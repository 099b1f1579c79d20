/* Command line parsing, tables, escaping, sizes, option values of submit. */
#include "client/cli_args.h"
#include "client/cli_submit.h"
#include "client/cli_term.h"
#include "schema/io/hm_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct cli_opt own[] = {
    {"flag", NULL, "", false},    {"one", "X", "", false},   {"many", "X", "", true},
    {"maybe", "[=X]", "", false}, {NULL, NULL, NULL, false},
};
static const struct cli_opt common[] = {{"json", NULL, "", false}, {NULL, NULL, NULL, false}};

struct row {
    const char *name;
    const char *argv[8];
    size_t operands;
    enum hm_err err;
    size_t given, operand_count;
};
static const struct row rows[] = {
    {"nothing", {NULL}, 0, HM_OK, 0, 0},
    {"flag", {"--flag"}, 0, HM_OK, 1, 0},
    {"value behind", {"--one", "a"}, 0, HM_OK, 1, 0},
    {"value after equals", {"--one=a"}, 0, HM_OK, 1, 0},
    {"empty value", {"--one="}, 0, HM_OK, 1, 0},
    {"value that begins with a dash", {"--one", "-a"}, 0, HM_OK, 1, 0},
    {"many, greedy", {"--many", "a", "b", "c", "--flag"}, 0, HM_OK, 4, 0},
    {"many, not greedy with operands", {"--many", "a", "b"}, 1, HM_OK, 1, 1},
    {"many, repeated", {"--many", "a", "--many=b"}, 0, HM_OK, 2, 0},
    {"optional value left out", {"--maybe"}, 0, HM_OK, 1, 0},
    {"optional value", {"--maybe=a"}, 0, HM_OK, 1, 0},
    {"optional value takes no word", {"--maybe", "a"}, 1, HM_OK, 1, 1},
    {"common", {"--json"}, 0, HM_OK, 1, 0},
    {"operand", {"r17"}, 1, HM_OK, 0, 1},
    {"operand behind --", {"--", "--flag"}, 1, HM_OK, 0, 1},
    {"dash alone", {"-"}, 1, HM_OK, 0, 1},
    {"too many operands", {"a", "b"}, 1, HM_E_CONFIG, 0, 0},
    {"no operand allowed", {"a"}, 0, HM_E_CONFIG, 0, 0},
    {"unknown", {"--unknown"}, 0, HM_E_CONFIG, 0, 0},
    {"prefix of an option", {"--fla"}, 0, HM_E_CONFIG, 0, 0},
    {"short option", {"-f"}, 0, HM_E_CONFIG, 0, 0},
    {"twice", {"--flag", "--flag"}, 0, HM_E_CONFIG, 0, 0},
    {"twice with values", {"--one=a", "--one=b"}, 0, HM_E_CONFIG, 0, 0},
    {"flag with a value", {"--flag=a"}, 0, HM_E_CONFIG, 0, 0},
    {"value missing", {"--one"}, 0, HM_E_CONFIG, 0, 0},
    {"option in place of a value", {"--one", "--flag"}, 0, HM_E_CONFIG, 0, 0},
};

static void parses(void **state)
{
    const struct row *r = *state;
    char store[8][32];
    char *argv[8];
    int argc = 0;
    for (; argc < 8 && r->argv[argc] != NULL; argc++) {
        (void)snprintf(store[argc], sizeof store[argc], "%s", r->argv[argc]);
        argv[argc] = store[argc];
    }
    struct cli_args a = {.count = 99};
    struct hm_why why = {""};
    assert_int_equal(cli_args_parse(argc, argv, own, common, r->operands, &a, &why), r->err);
    if (r->err != HM_OK) {
        assert_int_equal(a.count, 99);
        assert_true(why.text[0] != '\0');
        return;
    }
    assert_int_equal(a.count, r->given);
    assert_int_equal(a.operand_count, r->operand_count);
}

static void numbers(void **state)
{
    static const struct {
        const char *text;
        enum hm_err err;
    } cases[] = {{"1", HM_OK},        {"9", HM_OK},        {"0", HM_E_CONFIG},
                 {"10", HM_E_CONFIG}, {"01", HM_E_CONFIG}, {"-1", HM_E_CONFIG},
                 {"", HM_E_CONFIG},   {"1x", HM_E_CONFIG}, {"18446744073709551617", HM_E_CONFIG}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cli_args a = {.count = 1, .given = {{&own[1], cases[i].text}}};
        uint64_t v = 5;
        assert_int_equal(cli_args_uint(&a, "one", 1, 9, 3, &v, NULL), cases[i].err);
        if (cases[i].err != HM_OK)
            assert_int_equal(v, 5);
    }
}

/* What a table writes, as text. */
static void written(struct cli_table *t, char *out, size_t size)
{
    FILE *f = tmpfile();
    assert_non_null(f);
    cli_table_write(t, f, false);
    rewind(f);
    out[fread(out, 1, size - 1, f)] = '\0';
    (void)fclose(f);
}

static void tables(void **state)
{
    static const char *const headers[] = {"A", "LONG"};
    char text[256];
    CLI_TABLE_AUTO t;
    (void)state;
    cli_table_begin(&t, headers, 2);
    written(&t, text, sizeof text);
    assert_string_equal(text, ""); /* no rows, no header */
    cli_table_cell(&t, "%s", "\xc3\xa4\xc3\xb6");
    cli_table_cell(&t, "%d", 7);
    cli_table_cell(&t, "abc");
    cli_table_cell(&t, "x");
    written(&t, text, sizeof text);
    assert_string_equal(text, "A    LONG\n\xc3\xa4\xc3\xb6   7\nabc  x\n");
}

static void tables_escape(void **state)
{
    static const char *const headers[] = {"A"};
    static const char *const evil[] = {"\033[2J", "a\rb", "a\nb", "\xe2\x80\xae.gpj", "\x7f"};
    (void)state;
    for (size_t i = 0; i < sizeof evil / sizeof evil[0]; i++) {
        char text[256];
        CLI_TABLE_AUTO t;
        cli_table_begin(&t, headers, 1);
        cli_table_cell(&t, "%s", evil[i]);
        written(&t, text, sizeof text);
        assert_null(strstr(text, evil[i]));
        assert_non_null(strstr(text, "\\u{"));
    }
}

static void sizes(void **state)
{
    char text[24];
    (void)state;
    cli_size_text(0, text);
    assert_string_equal(text, "0 B");
    cli_size_text(1023, text);
    assert_string_equal(text, "1023 B");
    cli_size_text(786432, text);
    assert_string_equal(text, "768.0 KiB");
    cli_size_text(5.0 * 1024 * 1024 * 1024, text);
    assert_string_equal(text, "5.0 GiB");
}

static void colors(void **state)
{
    struct cli_term t;
    (void)state;
    assert_int_equal(cli_term_init(&t, "always", false, NULL), HM_OK);
    assert_true(t.color_out && t.color_err);
    assert_int_equal(cli_term_init(&t, "always", true, NULL), HM_OK);
    assert_false(t.color_out); /* JSON carries no colours */
    assert_int_equal(cli_term_init(&t, "never", false, NULL), HM_OK);
    assert_false(t.color_out || t.color_err);
    assert_int_equal(setenv("NO_COLOR", "1", 1), 0);
    assert_int_equal(cli_term_init(&t, NULL, false, NULL), HM_OK);
    assert_false(t.color_out || t.color_err);
    assert_int_equal(cli_term_init(&t, "sometimes", false, NULL), HM_E_CONFIG);
    t.tty_in = false;
    assert_false(cli_term_confirm(&t, "?")); /* nobody is asked without a terminal */
}

static void artifacts(void **state)
{
    char dir[] = "/tmp/hallmark-args-XXXXXX";
    char file[64], spec[256], *path = NULL;
    struct hm_artifact a;
    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(file, sizeof file, "%s/firmware.bin", dir);
    assert_int_equal(hm_file_write_atomic(file, hm_bytes_str("abc"), 0600, NULL), HM_OK);
    assert_int_equal(cli_artifact_spec(file, &a, &path, NULL), HM_OK);
    free(path);
    assert_string_equal(a.name, "firmware.bin");
    assert_string_equal(a.uri, "firmware.bin");
    assert_int_equal(a.slot, -1);
    assert_int_equal(a.size, 3);
    struct hm_digest d = hm_sha256(hm_bytes_str("abc"));
    assert_true(hm_digest_eq(&d, &a.digest));
    (void)snprintf(spec, sizeof spec, "%s:image-a:1", file);
    assert_int_equal(cli_artifact_spec(spec, &a, &path, NULL), HM_OK);
    free(path);
    assert_string_equal(a.name, "image-a");
    assert_int_equal(a.slot, 1);
    (void)snprintf(spec, sizeof spec, "%s::0", file);
    assert_int_equal(cli_artifact_spec(spec, &a, &path, NULL), HM_OK);
    free(path);
    assert_string_equal(a.name, "firmware.bin");
    static const char *const bad[] = {":a:2", ":a:x", ":.hidden", ":a b", ":a:"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)snprintf(spec, sizeof spec, "%s%s", file, bad[i]);
        assert_int_equal(cli_artifact_spec(spec, &a, &path, NULL), HM_E_CONFIG);
    }
    (void)snprintf(spec, sizeof spec, "%s/missing", dir);
    assert_int_equal(cli_artifact_spec(spec, &a, &path, NULL), HM_E_IO);
    (void)snprintf(spec, sizeof spec, "%s:dir", dir);
    assert_int_equal(cli_artifact_spec(spec, &a, &path, NULL), HM_E_IO);
    (void)unlink(file);
    (void)rmdir(dir);
}

static void pairs(void **state)
{
    struct hm_hardware h;
    struct hm_dependency d;
    (void)state;
    assert_int_equal(cli_hardware_spec("er-100/b", &h, NULL), HM_OK);
    assert_string_equal(h.model, "er-100");
    assert_string_equal(h.revision, "b");
    assert_int_equal(cli_dependency_spec("edge-radio:1.4.0", &d, NULL), HM_OK);
    assert_string_equal(d.version, "1.4.0");
    static const char *const bad[] = {"", "/", "a/", "/b", "a", "a/b/c", "a b/c", "a/b "};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char other[16];
        assert_int_equal(cli_hardware_spec(bad[i], &h, NULL), HM_E_CONFIG);
        (void)snprintf(other, sizeof other, "%s", bad[i]);
        for (char *p = other; *p != '\0'; p++)
            *p = (char)(*p == '/' ? ':' : *p);
        assert_int_equal(cli_dependency_spec(other, &d, NULL), HM_E_CONFIG);
    }
}

int main(void)
{
    enum { ROWS = sizeof rows / sizeof rows[0] };
    struct CMUnitTest tests[ROWS + 7];
    struct row copy[ROWS];
    memcpy(copy, rows, sizeof rows);
    for (size_t i = 0; i < ROWS; i++)
        tests[i] = (struct CMUnitTest){rows[i].name, parses, NULL, NULL, &copy[i]};
    const struct CMUnitTest more[] = {cmocka_unit_test(numbers),       cmocka_unit_test(tables),
                                      cmocka_unit_test(tables_escape), cmocka_unit_test(sizes),
                                      cmocka_unit_test(colors),        cmocka_unit_test(artifacts),
                                      cmocka_unit_test(pairs)};
    memcpy(tests + ROWS, more, sizeof more);
    return _cmocka_run_group_tests("client_args", tests, ROWS + 7, NULL, NULL);
}
