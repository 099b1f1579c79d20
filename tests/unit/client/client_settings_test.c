/* Settings: the documents under tests/documents/client-config, paths, options over the file. */
#include "client/cli_settings.h"
#include "schema/io/hm_file.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define DOCUMENTS_MAX 128

static enum hm_err read_document(const char *path, struct hm_why *why)
{
    HM_BUF_AUTO text = {.limit = HM_CONFIG_MAX};
    struct cli_settings s = {.timeout_s = 60, .retries = 2};
    assert_int_equal(hm_file_read(path, HM_CONFIG_MAX, &text, why), HM_OK);
    return cli_settings_read(hm_buf_bytes(&text), path, &s, why);
}

static void accepted(void **state)
{
    struct hm_why why = {""};
    enum hm_err err = read_document(*state, &why);
    if (err != HM_OK)
        print_error("%s\n", why.text);
    assert_int_equal(err, HM_OK);
}

static void refused(void **state)
{
    struct hm_why why = {""};
    assert_int_equal(read_document(*state, &why), HM_E_CONFIG);
    assert_non_null(strstr(why.text, ".json")); /* the text names the file */
}

static void paths_begin_at_the_file(void **state)
{
    struct cli_settings s = {.retries = 7};
    struct hm_bytes text =
        hm_bytes_str("{\"ca\":\"ca.pem\",\"key\":\"/k\",\"vendor_domain\":\"a.b\"}");
    (void)state;
    assert_int_equal(cli_settings_read(text, "/etc/hallmark/c.json", &s, NULL), HM_OK);
    assert_string_equal(s.ca, "/etc/hallmark/ca.pem");
    assert_string_equal(s.key, "/k");
    assert_string_equal(s.vendor_domain, "a.b");
    assert_int_equal(s.retries, 7);
}

static void error_names_line(void **state)
{
    struct cli_settings s = {.retries = 0};
    struct hm_why why = {""};
    struct hm_bytes text = hm_bytes_str("{\n  \"ca\": \"x\",\n  \"retries\": 1000\n}\n");
    (void)state;
    assert_int_equal(cli_settings_read(text, "c.json", &s, &why), HM_E_CONFIG);
    assert_non_null(strstr(why.text, "c.json:3:"));
    assert_string_equal(s.ca, ""); /* untouched */
}

static void parse(struct cli_args *a, int argc, char **argv)
{
    static const struct cli_opt none[] = {{NULL, NULL, NULL, false}};
    assert_int_equal(cli_args_parse(argc, argv, none, cli_settings_opts, 1, a, NULL), HM_OK);
}

static void options_win(void **state)
{
    char dir[] = "/tmp/hallmark-settings-XXXXXX";
    char file[64], option[80];
    struct cli_args a;
    struct cli_settings s;
    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(file, sizeof file, "%s/c.json", dir);
    assert_int_equal(hm_file_write_atomic(file,
                                          hm_bytes_str("{\"server\":\"https://a\",\"ca\":\"f\","
                                                       "\"root_keys\":[]}"),
                                          0600, NULL),
                     HM_OK);
    (void)snprintf(option, sizeof option, "--config=%s", file);
    char server[] = "--server=https://b/", key[] = "--certificate-key=k", retries[] = "--retries=9";
    char *argv[] = {option, server, key, retries};
    parse(&a, 4, argv);
    assert_int_equal(cli_settings_load(&a, &s, NULL), HM_OK);
    assert_string_equal(s.server, "https://b");
    assert_string_equal(s.key, "k");
    assert_string_equal(s.file, file);
    assert_int_equal(s.retries, 9);
    char bad[] = "--server=ftp://b";
    argv[1] = bad;
    parse(&a, 4, argv);
    assert_int_equal(cli_settings_load(&a, &s, NULL), HM_E_CONFIG);
    (void)unlink(file);
    parse(&a, 1, argv);
    assert_int_equal(cli_settings_load(&a, &s, NULL), HM_E_CONFIG); /* named, but not there */
    (void)rmdir(dir);
}

static void origin_must_be_the_keys(void **state)
{
    struct cli_settings s = {.retries = 0};
    struct hm_vkey v, made;
    struct hm_key key = {.alg = HM_KEY_ED25519, .raw_len = 32};
    HM_BUF_AUTO line = {.limit = 512};
    (void)state;
    assert_int_equal(cli_settings_log_key(&s, &v, NULL), HM_E_CONFIG);
    /* The base point is a point of the curve. */
    memset(key.raw, 0x66, 32);
    key.raw[0] = 0x58;
    assert_int_equal(hm_vkey_make("log.example/a", &key, &made), HM_OK);
    hm_vkey_write(&made, &line);
    (void)snprintf(s.log_key, sizeof s.log_key, "%s", hm_buf_str(&line));
    assert_int_equal(cli_settings_log_key(&s, &v, NULL), HM_OK);
    assert_string_equal(v.name, "log.example/a");
    (void)snprintf(s.origin, sizeof s.origin, "log.example/b");
    assert_int_equal(cli_settings_log_key(&s, &v, NULL), HM_E_CONFIG);
    s.origin[0] = '\0';
    s.log_key[strlen(s.log_key) - 2] ^= 1;
    assert_int_equal(cli_settings_log_key(&s, &v, NULL), HM_E_CONFIG);
}

static size_t add_documents(struct CMUnitTest *tests, size_t n, const char *sub,
                            CMUnitTestFunction fn)
{
    char dir[512];
    const char *source = getenv("HALLMARK_SOURCE");
    (void)snprintf(dir, sizeof dir, "%s/tests/documents/client-config/%s", source ? source : ".",
                   sub);
    DIR *d = opendir(dir);
    const struct dirent *e;
    while (d != NULL && (e = readdir(d)) != NULL && n < DOCUMENTS_MAX) {
        char *path = NULL;
        if (strstr(e->d_name, ".json") == NULL || asprintf(&path, "%s/%s", dir, e->d_name) < 0)
            continue;
        tests[n++] = (struct CMUnitTest){path, fn, NULL, NULL, path};
    }
    if (d != NULL)
        (void)closedir(d);
    return n;
}

int main(void)
{
    struct CMUnitTest tests[DOCUMENTS_MAX + 8] = {
        cmocka_unit_test(paths_begin_at_the_file), cmocka_unit_test(error_names_line),
        cmocka_unit_test(options_win), cmocka_unit_test(origin_must_be_the_keys)};
    size_t fixed = 4;
    size_t n = add_documents(tests, fixed, "accept", accepted);
    size_t good = n - fixed;
    n = add_documents(tests, n, "reject", refused);
    n = add_documents(tests, n, "reject-meaning", refused);
    if (good == 0 || n - fixed - good < 30) {
        print_error("documents are missing\n");
        return 1;
    }
    int failed = _cmocka_run_group_tests("client_settings", tests, n, NULL, NULL);
    for (size_t i = fixed; i < n; i++)
        free(tests[i].initial_state);
    return failed;
}
