/* hallmark show: a release, with every record about it verified under the pinned log key. */
#include "client/cli_proof.h"
#include "client/cli_release.h"
#include "schema/core/hm_time.h"

#include <inttypes.h>
#include <string.h>

#define CLI_HISTORY_MAX 256

static const struct cli_opt opts[] = {
    {"wait", "[=SECONDS]", "first wait until the release has ended, default 86400 s", false},
    {"no-verify", NULL, "show only what the server says", false},
    {NULL, NULL, NULL, false},
};

static enum hm_err wait_for_end(struct cli *c, uint64_t id)
{
    CLI_RELEASE_AUTO r = {.doc = NULL};
    uint64_t seconds = 86400;
    enum hm_err err = HM_OK;
    if (!cli_args_has(&c->args, "wait"))
        return HM_OK;
    if (cli_args_get(&c->args, "wait") != NULL)
        err = cli_args_uint(&c->args, "wait", 1, 7776000, seconds, &seconds, &c->why);
    if (err == HM_OK)
        err = cli_release_wait(c, id, HM_RELEASE_SIGNED, (unsigned)seconds, &r);
    /* Another end is what was waited for, too: it is shown below. */
    return err == HM_E_DENIED ? HM_OK : err;
}

/* Record i of the history; *state follows the proven records. */
static enum hm_err history_row(struct cli *c, uint64_t id, uint64_t idx, struct cli_table *t,
                               enum hm_release_state *state)
{
    CLI_RECORD_AUTO r = {.leaf = {{0}}};
    char time[HM_TIME_TEXT];
    enum hm_err err = cli_record_fetch(c, idx, &r);
    if (err != HM_OK)
        return err;
    if (!r.record.has_release || r.record.release != id)
        return hm_fail(&c->why, HM_E_DENIED, "record %" PRIu64 " is not about r%" PRIu64, idx, id);
    if (r.record.state != HM_RELEASE_NONE)
        *state = r.record.state;
    hm_time_format((int64_t)(r.record.t_ms / 1000), time);
    cli_table_cell(t, "%" PRIu64, idx);
    cli_table_cell(t, "%s", time);
    cli_table_cell(t, "%s", hm_event_name(r.record.event));
    cli_table_cell(t, "%s", r.record.actor[0] != '\0' ? r.record.actor : "-");
    cli_table_cell(t, "%s", r.record.outcome[0] != '\0' ? r.record.outcome : "-");
    cli_table_cell(t, "proven");
    return HM_OK;
}

static enum hm_err history(struct cli *c, uint64_t id, const struct cli_release *r,
                           struct cli_table *t)
{
    const json_t *list = json_object_get(r->doc, "records");
    enum hm_release_state state = HM_RELEASE_NONE;
    if (!json_is_array(list) || json_array_size(list) > CLI_HISTORY_MAX)
        return hm_fail(&c->why, HM_E_MALFORMED, "release: expected at most %d records",
                       CLI_HISTORY_MAX);
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_int_t idx = json_integer_value(json_array_get(list, i));
        enum hm_err err = idx < 0 ? hm_fail(&c->why, HM_E_MALFORMED, "release: negative index")
                                  : history_row(c, id, (uint64_t)idx, t, &state);
        if (err != HM_OK)
            return err;
    }
    if (state != r->state)
        return hm_fail(&c->why, HM_E_DENIED, "the server says %s, the newest proven record says %s",
                       hm_release_state_name(r->state), hm_release_state_name(state));
    return HM_OK;
}

static void print_release(const struct cli *c, const struct cli_release *r)
{
    static const char *const members[] = {
        "id",       "state",     "product", "version", "channel",   "environment", "submitter",
        "sequence", "submitted", "changed", "expires", "approvals", "manifest"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        char text[256];
        cli_release_text(r->doc, members[i], text, sizeof text);
        (void)printf("%s%-12s%s ", cli_term_style(c->term.color_out, CLI_BOLD), members[i],
                     cli_term_style(c->term.color_out, CLI_PLAIN));
        cli_put_text(stdout, text);
        (void)putchar('\n');
    }
}

static enum hm_err show(struct cli *c)
{
    static const char *const headers[] = {"INDEX", "TIME", "EVENT", "ACTOR", "OUTCOME", "PROOF"};
    CLI_RELEASE_AUTO r = {.doc = NULL};
    CLI_TABLE_AUTO t;
    uint64_t id;
    cli_table_begin(&t, headers, 6);
    enum hm_err err = cli_release_operand(c, &id);
    if (err == HM_OK)
        err = wait_for_end(c, id);
    if (err == HM_OK)
        err = cli_release_get(c, id, NULL, &r);
    if (err == HM_OK && !cli_args_has(&c->args, "no-verify"))
        err = history(c, id, &r, &t);
    if (err != HM_OK)
        return err;
    if (c->term.json) {
        (void)json_object_set_new(r.doc, "verified",
                                  json_boolean(!cli_args_has(&c->args, "no-verify")));
        (void)json_dumpf(r.doc, stdout, JSON_COMPACT | JSON_SORT_KEYS);
        (void)putchar('\n');
        return HM_OK;
    }
    print_release(c, &r);
    (void)putchar('\n');
    cli_table_write(&t, stdout, c->term.color_out);
    return HM_OK;
}

static int run(struct cli *c)
{
    return cli_end(c, show(c));
}

const struct cli_command cli_cmd_show = {
    .name = "show",
    .summary = "show a release and verify its history",
    .usage = "RELEASE [--wait[=SECONDS]]",
    .example = "  hallmark show r17",
    .opts = opts,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
