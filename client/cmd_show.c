/* hallmark show: a release, with every record about it verified under the pinned log key. */
#include "client/cli_proof.h"
#include "client/cli_release.h"
#include "schema/core/hm_time.h"

#include <inttypes.h>
#include <string.h>

#define CLI_HISTORY_MAX 1024 /* as many as the service lists */

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

/* What the proven records say about the release, as the server's read model has it. */
struct told {
    struct hm_record first; /* its submission */
    size_t count;
    uint64_t last; /* index of the newest record */
    enum hm_release_state state;
    uint64_t changed_ms, approvals, signed_idx, log_size;
};

/* The records come in the order of the log, the submission first. */
static enum hm_err take(struct told *t, uint64_t id, const struct cli_record *r, struct hm_why *why)
{
    const struct hm_record *x = &r->record;
    if (!x->has_release || x->release != id)
        return hm_fail(why, HM_E_DENIED, "record %" PRIu64 " is not about r%" PRIu64, x->idx, id);
    if (t->count == 0 && (x->idx != id || x->state == HM_RELEASE_NONE))
        return hm_fail(why, HM_E_DENIED,
                       "r%" PRIu64 " does not begin with record %" PRIu64
                       ", which the server names "
                       "first",
                       id, x->idx);
    if (t->count > 0 && x->idx <= t->last)
        return hm_fail(why, HM_E_DENIED,
                       "the server names record %" PRIu64 " behind record %" PRIu64, x->idx,
                       t->last);
    if (t->count++ == 0)
        t->first = *x;
    t->last = x->idx;
    t->log_size = r->checkpoint.size;
    if (x->state == HM_RELEASE_NONE)
        return HM_OK;
    t->state = x->state;
    t->changed_ms = x->t_ms;
    t->approvals += x->event == HM_EV_APPROVAL_RECORDED;
    if (x->event == HM_EV_RELEASE_SIGNED)
        t->signed_idx = x->idx;
    return HM_OK;
}

static enum hm_err history_row(struct cli *c, uint64_t id, uint64_t idx, struct cli_table *t,
                               struct told *told)
{
    CLI_RECORD_AUTO r = {.leaf = {{0}}};
    char time[HM_TIME_TEXT];
    enum hm_err err = cli_record_fetch(c, idx, &r);
    if (err == HM_OK)
        err = take(told, id, &r, &c->why);
    if (err != HM_OK)
        return err;
    hm_time_format((int64_t)(r.record.t_ms / 1000), time);
    cli_table_cell(t, "%" PRIu64, idx);
    cli_table_cell(t, "%s", time);
    cli_table_cell(t, "%s", hm_event_name(r.record.event));
    cli_table_cell(t, "%s", r.record.actor[0] != '\0' ? r.record.actor : "-");
    cli_table_cell(t, "%s", r.record.outcome[0] != '\0' ? r.record.outcome : "-");
    cli_table_cell(t, "proven");
    return HM_OK;
}

static void set_text(json_t *doc, const char *member, const char *text)
{
    (void)json_object_set_new(doc, member, json_string(text));
}

static void set_number(json_t *doc, const char *member, uint64_t n)
{
    (void)json_object_set_new(doc, member, json_integer((json_int_t)n));
}

static void set_time(json_t *doc, const char *member, uint64_t unix_s)
{
    char text[HM_TIME_TEXT];
    hm_time_format((int64_t)unix_s, text);
    set_text(doc, member, text);
}

/* The members of docs/formats/http.md, out of the records. */
static json_t *told_json(const struct told *t)
{
    json_t *doc = json_object();
    const struct hm_record *x = &t->first;
    char text[HM_SHA256_HEX];
    (void)snprintf(text, sizeof text, "r%" PRIu64, x->idx);
    set_text(doc, "id", text);
    set_text(doc, "state", hm_release_state_name(t->state));
    set_text(doc, "product", x->product);
    set_text(doc, "version", x->version);
    set_text(doc, "channel", x->channel);
    set_text(doc, "environment", x->environment);
    set_text(doc, "submitter", x->actor);
    set_number(doc, "sequence", x->sequence);
    set_time(doc, "submitted", x->t_ms / 1000);
    set_time(doc, "changed", t->changed_ms / 1000);
    set_time(doc, "expires", x->expires_s);
    set_number(doc, "approvals", t->approvals);
    hm_digest_hex(&x->manifest, text); /* zero where the record has none */
    set_text(doc, "manifest", text);
    if (t->signed_idx != 0)
        set_number(doc, "signed_index", t->signed_idx);
    return doc;
}

/* Whatever the server says of these must be what the records say. */
static enum hm_err compare(json_t *told, const json_t *said, struct hm_why *why)
{
    const char *member;
    json_t *v;
    json_object_foreach(told, member, v)
    {
        char theirs[80];
        char proven[80];
        const json_t *claim = json_object_get(said, member);
        if (claim == NULL || json_equal(v, claim))
            continue;
        cli_release_text(said, member, theirs, sizeof theirs);
        cli_release_text(told, member, proven, sizeof proven);
        if (strcmp(member, "state") == 0)
            return hm_fail(why, HM_E_DENIED, "the server says %s, the newest proven record says %s",
                           theirs, proven);
        return hm_fail(why, HM_E_DENIED, "%s: the server says %s, the proven records say %s",
                       member, theirs, proven);
    }
    return HM_OK;
}

/* From here on r->doc is what was proven. */
static enum hm_err replace(struct cli *c, struct cli_release *r, const struct told *t)
{
    json_t *told = told_json(t);
    enum hm_err err = compare(told, r->doc, &c->why);
    if (err != HM_OK) {
        json_decref(told);
        return err;
    }
    (void)json_object_set(told, "records", json_object_get(r->doc, "records"));
    set_number(told, "log_size", t->log_size);
    json_decref(r->doc);
    r->doc = told;
    return HM_OK;
}

static enum hm_err history(struct cli *c, uint64_t id, struct cli_release *r, struct cli_table *t)
{
    const json_t *list = json_object_get(r->doc, "records");
    struct told told = {.count = 0};
    if (!json_is_array(list) || json_array_size(list) == 0 ||
        json_array_size(list) > CLI_HISTORY_MAX)
        return hm_fail(&c->why, HM_E_MALFORMED, "release: expected 1 to %d records",
                       CLI_HISTORY_MAX);
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_int_t idx = json_integer_value(json_array_get(list, i));
        enum hm_err err = idx < 0 ? hm_fail(&c->why, HM_E_MALFORMED, "release: negative index")
                                  : history_row(c, id, (uint64_t)idx, t, &told);
        if (err != HM_OK)
            return err;
    }
    return replace(c, r, &told);
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
        (void)json_dumpf(r.doc, stdout, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
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
