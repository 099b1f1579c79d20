/* Speaks for policy/ to other languages, line by line on stdin: "policy <JSON>" loads a policy,
 * "file <path>" loads one from a file, "facts <JSON>" decides under the last one that loaded, "zone
 * <JSON>" says what a clock by {"rule", "times": [Unix seconds]} shows. Every line gets one line of
 * JSON: {"loaded": true, "digest"} or {"loaded": false, "error"}, the verdict, or {"offsets": […]}
 * or {"error"}. Exit code 2 for any other line. */
#include "policy/policy_zone.h"
#include "tests/unit/policy/policy_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_json(json_t *v)
{
    char *s = json_dumps(v, JSON_COMPACT);
    if (s == NULL)
        abort();
    puts(s);
    free(s);
    json_decref(v);
}

static int load(struct hm_bytes text, struct policy **p)
{
    struct hm_why why = {""};
    policy_free(*p);
    *p = NULL;
    enum hm_err err = policy_load(text, p, &why);
    if (err != HM_OK) {
        print_json(
            json_pack("{s:b, s:s, s:s}", "loaded", 0, "kind", hm_err_name(err), "error", why.text));
        return 0;
    }
    char hex[HM_SHA256_HEX];
    hm_digest_hex(policy_digest(*p), hex);
    print_json(json_pack("{s:b, s:s}", "loaded", 1, "digest", hex));
    return 0;
}

static int load_file(const char *path, struct policy **p)
{
    FILE *f = fopen(path, "rb");
    HM_FREE char *text = malloc(HM_POLICY_MAX + 1);
    if (f == NULL || text == NULL) {
        fprintf(stderr, "cannot read %s\n", path);
        return 2;
    }
    size_t n = fread(text, 1, HM_POLICY_MAX + 1, f);
    (void)fclose(f);
    return load(hm_bytes_of(text, n), p);
}

static int decide(const char *text, const struct policy *p)
{
    HM_JSON_AUTO *doc = json_loads(text, 0, NULL);
    FACTS_AUTO facts = {0};
    HM_BUF_AUTO out = {0};
    struct policy_verdict v;
    if (p == NULL || doc == NULL || !facts_read(doc, &facts)) {
        fprintf(stderr, "%s\n", p == NULL ? "no policy is loaded" : "facts are not in their form");
        return 2;
    }
    policy_evaluate(p, &facts.facts, &v);
    if (policy_verdict_json(&v, &out, NULL) != HM_OK)
        return 2;
    puts(hm_buf_str(&out));
    return 0;
}

static int zone(const char *text)
{
    HM_JSON_AUTO *doc = json_loads(text, 0, NULL);
    const char *rule = json_string_value(json_object_get(doc, "rule"));
    const json_t *times = json_object_get(doc, "times");
    struct policy_zone z;
    struct hm_why why = {""};
    if (rule == NULL)
        return 2;
    if (policy_zone_parse(rule, &z, &why) != HM_OK) {
        print_json(json_pack("{s:s}", "error", why.text));
        return 0;
    }
    json_t *offsets = json_array();
    for (size_t i = 0; i < json_array_size(times); i++) {
        int64_t t = json_integer_value(json_array_get(times, i));
        if (json_array_append_new(offsets, json_integer(policy_zone_offset(&z, t))) != 0)
            abort();
    }
    print_json(json_pack("{s:o}", "offsets", offsets));
    return 0;
}

static int answer(char *line, struct policy **p)
{
    char *arg = strchr(line, ' ');
    if (arg == NULL)
        return 2;
    *arg++ = '\0';
    if (strcmp(line, "policy") == 0)
        return load(hm_bytes_str(arg), p);
    if (strcmp(line, "file") == 0)
        return load_file(arg, p);
    if (strcmp(line, "zone") == 0)
        return zone(arg);
    return strcmp(line, "facts") == 0 ? decide(arg, *p) : 2;
}

int main(void)
{
    struct policy *p = NULL;
    HM_FREE char *line = NULL;
    size_t cap = 0;
    int rc = 0;
    for (ssize_t n = getline(&line, &cap, stdin); rc == 0 && n > 0;
         n = getline(&line, &cap, stdin)) {
        if (line[n - 1] == '\n')
            line[n - 1] = '\0';
        rc = answer(line, &p);
        (void)fflush(stdout);
    }
    policy_free(p);
    return rc;
}
