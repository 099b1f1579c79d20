/* From facts to alerts. */
#include "server/door/alert_priv.h"

#include "schema/core/hm_time.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DAY_S INT64_C(86400)
#define HOUR_MS UINT64_C(3600000)
#define FIRST_POLICY 1 /* index of the record with which every log begins to have one */

/* --- keys --- */

/* Day 0 of the epoch was a Thursday. */
static const char *day_of(uint64_t t_ms)
{
    static const char *const days[] = {"Thursdays", "Fridays",  "Saturdays", "Sundays",
                                       "Mondays",   "Tuesdays", "Wednesdays"};
    return days[t_ms / (24 * HOUR_MS) % 7];
}

static enum hm_err use_key(struct alerts *a, const struct hm_record *r, const struct hm_digest *key)
{
    struct alert_use use;
    char subject[16 + HM_SHA256_HEX] = "key:";
    enum hm_err err = alert_usage_add(a->usage, key, r->t_ms, &use);
    if (err != HM_OK)
        return err;
    hm_digest_hex(key, subject + 4);
    struct alert_news n = {.severity = ALERT_WARNING,
                           .subject = subject,
                           .t_ms = r->t_ms,
                           .idx = &r->idx,
                           .idx_count = 1};
    n.kind = ALERT_KEY_HOURS;
    if (use.unusual_hour)
        alert_raise(a, &n,
                    "used at %02u h (UTC) on %s, as in %" PRIu64 " of the %" PRIu64
                    " weeks before; at least %" PRIu64 " are usual",
                    (unsigned)(r->t_ms / HOUR_MS % 24), day_of(r->t_ms), use.weeks,
                    a->c.history_weeks, a->c.usual_weeks);
    n.kind = ALERT_KEY_RATE;
    if (use.unusual_rate)
        alert_raise(a, &n,
                    "used %" PRIu64 " times in one hour; %" PRIu64 " times in the %" PRIu64
                    " hours before",
                    use.in_hour, use.uses, use.hours);
    return HM_OK;
}

static enum hm_err look_at_keys(struct alerts *a, const struct hm_record *r)
{
    enum hm_err err = HM_OK;
    if (r->event == HM_EV_SIGN_INTENDED)
        for (size_t i = 0; err == HM_OK && i < r->key_count; i++)
            err = use_key(a, r, &r->keys[i].spki);
    if (err == HM_OK && r->has_approver_key)
        err = use_key(a, r, &r->approver_key);
    return err;
}

/* --- refusals --- */

static uint64_t refusals_in(const struct hm_record *r)
{
    if (hm_event_is_refusal(r->event))
        return 1;
    return r->event == HM_EV_REFUSALS_SUMMARISED ? r->count : 0;
}

static void refused(struct alerts *a, const struct hm_record *r, const char *subject,
                    uint64_t count)
{
    uint64_t idx[ALERT_INDEXES];
    size_t idx_count = 0;
    uint64_t row =
        alert_streaks_refused(a->streaks, subject, r->t_ms, r->idx, count, idx, &idx_count);
    if (row < a->c.refusals)
        return;
    const struct alert_news n = {.kind = ALERT_REFUSALS,
                                 .severity = ALERT_WARNING,
                                 .subject = subject,
                                 .t_ms = r->t_ms,
                                 .idx = idx,
                                 .idx_count = idx_count};
    alert_raise(a, &n, "%" PRIu64 " refusals or more in a row, the last one %s%s%s", a->c.refusals,
                hm_event_name(r->event), r->outcome[0] != '\0' ? ": " : "", r->outcome);
}

/* What is refused lengthens the rows of its actor and its product; what an actor achieved ends
 * them. */
static void look_at_refusals(struct alerts *a, const struct hm_record *r)
{
    char subject[ALERT_SUBJECT_MAX + 1];
    uint64_t count = refusals_in(r);
    const struct {
        const char *what, *name;
    } of[] = {{"actor", r->actor}, {"product", r->product}};
    if (count == 0 && r->actor[0] == '\0')
        return;
    for (size_t i = 0; i < 2; i++) {
        if (of[i].name[0] == '\0')
            continue;
        (void)snprintf(subject, sizeof subject, "%s:%s", of[i].what, of[i].name);
        if (count > 0)
            refused(a, r, subject, count);
        else
            alert_streaks_accepted(a->streaks, subject);
    }
}

/* --- single records --- */

static void about(struct alerts *a, const struct hm_record *r, enum alert_kind kind,
                  enum alert_severity severity, const char *subject, const char *text)
{
    const struct alert_news n = {.kind = kind,
                                 .severity = severity,
                                 .subject = subject,
                                 .t_ms = r->t_ms,
                                 .idx = &r->idx,
                                 .idx_count = 1};
    alert_raise(a, &n, "%s", text);
}

static void about_key(struct alerts *a, const struct hm_record *r, enum alert_kind kind,
                      enum alert_severity severity, const struct hm_digest *key, const char *text)
{
    char subject[16 + HM_SHA256_HEX] = "key:";
    hm_digest_hex(key, subject + 4);
    about(a, r, kind, severity, subject, text);
}

static void about_release(struct alerts *a, const struct hm_record *r, enum alert_kind kind,
                          const char *text)
{
    char subject[32];
    (void)snprintf(subject, sizeof subject, "release:r%" PRIu64, r->release);
    about(a, r, kind, ALERT_CRITICAL, subject, text);
}

static void sign_failed(struct alerts *a, const struct hm_record *r)
{
    char text[ALERT_TEXT_MAX];
    (void)snprintf(text, sizeof text, "a key was asked to sign and did not: %s",
                   r->outcome[0] != '\0' ? r->outcome : "no reason was recorded");
    if (r->key_count > 0)
        about_key(a, r, ALERT_SIGN_FAILED, ALERT_WARNING, &r->keys[0].spki, text);
    else
        about(a, r, ALERT_SIGN_FAILED, ALERT_WARNING, "key:unknown", text);
}

static void sign_unknown(struct alerts *a, const struct hm_record *r)
{
    about_release(a, r, ALERT_SIGN_UNKNOWN, "nobody knows whether its key signed");
}

static void submitted(struct alerts *a, const struct hm_record *r)
{
    char text[ALERT_TEXT_MAX];
    (void)snprintf(text, sizeof text, "submitted over a break-glass rule by %s", r->actor);
    if (strcmp(r->outcome, "break-glass") == 0)
        about_release(a, r, ALERT_BREAK_GLASS, text);
}

static void policy_changed(struct alerts *a, const struct hm_record *r)
{
    if (r->idx != FIRST_POLICY)
        about(a, r, ALERT_POLICY_CHANGED, ALERT_INFO, "policy", "another policy is in force");
}

static void guards_changed(struct alerts *a, const struct hm_record *r)
{
    about(a, r, ALERT_GUARDS_CHANGED, ALERT_WARNING, "guards",
          "the root has changed the signer's guards");
}

static void roster_changed(struct alerts *a, const struct hm_record *r)
{
    char text[ALERT_TEXT_MAX];
    (void)snprintf(text, sizeof text, "list %" PRIu64 " of its approvers is in force", r->serial);
    about_key(a, r, ALERT_ROSTER_CHANGED, ALERT_INFO, &r->guard, text);
}

static void look_at_event(struct alerts *a, const struct hm_record *r)
{
    static const struct {
        enum hm_event event;
        void (*look)(struct alerts *a, const struct hm_record *r);
    } of[] = {{HM_EV_SIGN_FAILED, sign_failed},       {HM_EV_SIGN_UNKNOWN, sign_unknown},
              {HM_EV_RELEASE_SUBMITTED, submitted},   {HM_EV_POLICY_ACTIVATED, policy_changed},
              {HM_EV_GUARDS_CHANGED, guards_changed}, {HM_EV_ROSTER_CHANGED, roster_changed}};
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++)
        if (r->event == of[i].event)
            of[i].look(a, r);
}

enum hm_err alerts_record(struct alerts *a, const struct hm_record *r)
{
    look_at_refusals(a, r);
    look_at_event(a, r);
    return look_at_keys(a, r);
}

/* --- conditions --- */

static int64_t notice_s(const struct alert_config *c, enum alert_kind kind)
{
    if (kind == ALERT_CRL_EXPIRES)
        return (int64_t)c->crl_hours * 3600;
    return (int64_t)(kind == ALERT_KEY_EXPIRES ? c->key_days : c->certificate_days) * DAY_S;
}

void alerts_expiry(struct alerts *a, uint64_t now_ms, const struct alert_expiry *e)
{
    char when[HM_TIME_TEXT];
    int64_t end_s = e->not_after_s < 0 ? 0 : e->not_after_s;
    int64_t notice = notice_s(&a->c, e->kind);
    int64_t left = end_s - (int64_t)(now_ms / 1000);
    if (left >= notice)
        return;
    const struct alert_news n = {.kind = e->kind,
                                 .severity = left < notice / 4 ? ALERT_CRITICAL : ALERT_WARNING,
                                 .subject = e->subject,
                                 .t_ms = now_ms};
    hm_time_format(end_s, when);
    alert_raise(a, &n, "%s %s", left < 0 ? "ended" : "ends", when);
}

void alerts_witness(struct alerts *a, uint64_t now_ms, const char *name, const char *text)
{
    char subject[ALERT_SUBJECT_MAX + 1];
    const struct alert_news n = {
        .kind = ALERT_WITNESS, .severity = ALERT_CRITICAL, .subject = subject, .t_ms = now_ms};
    (void)snprintf(subject, sizeof subject, "witness:%s", name);
    alert_raise(a, &n, "%s", text);
}

void alerts_clock(struct alerts *a, uint64_t now_ms, const char *subject, int64_t off_ms)
{
    int64_t far = off_ms < 0 ? -off_ms : off_ms;
    const struct alert_news n = {
        .kind = ALERT_CLOCK, .severity = ALERT_WARNING, .subject = subject, .t_ms = now_ms};
    if (far >= (int64_t)a->c.clock_s * 1000)
        alert_raise(a, &n, "%" PRId64 ".%03" PRId64 " s %s", far / 1000, far % 1000,
                    off_ms < 0 ? "behind" : "ahead");
}
