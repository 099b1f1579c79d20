/* hallmark policy test: a file of cases against a policy, for the customer's own CI. */
#include "client/cli_case.h"
#include "schema/json/hm_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_opt opts[] = {{NULL, NULL, NULL, false}};

struct tally {
    struct cli_table table;
    json_t *rows;         /* for --json */
    struct hm_buf doubts; /* why cases did not hold, for people */
    size_t failed;
};

/* --policy, else the one that the file names (relative to it), else the settings' one. */
static enum hm_err policy_path(struct cli *c, const struct cli_cases *cases, char *out, size_t size)
{
    const char *file = c->args.operand[0];
    const char *slash = strrchr(file, '/');
    const char *named = cases->policy;
    int n = 0;
    if (cli_args_has(&c->args, "policy") || named == NULL) {
        enum hm_err err = cli_need(c, "policy", c->set.policy);
        if (err != HM_OK) {
            cli_next(c, "hallmark policy test %s --policy POLICY.json", file);
            return err;
        }
        n = snprintf(out, size, "%s", c->set.policy);
    } else if (named[0] == '/' || slash == NULL) {
        n = snprintf(out, size, "%s", named);
    } else {
        n = snprintf(out, size, "%.*s/%s", (int)(slash - file), file, named);
    }
    return n > 0 && (size_t)n < size
               ? HM_OK
               : hm_fail(&c->why, HM_E_CONFIG, "the policy's path is too long");
}

/* "a.b c.d": the checks that failed. */
static json_t *failing(const struct policy_verdict *v, struct hm_buf *text)
{
    json_t *list = json_array();
    for (size_t i = 0; i < v->finding_count; i++) {
        if (v->findings[i].ok)
            continue;
        hm_buf_printf(text, "%s%s", text->len > 0 ? " " : "", v->findings[i].check);
        (void)json_array_append_new(list, json_string(v->findings[i].check));
    }
    if (text->len == 0)
        hm_buf_puts(text, "-");
    return list;
}

static void explain(struct tally *t, const struct cli_case *k, const struct policy_verdict *v)
{
    hm_buf_printf(&t->doubts, "\n%s: expected %s", k->name, k->allow ? "allow" : "deny");
    if (k->rule != NULL)
        hm_buf_printf(&t->doubts, " by rule %s", k->rule);
    for (size_t i = 0; i < json_array_size(k->failing); i++)
        hm_buf_printf(&t->doubts, "%s %s", i == 0 ? " because of" : ",",
                      json_string_value(json_array_get(k->failing, i)));
    hm_buf_puts(&t->doubts, "\n");
    for (size_t i = 0; i < v->finding_count; i++)
        hm_buf_printf(&t->doubts, "  %-4s %s: required %s; found %s\n",
                      v->findings[i].ok ? "ok" : "FAIL", v->findings[i].check,
                      v->findings[i].required, v->findings[i].found);
}

static void keep(struct tally *t, const struct cli_case *k, const struct policy_verdict *v)
{
    HM_BUF_AUTO text = {.limit = 4096};
    bool ok = cli_case_holds(k, v);
    json_t *checks = failing(v, &text);
    const char *all = hm_buf_str(&text);
    cli_table_cell(&t->table, "%s", ok ? "ok" : "FAILED");
    cli_table_cell(&t->table, "%s", k->name);
    cli_table_cell(&t->table, "%s", k->allow ? "allow" : "deny");
    cli_table_cell(&t->table, "%s", v->allow ? "allow" : "deny");
    cli_table_cell(&t->table, "%s", v->rule[0] != '\0' ? v->rule : "-");
    cli_table_cell(&t->table, "%s", all != NULL ? all : "-");
    (void)json_array_append_new(
        t->rows, json_pack("{s:s, s:b, s:s, s:s, s:s, s:o}", "name", k->name, "ok", ok, "expected",
                           k->allow ? "allow" : "deny", "got", v->allow ? "allow" : "deny", "rule",
                           v->rule, "failing", checks));
    if (ok)
        return;
    t->failed++;
    explain(t, k, v);
}

/* Defaults are facts too, also where every case replaces what is wrong in them. */
static enum hm_err check_defaults(struct cli *c, const struct cli_policy *p,
                                  const struct cli_cases *cases)
{
    CLI_CASE_FACTS_AUTO *f = NULL;
    return cases->defaults == NULL
               ? HM_OK
               : cli_case_facts_read(p->policy, cases->defaults, "$.defaults", &f, &c->why);
}

static enum hm_err decide(struct cli *c, const struct cli_policy *p, const struct cli_cases *cases,
                          struct tally *t)
{
    for (size_t i = 0; i < cases->count; i++) {
        CLI_CASE_FACTS_AUTO *f = NULL;
        struct policy_verdict v;
        char path[64];
        (void)snprintf(path, sizeof path, "$.cases[%zu].facts", i);
        enum hm_err err = cli_case_facts_read(p->policy, cases->list[i].facts, path, &f, &c->why);
        if (err != HM_OK)
            return err;
        policy_evaluate(p->policy, &f->facts, &v);
        keep(t, &cases->list[i], &v);
    }
    return HM_OK;
}

static void report(const struct cli *c, const struct cli_policy *p, const struct cli_cases *cases,
                   struct tally *t)
{
    char hex[HM_SHA256_HEX];
    if (c->term.json) {
        hm_digest_hex(policy_digest(p->policy), hex);
        HM_JSON_AUTO *doc =
            json_pack("{s:s, s:I, s:I, s:O}", "policy", hex, "cases", (json_int_t)cases->count,
                      "failed", (json_int_t)t->failed, "results", t->rows);
        (void)json_dumpf(doc, stdout, JSON_COMPACT);
        (void)putchar('\n');
        return;
    }
    cli_table_write(&t->table, stdout, c->term.color_out);
    const char *doubts = hm_buf_str(&t->doubts);
    if (doubts != NULL && t->failed > 0)
        cli_policy_put_lines(stdout, doubts);
    (void)printf("\n%zu case%s, %zu failed\n", cases->count, CLI_S(cases->count), t->failed);
}

static enum hm_err test(struct cli *c, struct tally *t)
{
    HM_BUF_AUTO text = {.limit = HM_POLICY_MAX + 1};
    CLI_CASES_AUTO cases = {.doc = NULL};
    CLI_POLICY_AUTO p = {.policy = NULL};
    const char *file = c->args.operand[0];
    char path[CLI_PATH_MAX];
    enum hm_err err = cli_read(file, HM_POLICY_MAX, &text, &c->why);
    if (err != HM_OK)
        return err;
    err = cli_cases_read(hm_buf_bytes(&text), &cases, &c->why);
    if (err == HM_OK) {
        err = policy_path(c, &cases, path, sizeof path);
        if (err == HM_OK)
            err = cli_policy_open(c, path, &p);
        if (err != HM_OK)
            return err;
        err = check_defaults(c, &p, &cases);
    }
    if (err == HM_OK) {
        err = decide(c, &p, &cases, t);
    }
    if (err == HM_OK)
        report(c, &p, &cases, t);
    else if (c->why.text[0] == '$')
        hm_json_locate(&c->why, file, hm_buf_bytes(&text));
    else
        (void)hm_fail_in(&c->why, err, "%.200s", file);
    return err;
}

static int run(struct cli *c)
{
    static const char *const headers[] = {"RESULT", "CASE", "EXPECTED", "GOT", "RULE", "FAILING"};
    struct tally t = {.rows = json_array(), .doubts = {.limit = HM_BUF_LIMIT_DEFAULT}};
    cli_table_begin(&t.table, headers, 6);
    enum hm_err err = test(c, &t);
    cli_table_free(&t.table);
    hm_buf_free(&t.doubts);
    json_decref(t.rows);
    if (err != HM_OK)
        return cli_end(c, err);
    return t.failed > 0 ? CLI_EXIT_REFUSED : CLI_EXIT_OK;
}

const struct cli_command cli_cmd_policy_test = {
    .name = "policy test",
    .summary = "your own cases with expected verdicts, for your CI",
    .usage = "CASES [--policy POLICY]",
    .example =
        "  hallmark policy test cases.json --policy policy.json\n\n"
        "Exit code 0 where every case gets its verdict, 1 where one does not. The form of the\n"
        "file: schema/policy-test.schema.json and docs/policy-tools.md.",
    .opts = opts,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
