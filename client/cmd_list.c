/* hallmark list: releases, newest first, as the server tells them. */
#include "client/cli_http.h"
#include "client/cli_release.h"
#include "schema/json/hm_json.h"

#include <inttypes.h>
#include <string.h>

#define CLI_PAGE_MAX ((size_t)8 * 1024 * 1024)
#define CLI_LIST_COLUMNS 7

static const struct cli_opt opts[] = {
    {"product", "NAME", "only this product", false},
    {"channel", "NAME", "only this channel", false},
    {"environment", "NAME", "only this environment", false},
    {"state", "STATE", "only this state: submitted, approved, signed, …", false},
    {"submitter", "ID", "only this submitter", false},
    {"limit", "N", "at most N releases, default 50", false},
    {NULL, NULL, NULL, false},
};
static const char *const filters[] = {"product", "channel", "environment", "state", "submitter"};

static enum hm_err page(struct cli *c, const char *after, uint64_t limit, json_t **out)
{
    HM_BUF_AUTO path = {.limit = 4096};
    CLI_ANSWER_AUTO a = {.status = 0};
    char number[24];
    hm_buf_puts(&path, "/v1/releases");
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
        cli_query_add(&path, filters[i], cli_args_get(&c->args, filters[i]));
    (void)snprintf(number, sizeof number, "%" PRIu64, limit < 200 ? limit : 200);
    cli_query_add(&path, "limit", number);
    cli_query_add(&path, "after", after);
    const char *text = hm_buf_str(&path);
    if (text == NULL)
        return hm_fail(&c->why, HM_E_CONFIG, "the filters are too long");
    enum hm_err err = cli_http_get(c, text, "application/json", CLI_PAGE_MAX, &a);
    if (err != HM_OK)
        return err;
    return hm_json_parse(hm_buf_bytes(&a.body), HM_JSON_FOREIGN(CLI_PAGE_MAX), out, &c->why);
}

static void row(struct cli_table *t, const json_t *item)
{
    static const char *const members[CLI_LIST_COLUMNS] = {
        "id", "state", "product", "version", "channel", "environment", "changed"};
    for (size_t i = 0; i < CLI_LIST_COLUMNS; i++) {
        char text[128];
        cli_release_text(item, members[i], text, sizeof text);
        cli_table_cell(t, "%s", text);
    }
}

/* Takes one page into table and array; *next is "" after the last one. */
static enum hm_err take(struct cli *c, uint64_t limit, struct cli_table *t, json_t *all,
                        char next[static 256])
{
    HM_JSON_AUTO *doc = NULL;
    enum hm_err err = page(c, next[0] != '\0' ? next : NULL, limit, &doc);
    if (err != HM_OK)
        return err;
    const json_t *items = json_object_get(doc, "items");
    const char *cursor = json_string_value(json_object_get(doc, "next"));
    if (!json_is_array(items))
        return hm_fail(&c->why, HM_E_MALFORMED, "list: expected a member 'items'");
    for (size_t i = 0; i < json_array_size(items) && json_array_size(all) < limit; i++) {
        row(t, json_array_get(items, i));
        (void)json_array_append(all, json_array_get(items, i));
    }
    bool more = cursor != NULL && json_array_size(items) > 0 && json_array_size(all) < limit;
    (void)snprintf(next, 256, "%s", more ? cursor : "");
    return HM_OK;
}

static enum hm_err list(struct cli *c)
{
    static const char *const headers[CLI_LIST_COLUMNS] = {
        "RELEASE", "STATE", "PRODUCT", "VERSION", "CHANNEL", "ENVIRONMENT", "CHANGED"};
    CLI_TABLE_AUTO t;
    HM_JSON_AUTO *all = json_array();
    char next[256] = "";
    uint64_t limit = 50;
    cli_table_begin(&t, headers, CLI_LIST_COLUMNS);
    enum hm_err err = cli_args_uint(&c->args, "limit", 1, 100000, limit, &limit, &c->why);
    do {
        if (err == HM_OK)
            err = take(c, limit, &t, all, next);
    } while (err == HM_OK && next[0] != '\0');
    if (err != HM_OK)
        return err;
    if (c->term.json) {
        (void)json_dumpf(all, stdout, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
        (void)putchar('\n');
        return HM_OK;
    }
    cli_table_write(&t, stdout, c->term.color_out);
    size_t n = json_array_size(all);
    cli_note(c, "%zu release%s, as the server tells; hallmark show RELEASE verifies one", n,
             CLI_S(n));
    return HM_OK;
}

static int run(struct cli *c)
{
    return cli_end(c, list(c));
}

const struct cli_command cli_cmd_list = {
    .name = "list",
    .summary = "list releases",
    .usage = "[FILTERS]",
    .example = "  hallmark list --product edge-router --state submitted",
    .opts = opts,
    .operands_min = 0,
    .operands_max = 0,
    .run = run,
};
