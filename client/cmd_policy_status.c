/* hallmark policy status: the newest proposals, who approved them, and what became of them. */
#include "client/cli_entries.h"
#include "client/cli_http.h"
#include "client/cli_proof.h"
#include "policy/policy.h"
#include "schema/core/hm_time.h"
#include "schema/io/hm_clock.h"

#include <inttypes.h>
#include <string.h>

#define SHOWN_MAX 20
#define RELATED_MAX 1000 /* approvals and activations that are looked through */

static const struct cli_opt opts[] = {{NULL, NULL, NULL, false}};

struct row {
    struct hm_record proposal;
    char people[512]; /* who approved, "" nobody */
    size_t approvals;
    uint64_t activated; /* record, 0: not */
};
struct status {
    struct row rows[SHOWN_MAX]; /* newest first */
    size_t count;
    uint64_t last_activation; /* newest policy.activated, of whatever */
};

static enum hm_err on_proposal(void *ctx, struct hm_bytes record, struct hm_why *why)
{
    struct status *s = ctx;
    if (s->count == SHOWN_MAX)
        return HM_E_NOT_FOUND;
    enum hm_err err = hm_record_parse(record, &s->rows[s->count].proposal, why);
    if (err == HM_OK)
        s->count++;
    return err;
}

static struct row *row_of(struct status *s, const struct hm_record *r)
{
    for (size_t i = 0; r->has_proposal && i < s->count; i++)
        if (s->rows[i].proposal.idx == r->proposal)
            return &s->rows[i];
    return NULL;
}

static enum hm_err on_related(void *ctx, struct hm_bytes record, struct hm_why *why)
{
    struct status *s = ctx;
    struct hm_record r;
    enum hm_err err = hm_record_parse(record, &r, why);
    if (err != HM_OK)
        return err;
    struct row *row = row_of(s, &r);
    if (r.event == HM_EV_POLICY_ACTIVATED && r.idx > s->last_activation)
        s->last_activation = r.idx;
    if (row == NULL)
        return HM_OK;
    if (r.event == HM_EV_POLICY_ACTIVATED) {
        row->activated = r.idx;
    } else if (r.event == HM_EV_POLICY_APPROVED) {
        size_t n = strlen(row->people);
        (void)snprintf(row->people + n, sizeof row->people - n, "%s%s", n > 0 ? " " : "", r.actor);
        row->approvals++;
    }
    return HM_OK;
}

static enum hm_err gather(struct cli *c, struct status *s)
{
    enum hm_err err = cli_entries(c, "/v1/log/entries?event=policy.proposed&order=desc", SHOWN_MAX,
                                  on_proposal, s);
    if (err == HM_OK)
        err = cli_entries(c, "/v1/log/entries?event=policy.approved&order=desc", RELATED_MAX,
                          on_related, s);
    if (err == HM_OK)
        err = cli_entries(c, "/v1/log/entries?event=policy.activated&order=desc", RELATED_MAX,
                          on_related, s);
    return err;
}

/* How many approvals it takes under the policy in force; 0: no administration. */
static enum hm_err needed(struct cli *c, size_t *out)
{
    CLI_ANSWER_AUTO a = {.status = 0};
    struct policy *p = NULL;
    enum hm_err err = cli_http_get(c, "/v1/policy", NULL, HM_POLICY_MAX, &a);
    if (err == HM_OK)
        err = policy_load(hm_buf_bytes(&a.body), &p, &c->why);
    if (err != HM_OK)
        return err;
    *out = policy_admin_count(p);
    policy_free(p);
    return HM_OK;
}

static const char *state_of(const struct status *s, const struct row *r, size_t need)
{
    if (r->activated != 0)
        return r->activated == s->last_activation ? "in force" : "was in force";
    if (s->last_activation > r->proposal.idx)
        return "overtaken";
    if ((int64_t)r->proposal.expires_s <= hm_clock_unix_s())
        return "expired";
    return need > 0 && r->approvals >= need ? "approved" : "open";
}

static void print_json(const struct status *s, size_t need)
{
    (void)printf("{\"needed\":%zu,\"proposals\":[", need);
    for (size_t i = 0; i < s->count; i++) {
        const struct row *r = &s->rows[i];
        char hex[HM_SHA256_HEX];
        hm_digest_hex(&r->proposal.evidence[1], hex);
        (void)printf("%s{\"index\":%" PRIu64 ",\"by\":\"%s\",\"policy\":\"%s\",\"approvals\":%zu,"
                     "\"state\":\"%s\"}",
                     i > 0 ? "," : "", r->proposal.idx, r->proposal.actor, hex, r->approvals,
                     state_of(s, r, need));
    }
    (void)puts("]}");
}

static void print_table(const struct cli *c, const struct status *s, size_t need)
{
    static const char *const headers[] = {"INDEX", "PROPOSED",  "BY",     "POLICY",
                                          "STATE", "APPROVALS", "EXPIRES"};
    CLI_TABLE_AUTO t;
    if (s->count == 0) {
        (void)puts("no policy was proposed in this log, as the server tells");
        return;
    }
    cli_table_begin(&t, headers, 7);
    for (size_t i = 0; i < s->count; i++) {
        const struct row *r = &s->rows[i];
        char hex[HM_SHA256_HEX];
        char at[HM_TIME_TEXT];
        char until[HM_TIME_TEXT];
        hm_digest_hex(&r->proposal.evidence[1], hex);
        hm_time_format((int64_t)(r->proposal.t_ms / 1000), at);
        hm_time_format((int64_t)r->proposal.expires_s, until);
        cli_table_cell(&t, "%" PRIu64, r->proposal.idx);
        cli_table_cell(&t, "%s", at);
        cli_table_cell(&t, "%s", r->proposal.actor);
        cli_table_cell(&t, "%.16s", hex);
        cli_table_cell(&t, "%s", state_of(s, r, need));
        cli_table_cell(&t, "%zu of %zu%s%s", r->approvals, need, r->people[0] != '\0' ? ": " : "",
                       r->people);
        cli_table_cell(&t, "%s", until);
    }
    cli_table_write(&t, stdout, c->term.color_out);
    cli_note(c, "what the server lists; `hallmark policy approve INDEX` verifies one proposal");
}

static enum hm_err status(struct cli *c)
{
    struct status s = {.count = 0};
    size_t need = 0;
    enum hm_err err = gather(c, &s);
    if (err == HM_OK)
        err = needed(c, &need);
    if (err != HM_OK)
        return err;
    if (c->term.json)
        print_json(&s, need);
    else
        print_table(c, &s, need);
    return HM_OK;
}

static int run(struct cli *c)
{
    return cli_end(c, status(c));
}

const struct cli_command cli_cmd_policy_status = {
    .name = "policy status",
    .summary = "list proposed policies, their approvals and what became of them",
    .usage = "",
    .example = "  hallmark policy status",
    .opts = opts,
    .operands_min = 0,
    .operands_max = 0,
    .run = run,
};
