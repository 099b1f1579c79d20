#include "server/witness/witness_add.h"

#include "schema/io/hm_clock.h"
#include "schema/io/hm_file.h"
#include "schema/log/hm_add_checkpoint.h"
#include "server/ipc/proc_log.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define SAY_EVERY_MS 10000

const struct witness_verdict_row witness_verdicts[WITNESS_VERDICTS] = {
    [WITNESS_FAILED] = {"failed", 503},         [WITNESS_COSIGNED] = {"cosigned", 200},
    [WITNESS_MALFORMED] = {"malformed", 400},   [WITNESS_BEYOND] = {"beyond", 400},
    [WITNESS_NOT_SIGNED] = {"not_signed", 403}, [WITNESS_UNKNOWN] = {"unknown", 404},
    [WITNESS_ELSEWHERE] = {"elsewhere", 409},   [WITNESS_INCONSISTENT] = {"inconsistent", 422},
    [WITNESS_FORKED] = {"forked", 422},
};

/* A request, its checkpoint taken apart, and the log it is of. */
struct job {
    struct hm_add_checkpoint add;
    struct hm_checkpoint_parts p;
    struct hm_buf log_lines; /* verified signatures of the log */
    struct witness_log *log;
    uint64_t now_s;
};

static struct witness_log *find_log(struct witness *w, const char *origin)
{
    for (size_t i = 0; i < w->log_count; i++)
        if (strcmp(w->logs[i].config->origin, origin) == 0)
            return &w->logs[i];
    return NULL;
}

/* Everything that can be said without looking at the state. */
static enum witness_verdict authenticate(struct witness *w, struct hm_bytes request, struct job *j,
                                         struct hm_why *why)
{
    if (hm_add_checkpoint_parse(request, &j->add, why) != HM_OK ||
        hm_checkpoint_split(j->add.note, true, &j->p, why) != HM_OK)
        return WITNESS_MALFORMED;
    const struct hm_checkpoint *c = &j->p.checkpoint;
    if (j->p.body.len > WITNESS_BODY_MAX) {
        (void)hm_fail(why, HM_E_LIMIT, "checkpoint: a text of more than %d bytes",
                      WITNESS_BODY_MAX);
        return WITNESS_MALFORMED;
    }
    j->log = find_log(w, c->origin);
    if (j->log == NULL) {
        (void)hm_fail(why, HM_E_NOT_FOUND, "this witness does not watch the log %s", c->origin);
        return WITNESS_UNKNOWN;
    }
    enum hm_err err = hm_checkpoint_verify(&j->p, j->log->config->keys, j->log->config->key_count,
                                           &j->log_lines, why);
    if (err != HM_OK)
        return err == HM_E_SIGNATURE ? WITNESS_NOT_SIGNED : WITNESS_MALFORMED;
    if (j->add.old_size <= c->size)
        return WITNESS_COSIGNED;
    (void)hm_fail(why, HM_E_MALFORMED, "old size %" PRIu64 " is above the checkpoint's, %" PRIu64,
                  j->add.old_size, c->size);
    return WITNESS_BEYOND;
}

/* Does it extend what was cosigned? The caller holds the lock. */
static enum witness_verdict compare(const struct job *j, struct hm_why *why)
{
    const struct hm_checkpoint *c = &j->p.checkpoint;
    const struct hm_checkpoint *last = &j->log->last;
    if (j->add.old_size != last->size)
        return WITNESS_ELSEWHERE;
    if (hm_merkle_check_consistency(last->size, &last->root, c->size, &c->root, &j->add.path) ==
        HM_OK)
        return WITNESS_COSIGNED;
    if (c->size == last->size && c->size > 0 && !hm_digest_eq(&c->root, &last->root)) {
        (void)hm_fail(why, HM_E_HISTORY,
                      "size %" PRIu64 " was cosigned with another root: this log has two histories",
                      c->size);
        return WITNESS_FORKED;
    }
    (void)hm_fail(why, HM_E_HISTORY,
                  "no proof that the checkpoint of size %" PRIu64
                  " extends the one of size %" PRIu64 " that was cosigned",
                  c->size, last->size);
    return WITNESS_INCONSISTENT;
}

/* Cosigns, makes the checkpoint durable, and only then lets the line out. The caller holds the
 * lock. */
static enum witness_verdict cosign(const struct witness *w, struct job *j, struct hm_buf *out,
                                   struct hm_why *why)
{
    HM_BUF_AUTO line = {.limit = HM_COSIGNED_MAX};
    HM_BUF_AUTO note = {.limit = HM_NOTE_MAX};
    if (j->now_s == 0 || j->now_s > HM_COSIGNATURE_TIME_MAX || j->now_s < j->log->last_time_s) {
        (void)hm_fail(why, HM_E_UNAVAILABLE,
                      "the clock is not set, or behind the last cosignature");
        return WITNESS_FAILED;
    }
    enum hm_err err = witness_key_cosign(w->key, j->now_s, j->p.body, &line, why);
    if (err == HM_OK) {
        witness_note(j->p.body, hm_buf_bytes(&j->log_lines), hm_buf_bytes(&line), &note);
        err = hm_buf_err(&note);
    }
    if (err == HM_OK)
        err = witness_log_save(j->log, &j->p.checkpoint, j->now_s, hm_buf_bytes(&note), why);
    if (err != HM_OK)
        return WITNESS_FAILED;
    hm_buf_put(out, line.data, line.len);
    return WITNESS_COSIGNED;
}

/* Both sides of a fork, for whoever will ask; once for each log, so that the disk does not fill. */
static void keep_evidence(const struct witness *w, const struct job *j, struct hm_bytes ours)
{
    HM_BUF_AUTO path = {.limit = 4096};
    HM_BUF_AUTO both = {.limit = 2 * HM_NOTE_MAX + 1};
    struct hm_why why = {""};
    if (witness_log_path(w->config->state_dir, j->log, ".fork", &path, &why) != HM_OK ||
        access(hm_buf_str(&path), F_OK) == 0)
        return;
    hm_buf_put(&both, ours.data, ours.len);
    hm_buf_putc(&both, '\n');
    witness_note(j->p.body, hm_buf_bytes(&j->log_lines), hm_bytes_of(NULL, 0), &both);
    if (hm_buf_err(&both) == HM_OK &&
        hm_file_write_atomic(hm_buf_str(&path), hm_buf_bytes(&both), 0600, &why) == HM_OK)
        proc_log(WITNESS_PROGRAM, PROC_ERROR,
                 "%s: FORKED: two signed checkpoints of size %" PRIu64 ", kept in %s",
                 j->log->config->origin, j->p.checkpoint.size, hm_buf_str(&path));
    else
        proc_log(WITNESS_PROGRAM, PROC_ERROR, "%s: forked, and the evidence cannot be kept: %s",
                 j->log->config->origin, why.text);
}

/* Strangers decide how often a thing happens, so the journal hears of a log once in a while. */
static bool may_say(struct witness_log *l)
{
    int64_t now = hm_clock_mono_ms();
    int64_t next = atomic_load_explicit(&l->say_next_ms, memory_order_relaxed);
    return now >= next &&
           atomic_compare_exchange_strong(&l->say_next_ms, &next, now + SAY_EVERY_MS);
}

static void say(enum witness_verdict v, struct witness_log *l, const struct hm_why *why)
{
    if (v == WITNESS_FAILED && may_say(l))
        proc_log(WITNESS_PROGRAM, PROC_ERROR, "%s: not cosigned: %s", l->config->origin, why->text);
    if (v == WITNESS_INCONSISTENT && may_say(l))
        proc_log(WITNESS_PROGRAM, PROC_WARNING, "%s: refused: %s", l->config->origin, why->text);
}

/* Compare and swap: between the comparison and the new state nobody else comes in. */
static enum witness_verdict decide(const struct witness *w, struct job *j, struct hm_buf *out,
                                   struct hm_why *why)
{
    HM_BUF_AUTO ours = {.limit = HM_NOTE_MAX};
    struct witness_log *l = j->log;
    (void)pthread_mutex_lock(&l->lock);
    enum witness_verdict v = compare(j, why);
    if (v == WITNESS_COSIGNED)
        v = cosign(w, j, out, why);
    else if (v == WITNESS_ELSEWHERE)
        hm_buf_printf(out, "%" PRIu64 "\n", l->last.size);
    else if (v == WITNESS_FORKED)
        hm_buf_put(&ours, l->note.data, l->note.len);
    (void)pthread_mutex_unlock(&l->lock);
    if (v == WITNESS_FORKED)
        keep_evidence(w, j, hm_buf_bytes(&ours));
    if (v == WITNESS_COSIGNED || v == WITNESS_FAILED)
        atomic_store_explicit(&l->failing, v == WITNESS_FAILED, memory_order_relaxed);
    say(v, l, why);
    return v;
}

enum witness_verdict witness_add(struct witness *w, struct hm_bytes request, uint64_t now_s,
                                 struct hm_buf *body)
{
    struct job j = {.log_lines = {.limit = HM_NOTE_MAX}, .now_s = now_s};
    struct hm_why why = {""};
    enum witness_verdict v = authenticate(w, request, &j, &why);
    if (v == WITNESS_COSIGNED)
        v = decide(w, &j, body, &why);
    if (v == WITNESS_FAILED) /* why is the operator's business */
        hm_buf_puts(body, "this witness cannot cosign now\n");
    else if (v != WITNESS_COSIGNED && v != WITNESS_ELSEWHERE)
        hm_buf_printf(body, "%s\n", why.text);
    if (j.log != NULL)
        (void)atomic_fetch_add_explicit(&j.log->count[v], 1, memory_order_relaxed);
    hm_buf_free(&j.log_lines);
    return v;
}
