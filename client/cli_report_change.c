/* Changes of policy, guards, lists of approvers and trust stores. */
#include "client/cli_report_priv.h"

#include "client/cli_diff.h"
#include "schema/json/hm_json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool is_change(enum hm_event event)
{
    return event == HM_EV_LOG_CREATED || event == HM_EV_POLICY_ACTIVATED ||
           event == HM_EV_TRUST_STORE_PUBLISHED || event == HM_EV_POLICY_PROPOSED ||
           event == HM_EV_POLICY_APPROVED || event == HM_EV_ROSTER_CHANGED ||
           event == HM_EV_GUARDS_CHANGED || event == HM_EV_DETAIL_ERASED ||
           event == HM_EV_DETAIL_RETIRED;
}

/* ---- what a new policy changes ---- */

/* "alice (Alice Example)", kept for the record that puts the proposal into force. */
static enum hm_err take_approval(struct report *p, const struct report_record *x,
                                 struct hm_why *why)
{
    char proposal[24];
    HM_BUF_AUTO who = {.limit = 1024};
    (void)snprintf(proposal, sizeof proposal, "%" PRIu64, x->r->proposal);
    json_t *list = json_object_get(p->proposals, proposal);
    cli_story_person(x->policy, x->r->actor, &who);
    if (list == NULL) {
        list = json_array();
        (void)json_object_set_new(p->proposals, proposal, list);
    }
    return report_append(list, json_string(hm_buf_str(&who)), why);
}

static void approved_by(const struct report *p, const struct report_record *x, json_t *lines)
{
    char proposal[24];
    HM_BUF_AUTO text = {.limit = 8192};
    (void)snprintf(proposal, sizeof proposal, "%" PRIu64, x->r->proposal);
    const json_t *list = json_object_get(p->proposals, proposal);
    if (!x->r->has_proposal) {
        (void)json_array_append_new(
            lines, json_string(x->r->evidence_count > 1 ? "by the root keys" : "by the genesis"));
        return;
    }
    for (size_t i = 0; i < json_array_size(list); i++)
        hm_buf_printf(&text, "%s%s", i > 0 ? ", " : "approved by ",
                      json_string_value(json_array_get(list, i)));
    if (json_array_size(list) > 0 && hm_buf_str(&text) != NULL)
        (void)json_array_append_new(lines, json_string(hm_buf_str(&text)));
}

static enum hm_err policy_lines(struct report *p, const struct report_record *x, json_t *lines,
                                struct hm_why *why)
{
    const struct cli_policy *before = NULL;
    CLI_DIFF_AUTO d = {.changes = NULL};
    approved_by(p, x, lines);
    if (x->policy == NULL || !p->has_policy)
        return HM_OK;
    enum hm_err err = cli_papers_policy(&p->papers, &p->in_force, &before, why);
    if (err != HM_OK || before == NULL)
        return err;
    err = cli_diff_make((struct cli_diff_side){before->policy, before->doc},
                        (struct cli_diff_side){x->policy->policy, x->policy->doc}, &d, why);
    for (size_t i = 0; err == HM_OK && i < json_array_size(d.changes); i++) {
        const json_t *c = json_array_get(d.changes, i);
        (void)json_array_append_new(lines, json_sprintf("%s: %s: %s", hm_json_text(c, "kind"),
                                                        hm_json_text(c, "where"),
                                                        hm_json_text(c, "what")));
    }
    return err;
}

/* ---- who joins and leaves a list of approvers ---- */

static const char *owner_of(const struct cli_policy *policy, const char *hex)
{
    const struct policy_principal *who;
    for (size_t i = 0; policy != NULL && (who = policy_principal_at(policy->policy, i)) != NULL;
         i++)
        for (size_t k = 0; k < who->approval_key_count; k++) {
            char id[HM_SHA256_HEX];
            struct hm_digest d = hm_key_id(&who->approval_keys[k]);
            hm_digest_hex(&d, id);
            if (strcmp(id, hex) == 0)
                return who->id;
        }
    return "nobody in the policy";
}

/* Keys of `list` that `other` does not have. */
static void add_lines(json_t *lines, const char *verb, const struct cli_policy *policy,
                      const json_t *list, const json_t *other)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *hex = json_string_value(json_array_get(list, i));
        if (!cli_texts_have(other, hex))
            (void)json_array_append_new(
                lines, json_sprintf("%s: key %.16s of %s", verb, hex, owner_of(policy, hex)));
    }
}

static enum hm_err take_roster(struct report *p, const struct report_record *x, json_t *lines,
                               struct hm_why *why)
{
    char hex[HM_SHA256_HEX];
    bool found = false;
    HM_FREE struct hm_roster *list = calloc(1, sizeof *list);
    if (list == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    enum hm_err err = cli_papers_roster(&p->papers, x->r, list, &found, why);
    if (err != HM_OK || !found)
        return err;
    hm_digest_hex(&x->r->guard, hex);
    json_t *now = cli_key_ids(list->approvers, list->count);
    const json_t *before = json_object_get(p->lists, hex);
    add_lines(lines, "joins", x->policy, now, before);
    add_lines(lines, "leaves", x->policy, before, now);
    (void)json_object_set_new(p->lists, hex, now);
    return HM_OK;
}

static enum hm_err take_guards(struct report *p, const struct report_record *x, json_t *lines,
                               struct hm_why *why)
{
    __attribute__((cleanup(hm_guards_free))) struct hm_guards g = {.count = 0};
    bool found = false;
    enum hm_err err = cli_papers_guards(&p->papers, x->r, &g, &found, why);
    if (err != HM_OK || !found)
        return err;
    (void)json_object_clear(p->lists);
    for (size_t i = 0; i < g.count; i++) {
        char hex[HM_SHA256_HEX];
        const struct hm_guard *one = &g.guards[i];
        const struct policy_release_key *k = cli_policy_key_of(x->policy, &one->key);
        hm_digest_hex(&one->key, hex);
        (void)json_object_set_new(p->lists, hex, cli_key_ids(one->approvers, one->approver_count));
        (void)json_array_append_new(
            lines, json_sprintf("key %s%s%.16s (%s): %d approvals of %d approvers",
                                k != NULL ? k->id : "", k != NULL ? " " : "", hex, one->environment,
                                (int)one->approvals, (int)one->approver_count));
    }
    return HM_OK;
}

/* ---- */

static enum hm_err lines_of(struct report *p, const struct report_record *x, json_t *lines,
                            struct hm_why *why)
{
    CLI_REASON_AUTO reason = {.findings = NULL};
    switch ((int)x->r->event) {
    case HM_EV_LOG_CREATED:
    case HM_EV_GUARDS_CHANGED:
        return take_guards(p, x, lines, why);
    case HM_EV_ROSTER_CHANGED:
        return take_roster(p, x, lines, why);
    case HM_EV_POLICY_ACTIVATED:
        return policy_lines(p, x, lines, why);
    case HM_EV_POLICY_PROPOSED:
        break;
    default:
        return HM_OK;
    }
    enum hm_err err = cli_reason_get(&p->papers, x->r, &reason, why);
    json_t *more = cli_story_reason(&reason);
    (void)json_array_extend(lines, more);
    json_decref(more);
    return err;
}

static enum hm_err add(struct report *p, const struct report_record *x, json_t *lines,
                       struct hm_why *why)
{
    HM_BUF_AUTO text = {.limit = 4096};
    enum hm_err err = cli_story_text(&p->papers, x->r, &text, why);
    if (err == HM_OK)
        err = report_mention(&p->mentions, x, why);
    if (err != HM_OK)
        return err;
    json_t *v = json_pack("{s:I, s:o, s:s, s:s, s:O}", "index", (json_int_t)x->r->idx, "time",
                          report_time(x->r->t_ms), "event", hm_event_name(x->r->event), "text",
                          hm_buf_str(&text), "lines", lines);
    return report_append(p->changes, v, why);
}

enum hm_err report_change(struct report *p, const struct report_record *x, struct hm_why *why)
{
    if (!is_change(x->r->event))
        return HM_OK;
    if (x->r->event == HM_EV_POLICY_APPROVED && x->r->has_proposal) {
        enum hm_err kept = take_approval(p, x, why);
        if (kept != HM_OK)
            return kept;
    }
    /* Lists are followed from the beginning, whatever the period is. */
    bool follows = x->r->event == HM_EV_LOG_CREATED || x->r->event == HM_EV_GUARDS_CHANGED ||
                   x->r->event == HM_EV_ROSTER_CHANGED;
    json_t *lines = json_array();
    enum hm_err err = HM_OK;
    if (follows || x->in_period)
        err = lines_of(p, x, lines, why);
    if (err == HM_OK && x->in_period)
        err = add(p, x, lines, why);
    json_decref(lines);
    if (x->r->event == HM_EV_POLICY_ACTIVATED) {
        p->in_force = x->r->policy;
        p->has_policy = true;
    }
    return err;
}
