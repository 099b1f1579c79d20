#include "client/cli_policy.h"

#include "client/cli_zone.h"
#include "policy/policy_verdict.h"
#include "schema/io/hm_clock.h"
#include "schema/json/hm_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void joined(const json_t *list, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < json_array_size(list) && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", i > 0 ? " " : "",
                              json_string_value(json_array_get(list, i)));
}

static void put(struct cli_table *t, const json_t *v, const char *member)
{
    char text[512];
    const json_t *m = json_object_get(v, member);
    if (json_is_array(m))
        joined(m, text, sizeof text);
    else
        (void)snprintf(text, sizeof text, "%s", hm_json_text(v, member));
    cli_table_cell(t, "%s", text);
}

/* A list that a rule may leave out: all that its key signs. */
static void put_scope(struct cli_table *t, const json_t *rule, const char *member)
{
    if (json_object_get(rule, member) != NULL)
        put(t, rule, member);
    else
        cli_table_cell(t, "(the key's)");
}

/* The key that signs, or so many of several. */
static void put_keys(struct cli_table *t, const json_t *rule)
{
    char text[512];
    const json_t *keys = json_object_get(rule, "keys");
    if (keys == NULL) {
        put(t, rule, "key");
        return;
    }
    joined(json_object_get(keys, "of"), text, sizeof text);
    cli_table_cell(t, "%" JSON_INTEGER_FORMAT " of %s",
                   json_integer_value(json_object_get(keys, "threshold")), text);
}

static void finish(const struct cli *c, struct cli_table *t)
{
    cli_table_write(t, stdout, c->term.color_out);
    (void)putchar('\n');
}

static void print_rules(const struct cli *c, const struct policy *p, const json_t *doc)
{
    char quorum[POLICY_TEXT_MAX];
    static const char *const headers[] = {"RULE", "PRODUCTS",   "CHANNELS",  "ENVIRONMENT",
                                          "KEY",  "SUBMITTERS", "APPROVALS", "PROVENANCE"};
    CLI_TABLE_AUTO t;
    cli_table_begin(&t, headers, 8);
    const json_t *rules = json_object_get(doc, "rules");
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *r = json_array_get(rules, i);
        const json_t *built = json_object_get(r, "provenance");
        put(&t, r, "id");
        put_scope(&t, r, "products");
        put_scope(&t, r, "channels");
        put(&t, r, "environment");
        put_keys(&t, r);
        put(&t, r, "submitters");
        policy_quorum_text(policy_rule_at(p, i), quorum);
        cli_table_cell(&t, "%s", quorum);
        if (json_is_object(built))
            put(&t, built, "builders");
        else
            cli_table_cell(&t, "NONE");
    }
    finish(c, &t);
}

static void print_groups(const struct cli *c, const json_t *doc)
{
    static const char *const headers[] = {"GROUP", "MEMBERS"};
    CLI_TABLE_AUTO t;
    cli_table_begin(&t, headers, 2);
    const json_t *groups = json_object_get(doc, "groups");
    for (size_t i = 0; i < json_array_size(groups); i++) {
        put(&t, json_array_get(groups, i), "id");
        put(&t, json_array_get(groups, i), "members");
    }
    finish(c, &t);
}

static void print_builders(const struct cli *c, const json_t *doc)
{
    static const char *const headers[] = {"BUILDER", "KEYS", "PRODUCTS", "REPOSITORIES"};
    CLI_TABLE_AUTO t;
    cli_table_begin(&t, headers, 4);
    const json_t *builders = json_object_get(doc, "builders");
    for (size_t i = 0; i < json_array_size(builders); i++) {
        const json_t *b = json_array_get(builders, i);
        put(&t, b, "id");
        cli_table_cell(&t, "%zu", json_array_size(json_object_get(b, "keys")));
        put(&t, b, "products");
        put(&t, b, "repositories");
    }
    finish(c, &t);
}

static void print_people(const struct cli *c, const json_t *doc)
{
    static const char *const headers[] = {"PRINCIPAL", "NAME", "ROLES", "SUBMIT KEYS",
                                          "APPROVAL KEYS"};
    CLI_TABLE_AUTO t;
    const json_t *people = json_object_get(doc, "principals");
    cli_table_begin(&t, headers, 5);
    for (size_t i = 0; i < json_array_size(people); i++) {
        const json_t *who = json_array_get(people, i);
        put(&t, who, "id");
        put(&t, who, json_object_get(who, "name") != NULL ? "name" : "id");
        put(&t, who, "roles");
        cli_table_cell(&t, "%zu", json_array_size(json_object_get(who, "submit_keys")));
        cli_table_cell(&t, "%zu", json_array_size(json_object_get(who, "approval_keys")));
    }
    finish(c, &t);
}

static void print_keys(const struct cli *c, const struct policy *p, const json_t *doc)
{
    static const char *const headers[] = {"KEY", "ENVIRONMENT", "PRODUCTS", "CHANNELS", "KEY ID"};
    CLI_TABLE_AUTO t;
    const struct policy_release_key *k;
    const json_t *keys = json_object_get(doc, "keys");
    cli_table_begin(&t, headers, 5);
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const json_t *v = json_array_get(keys, i);
        char hex[HM_SHA256_HEX] = "";
        for (size_t n = 0; (k = policy_key_at(p, n)) != NULL; n++)
            if (strcmp(k->id, hm_json_text(v, "id")) == 0)
                hm_digest_hex(&k->key_id, hex);
        put(&t, v, "id");
        put(&t, v, "environment");
        put(&t, v, "products");
        put(&t, v, "channels");
        cli_table_cell(&t, "%s", hex);
    }
    finish(c, &t);
}

static void print_all(const struct cli *c, const struct policy *p, const json_t *doc)
{
    char hex[HM_SHA256_HEX];
    hm_digest_hex(policy_digest(p), hex);
    (void)fputs("policy of ", stdout);
    cli_put_text(stdout, policy_name(p));
    (void)fputs(", vendor domain ", stdout);
    cli_put_text(stdout, policy_vendor_domain(p));
    (void)printf("\nsha256:%s\n\n", hex);
    print_rules(c, p, doc);
    print_groups(c, doc);
    print_builders(c, doc);
    print_people(c, doc);
    print_keys(c, p, doc);
}

/* One object or array on the way through a document. */
struct place {
    const json_t *v;
    size_t next;
    void *iter;
    size_t path_len;
};

/* The next child and its path behind the parent's; NULL when there is none left. */
static const json_t *next_child(struct place *p, struct hm_buf *path)
{
    path->len = p->path_len;
    if (json_is_array(p->v)) {
        hm_buf_printf(path, "[%zu]", p->next);
        return json_array_get(p->v, p->next++);
    }
    json_t *object = (json_t *)(uintptr_t)p->v;
    p->iter = p->next++ == 0 ? json_object_iter(object) : json_object_iter_next(object, p->iter);
    if (p->iter == NULL)
        return NULL;
    hm_buf_printf(path, ".%s", json_object_iter_key(p->iter));
    return json_object_iter_value(p->iter);
}

size_t cli_policy_places(const json_t *doc, struct hm_buf *lines)
{
    struct place stack[HM_JSON_DEPTH_MAX + 2] = {{.v = doc, .path_len = 1}};
    HM_BUF_AUTO path = {.limit = 4096};
    size_t depth = 1;
    size_t count = 0;
    hm_buf_putc(&path, '$');
    while (depth > 0 && hm_buf_err(&path) == HM_OK) {
        const json_t *v = next_child(&stack[depth - 1], &path);
        const char *text = json_string_value(v);
        if (v == NULL)
            depth--;
        else if (text != NULL &&
                 strncmp(text, CLI_POLICY_FILL_IN, strlen(CLI_POLICY_FILL_IN)) == 0) {
            count++;
            hm_buf_printf(lines, "%.*s: %s\n", (int)path.len, (const char *)path.data, text);
        } else if (text == NULL && depth < sizeof stack / sizeof stack[0])
            stack[depth++] = (struct place){.v = v, .path_len = path.len};
    }
    return count;
}

void cli_policy_put_lines(FILE *out, const char *lines)
{
    while (*lines != '\0') {
        size_t n = strcspn(lines, "\n");
        (void)fputs("  ", out);
        cli_put_escaped(out, hm_bytes_of(lines, n));
        (void)fputc('\n', out);
        lines += n + (lines[n] == '\n');
    }
}

/* policy_load said no. Where something is still to be filled in, that is what to say first. */
static enum hm_err refused(struct cli *c, enum hm_err err, const char *file, struct hm_bytes text)
{
    HM_JSON_AUTO *doc = NULL;
    HM_BUF_AUTO lines = {.limit = HM_POLICY_MAX};
    size_t n = 0;
    if (hm_json_parse(text, HM_JSON_OURS(HM_POLICY_MAX), &doc, NULL) == HM_OK)
        n = cli_policy_places(doc, &lines);
    const char *all = hm_buf_str(&lines);
    if (n > 0 && all != NULL) {
        if (!c->term.json && n > 1)
            cli_policy_put_lines(stderr, all);
        (void)hm_fail(&c->why, err, "%.*s (%zu to be filled in)", (int)strcspn(all, "\n"), all, n);
        cli_next(c, "edit %.200s, then hallmark policy check %.200s", file, file);
    }
    if (c->why.text[0] == '$')
        hm_json_locate(&c->why, file, text);
    else
        (void)hm_fail_in(&c->why, err, "%.200s", file);
    return err;
}

enum hm_err cli_policy_load(struct cli *c, const char *file, struct hm_bytes text,
                            struct cli_policy *out)
{
    struct cli_policy p = {.policy = NULL};
    enum hm_err err = policy_load(text, &p.policy, &c->why);
    if (err != HM_OK)
        return refused(c, err, file, text);
    err = hm_json_parse(text, HM_JSON_OURS(HM_POLICY_MAX), &p.doc, &c->why);
    if (err != HM_OK)
        policy_free(p.policy);
    else
        *out = p;
    return err;
}

enum hm_err cli_policy_open(struct cli *c, const char *file, struct cli_policy *out)
{
    HM_BUF_AUTO text = {.limit = HM_POLICY_MAX + 1};
    enum hm_err err = cli_read(file, HM_POLICY_MAX, &text, &c->why);
    return err == HM_OK ? cli_policy_load(c, file, hm_buf_bytes(&text), out) : err;
}

void cli_policy_close(struct cli_policy *p)
{
    policy_free(p->policy);
    json_decref(p->doc);
    *p = (struct cli_policy){.policy = NULL};
}

static void print_json(const struct cli_policy *p, const json_t *remarks)
{
    char hex[HM_SHA256_HEX];
    hm_digest_hex(policy_digest(p->policy), hex);
    json_t *doc =
        json_pack("{s:b, s:s, s:i, s:O}", "accepted", 1, "sha256", hex, "rules",
                  (int)json_array_size(json_object_get(p->doc, "rules")), "remarks", remarks);
    if (doc != NULL && json_dumpf(doc, stdout, JSON_COMPACT) == 0)
        (void)putchar('\n');
    json_decref(doc);
}

enum hm_err cli_policy_print(struct cli *c, const char *file, struct hm_bytes text)
{
    CLI_POLICY_AUTO p = {.policy = NULL};
    enum hm_err err = cli_policy_load(c, file, text, &p);
    if (err != HM_OK)
        return err;
    HM_JSON_AUTO *remarks = cli_zone_remarks(p.doc, hm_clock_unix_s());
    if (c->term.json)
        print_json(&p, remarks);
    else
        print_all(c, p.policy, p.doc);
    for (size_t i = 0; i < json_array_size(remarks) && !c->term.json; i++)
        cli_note(c, "note: %s", json_string_value(json_array_get(remarks, i)));
    return HM_OK;
}
