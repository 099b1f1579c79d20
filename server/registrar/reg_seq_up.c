/* Bringing the log up against the signer, the clock, and what time alone causes. Sequencer's
 * thread.
 */
#include "server/registrar/reg_policy_log.h"
#include "server/registrar/reg_seq_priv.h"

#include "schema/io/hm_clock.h"
#include "schema/io/hm_random.h"
#include "server/ipc/proc_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORPHANS_MAX 256
#define DAY_S 86400

/* A registrar that died between a checkpoint and the next batch has not stored it; the signer has.
 */
static enum hm_err keep_last_note(struct reg_seq *s, const struct reg_signer_hello *h,
                                  struct hm_why *why)
{
    struct hm_checkpoint c;
    struct hm_bytes note = hm_buf_bytes(&h->last_note);
    if (h->last_size <= db_log_covered(s->log) || note.len == 0)
        return HM_OK;
    enum hm_err err = hm_checkpoint_open(note, &s->world->genesis.log_key, &c, why);
    if (err == HM_OK)
        err = db_log_begin(s->log, why); /* what a mirror takes is a transaction */
    if (err == HM_OK)
        err = db_log_put_checkpoint(s->log, h->last_size, note, why);
    if (err == HM_OK)
        err = db_log_commit(s->log, why);
    if (err != HM_OK)
        db_log_rollback(s->log);
    return err == HM_OK ? HM_OK : hm_fail_in(why, err, "the signer's last checkpoint");
}

static bool is_ours(const struct reg_seq *s, const struct reg_signer_hello *h)
{
    return strcmp(h->origin, s->world->genesis.origin) == 0 &&
           hm_key_eq(&h->vkey.key, &s->world->genesis.log_key.key);
}

/* The signer remembers the last checkpoint that it signed. Ours must extend that one. */
static enum hm_err compare_with_signer(struct reg_seq *s, const struct reg_signer_hello *h,
                                       struct hm_why *why)
{
    struct hm_frontier f;
    uint64_t size = db_log_size(s->log);
    if (!is_ours(s, h))
        return hm_fail(why, HM_E_HISTORY,
                       "the signer holds the key of another log (%s) than the genesis names (%s)",
                       h->origin, s->world->genesis.origin);
    enum hm_err err = HM_OK;
    bool same = h->last_size <= size;
    if (same && h->last_size > 0) {
        err = hm_merkle_frontier(h->last_size, db_log_node, s->log, &f, why);
        if (err != HM_OK)
            return err;
        struct hm_digest root = hm_frontier_root(&f);
        same = hm_digest_eq(&root, &h->last_root);
    }
    if (same) {
        s->signer_size = h->last_size;
        return keep_last_note(s, h, why);
    }
    /* Let the signer itself say no: its rule, its words. */
    HM_BUF_AUTO note = {0};
    struct hm_path none = {.count = 0};
    struct hm_digest root = db_log_root(s->log);
    struct hm_why said = {"(no answer)"};
    struct reg_signer_asked asked;
    err = reg_signer_ask(s->signer, size, &root, size < h->last_size ? size : h->last_size, &none,
                         &asked, &said);
    if (err == HM_OK)
        err = reg_signer_take(s->signer, &asked, &s->world->genesis.log_key, &note, &said);
    if (err == HM_OK)
        return hm_fail(why, HM_E_INTERNAL,
                       "the signer signed a checkpoint that does not extend its last one");
    if (err != HM_E_HISTORY)
        return hm_fail(why, err, "%s", said.text);
    return hm_fail(why, HM_E_HISTORY,
                   "this log (%llu records) does not extend the last checkpoint that the signer "
                   "signed (%llu records); %s. The "
                   "database is an older copy, was cut, or is a fork: restore the newest one "
                   "(docs/operations.md, \"The signer "
                   "refuses\")",
                   (unsigned long long)size, (unsigned long long)h->last_size, said.text);
}

static void drop(struct reg_signer_hello *h)
{
    if (h != NULL)
        hm_buf_free(&h->last_note);
    free(h);
}

/* Returns what was known before. */
static struct reg_signer_hello *know(struct reg_seq *s, struct reg_signer_hello *h)
{
    (void)pthread_mutex_lock(&s->lock);
    struct reg_signer_hello *old = s->hello;
    s->hello = h;
    (void)pthread_mutex_unlock(&s->lock);
    return old;
}

static enum hm_err meet_signer(struct reg_seq *s, struct hm_why *why)
{
    struct reg_signer_hello *h = calloc(1, sizeof *h);
    if (h == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    enum hm_err err = reg_signer_hello(s->signer, h, why);
    if (err == HM_OK)
        err = compare_with_signer(s, h, why);
    if (err == HM_OK)
        h = know(s, h);
    drop(h);
    return err;
}

enum hm_err reg_seq_greet(struct reg_seq *s, struct hm_why *why)
{
    struct reg_signer_hello *h = calloc(1, sizeof *h);
    if (h == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    enum hm_err err = reg_signer_hello(s->signer, h, why);
    if (err == HM_OK && !is_ours(s, h))
        err = hm_fail(why, HM_E_UNAVAILABLE, "another signer answers");
    if (err == HM_OK)
        h = know(s, h);
    drop(h);
    return err;
}

static enum hm_err append(struct reg_seq *s, struct hm_record *r, struct hm_why *why)
{
    r->has_policy = true;
    r->policy = *policy_digest(s->world->policy);
    return db_log_append(s->log, (uint64_t)hm_clock_unix_ms(), r, NULL, hm_bytes_of(NULL, 0), why);
}

static void about_release(struct hm_record *r, const struct db_release *rel,
                          enum hm_release_state state)
{
    r->has_release = true;
    r->release = rel->id;
    r->state = state;
    (void)snprintf(r->product, sizeof r->product, "%s", rel->product);
    (void)snprintf(r->version, sizeof r->version, "%s", rel->version);
    (void)snprintf(r->channel, sizeof r->channel, "%s", rel->channel);
    (void)snprintf(r->environment, sizeof r->environment, "%s", rel->environment);
}

/* An intention without a result: nobody knows whether the key was used. */
static enum hm_err record_orphan(struct reg_seq *s, uint64_t id, struct hm_why *why)
{
    struct db_release rel;
    enum hm_err err = db_state_release_get(s->log, id, &rel, why);
    if (err != HM_OK)
        return err;
    struct hm_record r = {.event = HM_EV_SIGN_UNKNOWN,
                          .has_intent = true,
                          .intent = rel.intent,
                          .outcome = "unknown"};
    about_release(&r, &rel, HM_RELEASE_APPROVED);
    err = append(s, &r, why);
    if (err != HM_OK)
        return err;
    rel.state = HM_RELEASE_APPROVED;
    rel.unknown = r.idx;
    rel.intent = 0;
    rel.last_idx = r.idx;
    return db_state_release_update(s->log, &rel, why);
}

static enum hm_err record_orphans(struct reg_seq *s, struct hm_why *why)
{
    uint64_t ids[ORPHANS_MAX];
    uint64_t after = 0;
    for (;;) {
        size_t n = 0;
        enum hm_err err = db_state_signing(s->log, after, ids, ORPHANS_MAX, &n, why);
        for (size_t i = 0; err == HM_OK && i < n; i++) {
            err = record_orphan(s, ids[i], why);
            after = ids[i];
        }
        if (err != HM_OK || n < ORPHANS_MAX)
            return err;
    }
}

static enum hm_err record_start(struct reg_seq *s, struct hm_why *why)
{
    struct hm_record r = {.event = HM_EV_REGISTRAR_STARTED, .has_random = true};
    hm_random(r.random.b, sizeof r.random.b);
    enum hm_err err = db_log_begin(s->log, why);
    if (err != HM_OK)
        return err;
    err = record_orphans(s, why);
    if (err == HM_OK)
        err = append(s, &r, why);
    if (err == HM_OK)
        err = db_log_commit(s->log, why);
    if (err != HM_OK)
        db_log_rollback(s->log);
    return err;
}

static enum hm_err open_mirror(struct reg_seq *s, struct hm_why *why)
{
    struct db_mirror_note note;
    const char *path = s->config->mirror;
    if (path == NULL)
        return HM_OK;
    enum hm_err err = db_log_mirror(s->log, path, &note, why);
    if (err != HM_OK)
        return err;
    if (note.made)
        proc_log("hallmark-registrar", PROC_INFO, "mirror %s: made from the log%s", path,
                 note.older ? ", in place of an older one" : "");
    if (note.same_disk)
        proc_log("hallmark-registrar", PROC_WARNING,
                 "mirror %s is on the log's own file system: both may go at once", path);
    return HM_OK;
}

enum hm_err reg_seq_open_log(struct reg_seq *s, struct hm_why *why)
{
    enum hm_err err = db_log_open(s->config->database, s->world->genesis.origin, &s->log, why);
    if (err == HM_OK)
        err = open_mirror(s, why);
    if (err != HM_OK) {
        db_log_close(s->log);
        s->log = NULL;
    }
    return err;
}

enum hm_err reg_seq_bring_up(struct reg_seq *s, struct hm_why *why)
{
    enum hm_err err = reg_seq_cover_wait(s, NULL); /* what became of it is found out here */
    reg_seq_cover_reset(s);
    err = HM_OK;
    if (s->phase == REG_PHASE_CLOSED || !db_log_usable(s->log)) {
        s->phase = REG_PHASE_CLOSED;
        db_log_close(s->log);
        s->log = NULL;
        err = reg_seq_open_log(s, why);
        if (err == HM_OK) /* a commit that failed may have reached the disk */
            err = reg_policy_resume(s->config, s->world, why);
        if (err != HM_OK)
            return err;
        s->phase = REG_PHASE_OPEN;
    }
    err = meet_signer(s, why);
    if (err == HM_OK)
        err = reg_seq_check_clock(s, why);
    if (err == HM_OK && !s->start_recorded) {
        err = record_start(s, why);
        s->start_recorded = err == HM_OK;
    }
    if (err == HM_OK)
        err = reg_seq_cover(s, NULL, why);
    return err == HM_OK ? reg_seq_cover_wait(s, why) : err;
}

enum hm_err reg_seq_check_clock(struct reg_seq *s, struct hm_why *why)
{
    int64_t wall = hm_clock_unix_ms();
    int64_t mono = hm_clock_mono_ms();
    int64_t limit = (int64_t)s->config->max_clock_jump_s * 1000;
    int64_t jump = wall - (s->anchor_wall_ms + (mono - s->anchor_mono_ms));
    int64_t behind = (int64_t)db_log_last_t_ms(s->log) - wall;
    if (jump > limit || jump < -limit || behind > limit)
        s->clock_bad = true;
    if (s->clock_bad)
        return hm_fail(why, HM_E_UNAVAILABLE,
                       "the clock jumped by more than %llu s against the log; check the time, then "
                       "restart the registrar",
                       (unsigned long long)s->config->max_clock_jump_s);
    s->anchor_wall_ms = wall;
    s->anchor_mono_ms = mono;
    return HM_OK;
}

static enum hm_err expire_one(struct reg_seq *s, uint64_t id, struct hm_why *why)
{
    struct db_release rel;
    enum hm_err err = db_state_release_get(s->log, id, &rel, why);
    if (err != HM_OK)
        return err;
    if (!hm_release_may(rel.state, HM_RELEASE_EXPIRED))
        return hm_fail(why, HM_E_INTERNAL, "release r%llu: expiry is not legal in its state",
                       (unsigned long long)id);
    struct hm_record r = {.event = HM_EV_RELEASE_EXPIRED};
    about_release(&r, &rel, HM_RELEASE_EXPIRED);
    err = append(s, &r, why);
    if (err != HM_OK)
        return err;
    rel.state = HM_RELEASE_EXPIRED;
    rel.last_idx = r.idx;
    return db_state_release_update(s->log, &rel, why);
}

/* A request is remembered until no clock that is believed calls it current: what ran out before
 * this has run out, however far the clock goes back. */
static int64_t expired_for_good_s(const struct reg_seq *s)
{
    return (int64_t)(db_log_last_t_ms(s->log) / 1000) - (int64_t)s->config->max_clock_jump_s - 1;
}

enum hm_err reg_seq_tick(struct reg_seq *s, struct hm_why *why)
{
    uint64_t ids[64];
    size_t n = 0;
    int64_t mono = hm_clock_mono_ms();
    if (mono < s->next_tick_ms)
        return HM_OK;
    s->next_tick_ms = mono + 1000;
    int64_t now_s = hm_clock_unix_s();
    bool room = db_log_reserved(s->log); /* what is left of a full disk is for results */
    enum hm_err err = HM_OK;
    if (room)
        err = db_state_expired(s->log, now_s, ids, 64, &n, why);
    for (size_t i = 0; err == HM_OK && i < n; i++)
        err = expire_one(s, ids[i], why);
    if (err == HM_OK && room && reg_refusals_due(s->refusals, (uint64_t)hm_clock_unix_ms()))
        err = reg_refusals_flush(s->refusals, s->log, policy_digest(s->world->policy),
                                 (uint64_t)hm_clock_unix_ms(), why);
    if (err == HM_OK && room)
        err = reg_retire_tick(s->retire, s->log, policy_digest(s->world->policy),
                              (uint64_t)hm_clock_unix_ms(), why);
    if (err == HM_OK)
        err = db_state_forget(s->log, now_s - DAY_S, expired_for_good_s(s), why);
    return err;
}
