/* What the log knows of earlier releases, as far as the rule asks for it. Each record comes with
 * its proof, but the lists are filtered by the server: nobody proves them to be complete. */
#include "client/cli_entries.h"
#include "client/cli_explain.h"
#include "client/cli_http.h"
#include "client/cli_proof.h"
#include "schema/attest/hm_signed.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LISTED_MAX 1000 /* records that are looked through for one question */

/* One question to the log. */
struct question {
    struct cli *c;
    struct cli_explain *e;
    uint64_t release; /* the one that is explained: it is not earlier than itself */
    struct policy_wants wants;
    bool found_last;
    const struct hm_digest *key;     /* whose signatures are looked for, */
    struct cli_explain_times *times; /* and what was found */
};

/* The request of a signed release, for what its record does not say. */
static enum hm_err request_of(struct question *q, uint64_t release, char *submitter, size_t size,
                              struct hm_request *out)
{
    CLI_RECORD_AUTO r = {.leaf = {{0}}};
    HM_BUF_AUTO doc = {.limit = 2 * HM_REQUEST_MAX + 1};
    struct hm_signed s;
    enum hm_err err = cli_record_fetch(q->c, release, &r);
    if (err == HM_OK)
        err = cli_evidence_fetch(q->c, &r.record, 0, 2 * HM_REQUEST_MAX, &doc);
    if (err == HM_OK)
        err = hm_signed_parse(hm_buf_bytes(&doc), 2 * HM_REQUEST_MAX, &s, &q->c->why);
    if (err != HM_OK)
        return err;
    err = hm_request_parse(hm_signed_payload(&s), out, &q->c->why);
    hm_signed_free(&s);
    (void)snprintf(submitter, size, "%s", r.record.actor);
    return err == HM_OK ? HM_OK : hm_fail_in(&q->c->why, err, "request of r%" PRIu64, release);
}

static bool shares(const struct cli_explain *e, const struct hm_record *r)
{
    for (size_t i = 0; i < r->artifact_count; i++)
        for (size_t k = 0; k < e->facts.artifact_count; k++)
            if (hm_digest_eq(&r->artifacts[i], &e->artifacts[k]))
                return true;
    return false;
}

static void take_prior(struct cli_explain *e, const struct cli_explain_signed *s)
{
    for (size_t i = 0; i < s->artifact_count && e->facts.prior_count < CLI_EXPLAIN_PRIOR_MAX; i++)
        e->prior[e->facts.prior_count++] =
            (struct policy_fact_prior){s->artifacts[i], s->product, s->version};
}

/* Keeps what a record says, so that facts can borrow it. NULL: no room, or known already. */
static struct cli_explain_signed *keep(struct cli_explain *e, const struct hm_record *r)
{
    for (size_t i = 0; i < e->signed_count; i++)
        if (e->signeds[i].idx == r->idx)
            return NULL;
    if (e->signed_count == CLI_EXPLAIN_PRIOR_MAX)
        return NULL;
    struct cli_explain_signed *s = &e->signeds[e->signed_count++];
    s->idx = r->idx;
    s->release = r->release;
    s->signed_s = (int64_t)(r->t_ms / 1000);
    (void)snprintf(s->product, sizeof s->product, "%s", r->product);
    (void)snprintf(s->version, sizeof s->version, "%s", r->version);
    (void)snprintf(s->channel, sizeof s->channel, "%s", r->channel);
    (void)snprintf(s->environment, sizeof s->environment, "%s", r->environment);
    memcpy(s->artifacts, r->artifacts, r->artifact_count * sizeof r->artifacts[0]);
    s->artifact_count = r->artifact_count;
    return s;
}

static bool ours(const struct question *q, const struct hm_record *r)
{
    return r->event == HM_EV_RELEASE_SIGNED && r->has_release && r->release != q->release;
}

static enum hm_err on_artifact(void *ctx, struct hm_bytes record, struct hm_why *why)
{
    struct question *q = ctx;
    struct hm_record r;
    enum hm_err err = hm_record_parse(record, &r, why);
    if (err != HM_OK || !ours(q, &r) || !shares(q->e, &r))
        return err;
    struct cli_explain_signed *s = keep(q->e, &r);
    if (s != NULL)
        take_prior(q->e, s);
    return HM_OK;
}

static enum hm_err on_version(void *ctx, struct hm_bytes record, struct hm_why *why)
{
    struct question *q = ctx;
    struct cli_explain *e = q->e;
    struct hm_record r;
    enum hm_err err = hm_record_parse(record, &r, why);
    if (err != HM_OK || !ours(q, &r) || strcmp(r.product, e->request.product) != 0 ||
        strcmp(r.version, e->request.version) != 0 ||
        e->facts.same_version_count == CLI_EXPLAIN_PRIOR_MAX)
        return err;
    size_t n = e->facts.same_version_count++;
    memcpy(e->same_artifacts[n], r.artifacts, r.artifact_count * sizeof r.artifacts[0]);
    e->same_version[n] = (struct policy_fact_set){e->same_artifacts[n], r.artifact_count};
    return HM_OK;
}

/* The newest one of product and channel: the list begins with it. */
static enum hm_err on_last(void *ctx, struct hm_bytes record, struct hm_why *why)
{
    struct question *q = ctx;
    struct cli_explain *e = q->e;
    struct hm_record r;
    enum hm_err err = hm_record_parse(record, &r, why);
    if (err != HM_OK || q->found_last || !ours(q, &r) ||
        strcmp(r.product, e->request.product) != 0 || strcmp(r.channel, e->request.channel) != 0)
        return err;
    q->found_last = true;
    e->last_release = r.release;
    (void)snprintf(e->last_version, sizeof e->last_version, "%s", r.version);
    return HM_OK;
}

static enum hm_err on_key(void *ctx, struct hm_bytes record, struct hm_why *why)
{
    struct question *q = ctx;
    struct hm_record r;
    enum hm_err err = hm_record_parse(record, &r, why);
    int64_t at = (int64_t)(r.t_ms / 1000);
    if (err != HM_OK || !ours(q, &r) || q->times->count == CLI_EXPLAIN_SIGNATURES_MAX ||
        at <= q->e->facts.now_s - q->wants.window_s)
        return err;
    bool by_key = false;
    for (size_t i = 0; i < r.key_count; i++)
        by_key |= hm_digest_eq(&r.keys[i].spki, q->key);
    if (by_key)
        q->times->at[q->times->count++] = at;
    return HM_OK;
}

static enum hm_err ask(struct question *q, const char *names[4], const char *values[4],
                       cli_entry_fn fn)
{
    HM_BUF_AUTO path = {.limit = 1024};
    hm_buf_puts(&path, "/v1/log/entries?order=desc&event=release.signed");
    for (size_t i = 0; i < 4 && names[i] != NULL; i++)
        cli_query_add(&path, names[i], values[i]);
    const char *text = hm_buf_str(&path);
    return text == NULL ? hm_fail(&q->c->why, HM_E_MEMORY, "out of memory")
                        : cli_entries(q->c, text, LISTED_MAX, fn, q);
}

static enum hm_err ask_artifacts(struct question *q)
{
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < q->e->facts.artifact_count; i++) {
        char hex[HM_SHA256_HEX];
        hm_digest_hex(&q->e->artifacts[i], hex);
        const char *names[4] = {"artifact"}, *values[4] = {hex};
        err = ask(q, names, values, on_artifact);
    }
    return err;
}

static enum hm_err ask_last(struct question *q)
{
    struct cli_explain *e = q->e;
    const char *names[4] = {"product", "channel"};
    const char *values[4] = {e->request.product, e->request.channel};
    struct hm_request r;
    char submitter[HM_NAME_MAX + 1];
    enum hm_err err = ask(q, names, values, on_last);
    if (err == HM_OK && q->found_last)
        err = request_of(q, e->last_release, submitter, sizeof submitter, &r);
    if (err != HM_OK || !q->found_last)
        return err;
    e->last = (struct policy_fact_last){e->last_version, r.rollback_floor, 0};
    for (size_t i = 0; i < r.artifact_count; i++)
        e->last.size += r.artifacts[i].size;
    e->facts.last = &e->last;
    return HM_OK;
}

static enum hm_err ask_version(struct question *q)
{
    const char *names[4] = {"product", "version"};
    const char *values[4] = {q->e->request.product, q->e->request.version};
    return ask(q, names, values, on_version);
}

static enum hm_err ask_key(struct question *q, const struct hm_digest *key,
                           struct cli_explain_times *out)
{
    char hex[HM_SHA256_HEX];
    hm_digest_hex(key, hex);
    const char *names[4] = {"key"}, *values[4] = {hex};
    q->key = key;
    q->times = out;
    out->count = 0;
    return ask(q, names, values, on_key);
}

/* Of several keys not each signs every release: the one that signed most counts. */
static enum hm_err ask_keys(struct question *q, const struct policy_rule *rule,
                            struct cli_explain_times *out)
{
    const struct hm_digest *most = q->e->facts.key;
    size_t count = 0;
    enum hm_err err = HM_OK;
    if (rule->key_count > 1 || most == NULL)
        most = &rule->key->key_id;
    for (size_t i = 0; err == HM_OK && rule->key_count > 1 && i < rule->key_count; i++) {
        err = ask_key(q, &rule->keys[i]->key_id, out);
        if (err == HM_OK && out->count > count) {
            most = &rule->keys[i]->key_id;
            count = out->count;
        }
    }
    return err == HM_OK ? ask_key(q, most, out) : err;
}

/* The releases of the same bytes, with who submitted them. */
static enum hm_err take_earlier(struct question *q)
{
    struct cli_explain *e = q->e;
    struct hm_request r;
    for (size_t i = 0; i < e->signed_count; i++) {
        struct cli_explain_signed *s = &e->signeds[i];
        if (s->taken || strcmp(s->environment, q->wants.earlier) != 0)
            continue;
        s->taken = true;
        enum hm_err err = request_of(q, s->release, s->submitter, sizeof s->submitter, &r);
        if (err != HM_OK)
            return err;
        e->earlier[e->facts.earlier_count++] = (struct policy_fact_earlier){
            s->product,   s->environment, s->channel,
            s->submitter, s->signed_s,    {s->artifacts, s->artifact_count}};
    }
    return HM_OK;
}

enum hm_err cli_explain_log(struct cli *c, uint64_t release, const struct policy *p,
                            struct cli_explain *e)
{
    struct question q = {.c = c, .e = e, .release = release};
    const struct policy_facts *f = &e->facts;
    const struct policy_subject subject = policy_facts_subject(f);
    const struct policy_rule *rule = policy_match(p, &subject);
    enum hm_err err = ask_artifacts(&q);
    if (rule == NULL || err != HM_OK)
        return err;
    policy_wants(rule, &q.wants);
    if (q.wants.last && f->last == NULL)
        err = ask_last(&q);
    if (err == HM_OK && q.wants.same_version && f->same_version_count == 0)
        err = ask_version(&q);
    struct cli_explain_times *times = &e->times[e->times[0].policy != NULL ? 1 : 0];
    times->policy = p;
    if (err == HM_OK && q.wants.signatures > 0)
        err = ask_keys(&q, rule, times);
    if (err == HM_OK && q.wants.earlier != NULL)
        err = take_earlier(&q);
    return err;
}
