#include "client/cli_policy.h"

#include "policy/policy_verdict.h"
#include "schema/json/hm_json.h"

#include <inttypes.h>
#include <string.h>

/* The document has been accepted by policy_load before: members are there and of the right type. */
static const char *text_of(const json_t *v, const char *member)
{
    const char *text = json_string_value(json_object_get(v, member));
    return text != NULL ? text : "";
}

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
        (void)snprintf(text, sizeof text, "%s", text_of(v, member));
    cli_table_cell(t, "%s", text);
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
        put(&t, r, "products");
        put(&t, r, "channels");
        put(&t, r, "environment");
        put(&t, r, "key");
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

static void print_people(const struct cli *c, const struct policy *p)
{
    static const char *const headers[] = {"PRINCIPAL", "NAME", "ROLES", "SUBMIT KEYS",
                                          "APPROVAL KEYS"};
    CLI_TABLE_AUTO t;
    const struct policy_principal *who;
    cli_table_begin(&t, headers, 5);
    for (size_t i = 0; (who = policy_principal_at(p, i)) != NULL; i++) {
        cli_table_cell(&t, "%s", who->id);
        cli_table_cell(&t, "%s", who->name);
        cli_table_cell(&t, "%s%s%s%s",
                       (who->roles & POLICY_ROLE_ADMINISTRATOR) != 0 ? "administrator " : "",
                       (who->roles & POLICY_ROLE_SUBMITTER) != 0 ? "submitter " : "",
                       (who->roles & POLICY_ROLE_APPROVER) != 0 ? "approver " : "",
                       (who->roles & POLICY_ROLE_AUDITOR) != 0 ? "auditor" : "");
        cli_table_cell(&t, "%zu", who->submit_key_count);
        cli_table_cell(&t, "%zu", who->approval_key_count);
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
            if (strcmp(k->id, text_of(v, "id")) == 0)
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
    print_people(c, p);
    print_keys(c, p, doc);
}

enum hm_err cli_policy_print(struct cli *c, const char *file, struct hm_bytes text)
{
    HM_JSON_AUTO *doc = NULL;
    struct policy *p = NULL;
    enum hm_err err = policy_load(text, &p, &c->why);
    if (err != HM_OK) {
        if (c->why.text[0] == '$')
            hm_json_locate(&c->why, file, text);
        else
            (void)hm_fail_in(&c->why, err, "%.200s", file);
        return err;
    }
    err = hm_json_parse(text, HM_JSON_OURS(HM_POLICY_MAX), &doc, &c->why);
    if (err == HM_OK && c->term.json) {
        char hex[HM_SHA256_HEX];
        hm_digest_hex(policy_digest(p), hex);
        (void)printf("{\"accepted\":true,\"sha256\":\"%s\",\"rules\":%zu}\n", hex,
                     json_array_size(json_object_get(doc, "rules")));
    } else if (err == HM_OK) {
        print_all(c, p, doc);
    }
    policy_free(p);
    return err;
}
