#include "server/registrar/reg_facts.h"

#include "db/log/db_facts.h"
#include "schema/log/hm_record.h"
#include "server/registrar/reg_change.h"

#include <stdlib.h>
#include <string.h>

#define RUNNING 32     /* releases read at a time that are being signed */
#define SAME_RUNNING 7 /* of one version; each in a channel of its own */

/* What the log knows that a rule asks about; facts point into it. */
struct history {
    struct db_release row;
    struct hm_record record;
    struct policy_fact_last last;
    char last_version[HM_NAME_MAX + 1];
    struct hm_digest same[1 + SAME_RUNNING][HM_ARTIFACTS_MAX];
    struct policy_fact_set same_set[1 + SAME_RUNNING];
    int64_t signed_at[POLICY_SIGNATURES_MAX];
    struct db_release rows[DB_FACTS_EARLIER_MAX];
    struct hm_digest artifacts[DB_FACTS_EARLIER_MAX][HM_ARTIFACTS_MAX];
    struct policy_fact_earlier earlier[DB_FACTS_EARLIER_MAX];
};

/* The release.signed record of a release. */
static enum hm_err read_signed(struct reg_tx *tx, const struct db_release *row,
                               struct hm_record *out, struct hm_why *why)
{
    HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
    enum hm_err err = db_facts_record(tx->log, row->signed_idx, &bytes, why);
    if (err == HM_OK && hm_record_parse(hm_buf_bytes(&bytes), out, why) != HM_OK)
        err = HM_E_HISTORY;
    if (err == HM_OK && (out->event != HM_EV_RELEASE_SIGNED || out->release != row->id))
        err = hm_fail(why, HM_E_HISTORY, "record %llu is not the signature of release r%llu",
                      (unsigned long long)row->signed_idx, (unsigned long long)row->id);
    return err;
}

/* Size and floor stand in the signed request alone. */
static enum hm_err read_request(struct reg_tx *tx, uint64_t release, struct policy_fact_last *out,
                                struct hm_why *why)
{
    HM_BUF_AUTO bytes = {.limit = 2 * HM_REQUEST_MAX};
    HM_FREE struct hm_request *r = calloc(1, sizeof *r);
    struct hm_signed s;
    if (r == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    enum hm_err err = db_facts_evidence(tx->log, release, 0, &bytes, why);
    if (err == HM_OK)
        err = hm_signed_parse(hm_buf_bytes(&bytes), 2 * HM_REQUEST_MAX, &s, why);
    if (err != HM_OK)
        return err;
    err = hm_request_parse(hm_signed_payload(&s), r, why);
    hm_signed_free(&s);
    if (err != HM_OK)
        return err;
    out->rollback_floor = r->rollback_floor;
    out->size = reg_facts_size(r);
    return HM_OK;
}

static enum hm_err find_last(struct reg_tx *tx, struct policy_facts *f, struct history *h,
                             struct hm_why *why)
{
    uint64_t id = 0;
    enum hm_err err = db_facts_last(tx->log, f->product, f->channel, &id, why);
    if (err == HM_E_NOT_FOUND)
        return HM_OK;
    if (err == HM_OK)
        err = db_state_release_get(tx->log, id, &h->row, why);
    if (err == HM_OK)
        err = read_request(tx, id, &h->last, why);
    if (err != HM_OK)
        return err;
    memcpy(h->last_version, h->row.version, sizeof h->last_version);
    h->last.version = h->last_version;
    f->last = &h->last;
    return HM_OK;
}

static void add_same(struct policy_facts *f, struct history *h)
{
    size_t n = f->same_version_count++;
    memcpy(h->same[n], h->record.artifacts, sizeof h->same[n]);
    h->same_set[n] = (struct policy_fact_set){h->same[n], h->record.artifact_count};
    f->same_version = h->same_set;
}

static enum hm_err find_same_version(struct reg_tx *tx, struct policy_facts *f, struct history *h,
                                     struct hm_why *why)
{
    uint64_t id = 0;
    enum hm_err err = db_state_signed_version(tx->log, f->product, f->version, &id, why);
    if (err == HM_E_NOT_FOUND)
        return HM_OK;
    if (err == HM_OK)
        err = db_state_release_get(tx->log, id, &h->row, why);
    if (err == HM_OK)
        err = read_signed(tx, &h->row, &h->record, why);
    if (err != HM_OK)
        return err;
    add_same(f, h);
    return HM_OK;
}

static bool names_key(const struct hm_record *r, const struct hm_digest *key)
{
    bool yes = false;
    for (size_t i = 0; i < r->key_count; i++)
        yes = yes || hm_digest_eq(&r->keys[i].spki, key);
    return yes;
}

static enum hm_err add_running(struct reg_tx *tx, uint64_t release, const struct hm_digest *key,
                               const struct policy_wants *w, struct policy_facts *f,
                               struct history *h, struct hm_why *why)
{
    HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
    const struct hm_record *r = &h->record;
    enum hm_err err = db_facts_record(tx->log, release, &bytes, why);
    if (err == HM_OK)
        err = hm_record_parse(hm_buf_bytes(&bytes), &h->record, why);
    if (err != HM_OK)
        return err;
    if (f->signed_at_count < w->signatures && names_key(r, key))
        h->signed_at[f->signed_at_count++] = f->now_s;
    if (w->same_version && f->same_version_count <= SAME_RUNNING &&
        strcmp(r->product, f->product) == 0 && strcmp(r->version, f->version) == 0)
        add_same(f, h);
    return HM_OK;
}

/* Signatures that are being made count like those that were: of two that are asked for at once,
 * neither would find the other. */
static enum hm_err find_running(struct reg_tx *tx, const struct hm_digest *key,
                                const struct policy_wants *w, struct policy_facts *f,
                                struct history *h, struct hm_why *why)
{
    uint64_t ids[RUNNING];
    uint64_t after = 0;
    size_t n = RUNNING;
    enum hm_err err = HM_OK;
    while (err == HM_OK && n == RUNNING) {
        err = db_state_signing(tx->log, after, ids, RUNNING, &n, why);
        for (size_t i = 0; err == HM_OK && i < n; i++) {
            after = ids[i];
            err = add_running(tx, ids[i], key, w, f, h, why);
        }
    }
    return err;
}

static enum hm_err find_earlier(struct reg_tx *tx, const char *environment, struct policy_facts *f,
                                struct history *h, struct hm_why *why)
{
    uint64_t ids[DB_FACTS_EARLIER_MAX];
    size_t n = 0;
    enum hm_err err = HM_OK;
    if (f->artifact_count > 0) /* whoever has all of them has the first */
        err = db_facts_earlier(tx->log, &f->artifacts[0], environment, ids, &n, why);
    for (size_t i = 0; err == HM_OK && i < n; i++) {
        struct db_release *row = &h->rows[i];
        err = db_state_release_get(tx->log, ids[i], row, why);
        if (err == HM_OK)
            err = read_signed(tx, row, &h->record, why);
        if (err != HM_OK)
            return err;
        memcpy(h->artifacts[i], h->record.artifacts, sizeof h->artifacts[i]);
        h->earlier[i] = (struct policy_fact_earlier){
            .product = row->product,
            .environment = row->environment,
            .channel = row->channel,
            .submitter = row->submitter,
            .signed_s = (int64_t)(h->record.t_ms / 1000),
            .artifacts = {h->artifacts[i], h->record.artifact_count},
        };
    }
    f->earlier = h->earlier;
    f->earlier_count = n;
    return err;
}

static enum hm_err signatures_by(struct reg_tx *tx, const struct hm_digest *key,
                                 const struct policy_wants *w, struct policy_facts *f,
                                 struct history *h, struct hm_why *why)
{
    f->signed_at = h->signed_at;
    return db_facts_signed_at(tx->log, key, f->now_s - w->window_s, w->signatures, h->signed_at,
                              &f->signed_at_count, why);
}

/* Of several keys not each signs every release: the one that signed most counts. */
static enum hm_err find_signatures(struct reg_tx *tx, const struct policy_rule *rule,
                                   const struct hm_digest **key, const struct policy_wants *w,
                                   struct policy_facts *f, struct history *h, struct hm_why *why)
{
    size_t most = 0;
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && rule->key_count > 1 && i < rule->key_count; i++) {
        err = signatures_by(tx, &rule->keys[i]->key_id, w, f, h, why);
        if (err == HM_OK && f->signed_at_count > most) {
            most = f->signed_at_count;
            *key = &rule->keys[i]->key_id;
        }
    }
    return err == HM_OK ? signatures_by(tx, *key, w, f, h, why) : err;
}

/* Whatever the rule that matches under this policy asks, and nothing else. */
static enum hm_err look_back(struct reg_tx *tx, const struct policy_rule *rule,
                             const struct policy_wants *w, struct policy_facts *f,
                             struct history *h, struct hm_why *why)
{
    const struct hm_digest *key = f->key != NULL ? f->key : &rule->key->key_id;
    enum hm_err err = w->last ? find_last(tx, f, h, why) : HM_OK;
    if (err == HM_OK && w->same_version)
        err = find_same_version(tx, f, h, why);
    if (err == HM_OK && w->earlier != NULL)
        err = find_earlier(tx, w->earlier, f, h, why);
    if (err == HM_OK && w->signatures > 0)
        err = find_signatures(tx, rule, &key, w, f, h, why);
    if (err == HM_OK && f->stage == POLICY_AT_SIGNING && (w->signatures > 0 || w->same_version))
        err = find_running(tx, key, w, f, h, why);
    return err;
}

/* Facts of the log under one policy; *out is the caller's to free. */
static enum hm_err complete(struct reg_tx *tx, const struct policy *p, struct policy_facts *f,
                            struct history **out, struct hm_why *why)
{
    const struct policy_subject subject = policy_facts_subject(f);
    const struct policy_rule *rule = policy_match(p, &subject);
    struct policy_wants w;
    f->now_s = (int64_t)(tx->now_ms / 1000);
    f->last = NULL;
    f->same_version_count = f->earlier_count = f->signed_at_count = 0;
    if (rule == NULL)
        return HM_OK;
    policy_wants(rule, &w);
    if (!w.last && !w.same_version && w.earlier == NULL && w.signatures == 0)
        return HM_OK;
    *out = calloc(1, sizeof **out);
    if (*out == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    return look_back(tx, rule, &w, f, *out, why);
}

static bool wants_last(const struct policy *p, const struct policy_facts *f)
{
    const struct policy_subject subject = policy_facts_subject(f);
    const struct policy_rule *rule = policy_match(p, &subject);
    struct policy_wants w = {.last = false};
    if (rule != NULL)
        policy_wants(rule, &w);
    return w.last;
}

/* As if this one, which is being signed, were the last release. */
static enum hm_err against(struct reg_tx *tx, const struct policy *p, uint64_t release,
                           struct policy_facts *f, struct policy_verdict *out, struct hm_why *why)
{
    struct db_release row;
    struct policy_fact_last last = {.size = 0};
    enum hm_err err = db_state_release_get(tx->log, release, &row, why);
    if (err != HM_OK || strcmp(row.product, f->product) != 0 ||
        strcmp(row.channel, f->channel) != 0)
        return err;
    err = read_request(tx, release, &last, why);
    if (err != HM_OK)
        return err;
    const struct policy_fact_last *signed_last = f->last;
    last.version = row.version;
    f->last = &last;
    policy_evaluate(p, f, out);
    f->last = signed_last;
    return HM_OK;
}

/* What is allowed after the last release has to be allowed after each that is being signed as well:
 * nobody knows which of them will be the last one. */
static enum hm_err after_running(struct reg_tx *tx, const struct policy *p, struct policy_facts *f,
                                 struct policy_verdict *out, struct hm_why *why)
{
    uint64_t ids[RUNNING];
    uint64_t after = 0;
    size_t n = RUNNING;
    enum hm_err err = HM_OK;
    while (err == HM_OK && out->allow && n == RUNNING) {
        err = db_state_signing(tx->log, after, ids, RUNNING, &n, why);
        for (size_t i = 0; err == HM_OK && out->allow && i < n; i++) {
            after = ids[i];
            err = against(tx, p, ids[i], f, out, why);
        }
    }
    return err;
}

enum hm_err reg_facts_evaluate(struct reg_tx *tx, const struct policy *p, struct policy_facts *f,
                               struct policy_verdict *out, struct hm_why *why)
{
    HM_FREE struct history *h = NULL;
    enum hm_err err = complete(tx, p, f, &h, why);
    if (err != HM_OK)
        return err;
    policy_evaluate(p, f, out);
    return f->stage == POLICY_AT_SIGNING && out->allow && wants_last(p, f)
               ? after_running(tx, p, f, out, why)
               : HM_OK;
}

uint64_t reg_facts_size(const struct hm_request *r)
{
    uint64_t n = 0;
    for (size_t i = 0; i < r->artifact_count; i++)
        n += r->artifacts[i].size;
    return n;
}

/* What the submission itself says. */
static void of_release(const struct reg_dossier *d, struct policy_facts *out)
{
    const struct hm_record *r = d->submitted;
    *out = (struct policy_facts){
        .product = r->product,
        .version = r->version,
        .channel = r->channel,
        .environment = d->known->environment,
        .hardware = d->known->hardware,
        .hardware_count = d->known->hardware_count,
        .break_glass = d->known->break_glass,
        .submitter = d->known->submitter->id,
        .key = d->known->key_ids,
        .more_keys = r->key_count > 0 ? r->key_count - 1 : 0,
        .artifacts = r->artifacts,
        .artifact_count = r->artifact_count,
        .attestations = d->known->attestations,
        .attestation_count = d->known->attestation_count,
        .size = d->known->size,
        .rollback_floor = d->known->rollback_floor,
        .submitted_s = (int64_t)(r->t_ms / 1000),
    };
}

enum hm_err reg_facts_signing(struct reg_tx *tx, const struct reg_facts_signing *in,
                              struct policy_verdict *out, struct hm_why *why)
{
    const struct reg_dossier *d = in->dossier;
    struct policy_facts facts;
    struct reg_priors priors;
    of_release(d, &facts);
    facts.stage = POLICY_AT_SIGNING;
    facts.provenance = in->provenance;
    facts.provenance_count = in->provenance_count;
    facts.approvals = d->approval_facts;
    facts.approval_count = d->approval_count;
    const struct policy *in_force = tx->world->policy;
    enum hm_err err = reg_priors_get(tx, &facts, &priors, why);
    if (err == HM_OK)
        err = reg_facts_evaluate(tx, d->known->policy, &facts, out, why);
    if (err == HM_OK && out->allow && d->known->policy != in_force)
        err = reg_facts_evaluate(tx, in_force, &facts, out, why);
    return err;
}

enum hm_err reg_facts_quorum(struct reg_tx *tx, const struct reg_dossier *d,
                             const struct db_approval *list, size_t count,
                             struct policy_quorum *out, struct hm_why *why)
{
    HM_FREE struct history *h = NULL;
    struct policy_fact_approval approvals[HM_APPROVALS_MAX];
    struct policy_facts facts;
    if (count > HM_APPROVALS_MAX)
        return hm_fail(why, HM_E_INTERNAL, "release r%llu: %zu approvals",
                       (unsigned long long)d->id, count);
    for (size_t i = 0; i < count; i++) {
        /* taken under this very policy, which demanded then what it demands now */
        const struct hm_key *key =
            policy_approval_key(d->known->policy, list[i].principal, &list[i].key);
        approvals[i] = (struct policy_fact_approval){list[i].principal, list[i].key, list[i].record,
                                                     key != NULL && key->verify_user};
    }
    of_release(d, &facts);
    facts.approvals = approvals;
    facts.approval_count = count;
    enum hm_err err = complete(tx, d->known->policy, &facts, &h, why);
    if (err == HM_OK)
        policy_quorum(d->known->policy, d->known->rule, &facts, out);
    return err;
}
