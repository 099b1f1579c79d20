#include "client/cli_story.h"

#include "schema/json/hm_json.h"

#include <inttypes.h>
#include <string.h>

enum cli_story_tone cli_story_tone(const struct hm_record *r)
{
    static const enum cli_story_tone tones[] = {
        [HM_EV_APPROVAL_RECORDED] = CLI_STORY_GOOD,  [HM_EV_RELEASE_SIGNED] = CLI_STORY_GOOD,
        [HM_EV_RELEASE_REJECTED] = CLI_STORY_BAD,    [HM_EV_RELEASE_CANCELLED] = CLI_STORY_BAD,
        [HM_EV_RELEASE_EXPIRED] = CLI_STORY_BAD,     [HM_EV_RELEASE_SUPERSEDED] = CLI_STORY_BAD,
        [HM_EV_SIGN_FAILED] = CLI_STORY_BAD,         [HM_EV_SIGN_UNKNOWN] = CLI_STORY_BAD,
        [HM_EV_REFUSALS_SUMMARISED] = CLI_STORY_BAD,
    };
    if (hm_event_is_refusal(r->event) || strcmp(r->outcome, "break-glass") == 0)
        return CLI_STORY_BAD;
    return (size_t)r->event < sizeof tones / sizeof tones[0] ? tones[r->event] : CLI_STORY_PLAIN;
}

const char *cli_story_tone_name(enum cli_story_tone tone)
{
    static const char *const names[] = {"plain", "good", "bad"};
    return names[tone];
}

bool cli_story_actor_proven(enum hm_event event)
{
    return event == HM_EV_POLICY_PROPOSED || event == HM_EV_POLICY_APPROVED ||
           event == HM_EV_RELEASE_SUBMITTED || event == HM_EV_RELEASE_REFUSED ||
           event == HM_EV_APPROVAL_RECORDED || event == HM_EV_RELEASE_REJECTED ||
           event == HM_EV_RELEASE_CANCELLED;
}

void cli_story_person(const struct cli_policy *policy, const char *id, struct hm_buf *out)
{
    const char *name = cli_policy_name_of(policy, id);
    hm_buf_puts(out, id[0] != '\0' ? id : "the service");
    if (name != NULL)
        hm_buf_printf(out, " (%s)", name);
}

static void put_short(const struct hm_digest *d, struct hm_buf *out)
{
    char hex[HM_SHA256_HEX];
    hm_digest_hex(d, hex);
    hm_buf_put(out, hex, 16);
}

void cli_story_key(const struct cli_policy *policy, const struct hm_digest *key_id,
                   struct hm_buf *out)
{
    const struct policy_release_key *k = cli_policy_key_of(policy, key_id);
    if (k != NULL)
        hm_buf_printf(out, "%s ", k->id);
    put_short(key_id, out);
}

/* ---- sentences ---- */

struct story {
    const struct cli_policy *policy; /* NULL: not to be had */
    const struct hm_record *r;
    struct hm_buf *out;
};

static void who(const struct story *s)
{
    cli_story_person(s->policy, s->r->actor, s->out);
}

static void asked_by(const struct story *s)
{
    hm_buf_puts(s->out, " (asked for by ");
    who(s);
    hm_buf_putc(s->out, ')');
}

static void keys(const struct story *s)
{
    for (size_t i = 0; i < s->r->key_count; i++) {
        if (i > 0)
            hm_buf_puts(s->out, ", ");
        cli_story_key(s->policy, &s->r->keys[i].spki, s->out);
    }
}

static void subject(const struct story *s)
{
    const struct hm_record *r = s->r;
    hm_buf_printf(s->out, ": %s %s for channel %s", r->product, r->version, r->channel);
    if (r->environment[0] != '\0')
        hm_buf_printf(s->out, " (%s)", r->environment);
}

static void because(const struct story *s)
{
    if (s->r->outcome[0] != '\0')
        hm_buf_printf(s->out, ": %s", s->r->outcome);
}

static void submitted(const struct story *s)
{
    if (strcmp(s->r->outcome, "break-glass") == 0)
        hm_buf_puts(s->out, "BREAK GLASS: ");
    hm_buf_puts(s->out, "submitted by ");
    who(s);
    subject(s);
    hm_buf_printf(s->out, ", sequence %" PRIu64, s->r->sequence);
    if (s->r->state == HM_RELEASE_APPROVED)
        hm_buf_puts(s->out, ", needs no approval");
}

static void refused(const struct story *s)
{
    hm_buf_puts(s->out, "submission by ");
    who(s);
    hm_buf_puts(s->out, " refused");
    because(s);
    subject(s);
}

static void approved(const struct story *s)
{
    hm_buf_puts(s->out, "approved by ");
    who(s);
    if (s->r->has_approver_key) {
        hm_buf_puts(s->out, ", key ");
        put_short(&s->r->approver_key, s->out);
    }
    if (s->r->state == HM_RELEASE_APPROVED)
        hm_buf_puts(s->out, "; the approvals are complete");
}

static void intended(const struct story *s)
{
    hm_buf_puts(s->out, "to be signed by ");
    keys(s);
    if (s->r->has_retry_of)
        hm_buf_printf(s->out, ", again after #%" PRIu64, s->r->retry_of);
    asked_by(s);
}

static void signed_(const struct story *s)
{
    hm_buf_puts(s->out, "signed by ");
    keys(s);
    hm_buf_printf(s->out, ": %s %s, channel %s", s->r->product, s->r->version, s->r->channel);
    asked_by(s);
}

static void summarised(const struct story *s)
{
    hm_buf_printf(s->out, "%" PRIu64 " more refusals of ", s->r->count);
    who(s);
    hm_buf_puts(s->out, ", without records of their own");
}

static void activated(const struct story *s)
{
    hm_buf_puts(s->out, "policy ");
    put_short(&s->r->policy, s->out);
    hm_buf_puts(s->out, " comes into force");
    if (s->policy != NULL)
        hm_buf_printf(s->out, ": %s", policy_name(s->policy->policy));
    if (s->r->has_proposal)
        hm_buf_printf(s->out, ", proposal #%" PRIu64, s->r->proposal);
    if (s->r->actor[0] != '\0')
        asked_by(s);
}

static void roster(const struct story *s)
{
    bool done = s->r->event == HM_EV_ROSTER_CHANGED;
    hm_buf_printf(s->out, "list %" PRIu64 " of approvers for key ", s->r->serial);
    cli_story_key(s->policy, &s->r->guard, s->out);
    hm_buf_puts(s->out, done ? " holds" : " refused");
    because(s);
    asked_by(s);
}

static void guards(const struct story *s)
{
    hm_buf_printf(s->out, "guards document %" PRIu64 "%s", s->r->serial,
                  s->r->event == HM_EV_GUARDS_CHANGED ? " holds" : " refused");
    because(s);
    asked_by(s);
}

static void erased(const struct story *s)
{
    hm_buf_printf(s->out, "private detail of %" PRIu64 " record%s erased", s->r->count,
                  CLI_S(s->r->count));
    asked_by(s);
}

static void retired(const struct story *s)
{
    hm_buf_printf(s->out,
                  "private detail of %" PRIu64 " record%s retired, #%" PRIu64 " to #%" PRIu64,
                  s->r->count, CLI_S(s->r->count), s->r->first, s->r->last);
    hm_buf_puts(s->out, s->r->has_archive ? ", into an archive" : "");
}

static void trust_store(const struct story *s)
{
    hm_buf_printf(s->out, "trust store of %s, epoch %" PRIu64, s->r->environment,
                  s->r->store_epoch);
}

/* Of most events a beginning, who, and an end say it all. */
struct phrase {
    const char *before, *after;
    bool outcome;
};

static void phrase(const struct story *s, const struct phrase *p)
{
    hm_buf_puts(s->out, p->before);
    if (p->after != NULL) {
        who(s);
        hm_buf_puts(s->out, p->after);
    }
    if (s->r->has_proposal)
        hm_buf_printf(s->out, ", proposal #%" PRIu64, s->r->proposal);
    if (p->outcome)
        because(s);
}

static const struct phrase phrases[] = {
    [HM_EV_LOG_CREATED] = {"the log is created", NULL, false},
    [HM_EV_REGISTRAR_STARTED] = {"the registrar starts", NULL, false},
    [HM_EV_APPROVAL_REFUSED] = {"approval by ", " refused", true},
    [HM_EV_REQUEST_REFUSED] = {"rejection or cancellation by ", " refused", true},
    [HM_EV_RELEASE_REJECTED] = {"rejected by ", "", false},
    [HM_EV_RELEASE_CANCELLED] = {"cancelled by ", "", false},
    [HM_EV_RELEASE_EXPIRED] = {"expired", NULL, false},
    [HM_EV_RELEASE_SUPERSEDED] = {"overtaken by a higher sequence number, found when ",
                                  " asked for the signature", false},
    [HM_EV_SIGN_REFUSED] = {"signature refused to ", "", true},
    [HM_EV_SIGN_FAILED] = {"signing FAILED, asked for by ", "", true},
    [HM_EV_SIGN_UNKNOWN] = {"UNKNOWN whether it was signed: the service ended before it knew", NULL,
                            false},
    [HM_EV_POLICY_PROPOSED] = {"another policy proposed by ", "", false},
    [HM_EV_POLICY_APPROVED] = {"change of the policy approved by ", "", false},
    [HM_EV_POLICY_REFUSED] = {"change of the policy by ", " refused", true},
    [HM_EV_DETAIL_REFUSED] = {"erasure of private detail, asked for by ", ", refused", true},
};

static void tell(const struct story *s)
{
    const struct hm_record *r = s->r;
    static void (*const tellers[])(const struct story *s) = {
        [HM_EV_RELEASE_SUBMITTED] = submitted, [HM_EV_RELEASE_REFUSED] = refused,
        [HM_EV_APPROVAL_RECORDED] = approved,  [HM_EV_SIGN_INTENDED] = intended,
        [HM_EV_RELEASE_SIGNED] = signed_,      [HM_EV_REFUSALS_SUMMARISED] = summarised,
        [HM_EV_POLICY_ACTIVATED] = activated,  [HM_EV_ROSTER_CHANGED] = roster,
        [HM_EV_ROSTER_REFUSED] = roster,       [HM_EV_GUARDS_CHANGED] = guards,
        [HM_EV_GUARDS_REFUSED] = guards,       [HM_EV_TRUST_STORE_PUBLISHED] = trust_store,
        [HM_EV_DETAIL_ERASED] = erased,        [HM_EV_DETAIL_RETIRED] = retired,
    };
    size_t e = (size_t)r->event;
    if (e < sizeof tellers / sizeof tellers[0] && tellers[e] != NULL)
        tellers[e](s);
    else if (e < sizeof phrases / sizeof phrases[0] && phrases[e].before != NULL)
        phrase(s, &phrases[e]);
    else
        hm_buf_puts(s->out, hm_event_name(r->event));
}

enum hm_err cli_story_text(struct cli_papers *p, const struct hm_record *r, struct hm_buf *out,
                           struct hm_why *why)
{
    struct story s = {.r = r, .out = out};
    enum hm_err err = cli_papers_of(p, r, &s.policy, why);
    if (err != HM_OK)
        return err;
    tell(&s);
    return hm_buf_err(out);
}

json_t *cli_story_reason(const struct cli_reason *reason)
{
    json_t *lines = json_array();
    if (reason->text[0] != '\0')
        (void)json_array_append_new(lines, json_sprintf("reason: %s", reason->text));
    for (size_t i = 0; i < json_array_size(reason->findings); i++) {
        const json_t *f = json_array_get(reason->findings, i);
        (void)json_array_append_new(
            lines, json_sprintf("%s: required: %s; found: %s", hm_json_text(f, "check"),
                                hm_json_text(f, "required"), hm_json_text(f, "found")));
    }
    if (reason->unreadable)
        (void)json_array_append_new(
            lines, json_string("the evidence that says why could not be had or read"));
    return lines;
}
