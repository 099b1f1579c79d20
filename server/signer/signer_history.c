/* The order that matters: prove, sign, write, sync, and only then let the note go. */
#include "server/signer/signer_history.h"

#include "server/ipc/ipc_ops.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MAX_LOG HM_NUMBER_MAX

struct signed_root {
    uint64_t size;
    struct hm_digest root;
};

struct signer_history {
    struct signer_history_config c;
    pthread_mutex_t turn; /* state; held across HSM and disk */
    struct signer_state *state;
    pthread_mutex_t lock; /* what follows; held shortly. Order: turn, lock */
    struct signer_last last;
    struct signed_root recent[SIGNER_RECENT_MAX];
    size_t recent_count; /* all that were ever added; the newest is at (count - 1) % MAX */
};

enum hm_err signer_history_open(const struct signer_history_config *c, struct signer_history **out,
                                bool *torn, struct hm_why *why)
{
    HM_BUF_AUTO line = {.limit = 512};
    struct signer_history *h = calloc(1, sizeof *h);
    if (h == NULL || pthread_mutex_init(&h->turn, NULL) != 0 ||
        pthread_mutex_init(&h->lock, NULL) != 0) {
        free(h);
        return hm_fail(why, HM_E_MEMORY, "no memory for the history");
    }
    h->c = *c;
    hm_vkey_write(c->log_key, &line);
    struct hm_digest id = hm_sha256(hm_buf_bytes(&line));
    enum hm_err err = signer_state_open(c->state_dir, &id, &h->state, &h->last, torn, why);
    if (err != HM_OK) {
        signer_history_close(h);
        return err;
    }
    *out = h;
    return HM_OK;
}

void signer_history_close(struct signer_history *h)
{
    if (h == NULL)
        return;
    signer_state_close(h->state);
    (void)pthread_mutex_destroy(&h->lock);
    (void)pthread_mutex_destroy(&h->turn);
    free(h);
}

void signer_history_last(struct signer_history *h, struct signer_last *out)
{
    (void)pthread_mutex_lock(&h->lock);
    *out = h->last;
    (void)pthread_mutex_unlock(&h->lock);
}

bool signer_history_root(struct signer_history *h, uint64_t size, struct hm_digest *root)
{
    bool found = false;
    (void)pthread_mutex_lock(&h->lock);
    if (h->last.note_len > 0 && h->last.size == size) {
        *root = h->last.root;
        found = true;
    }
    size_t n = h->recent_count < SIGNER_RECENT_MAX ? h->recent_count : SIGNER_RECENT_MAX;
    for (size_t i = 0; i < n && !found; i++)
        if (h->recent[i].size == size) {
            *root = h->recent[i].root;
            found = true;
        }
    (void)pthread_mutex_unlock(&h->lock);
    return found;
}

static void remember(struct signer_history *h, const struct signer_last *next)
{
    (void)pthread_mutex_lock(&h->lock);
    if (h->last.note_len > 0)
        h->recent[h->recent_count++ % SIGNER_RECENT_MAX] =
            (struct signed_root){h->last.size, h->last.root};
    h->last = *next;
    (void)pthread_mutex_unlock(&h->lock);
}

static bool is_last(const struct signer_last *last, const struct signer_growth *g)
{
    return last->note_len > 0 && last->size == g->size && hm_digest_eq(&last->root, &g->root);
}

static enum hm_err check_growth(const struct signer_last *last, const struct signer_growth *g,
                                struct hm_why *why)
{
    if (g->size > SIZE_MAX_LOG)
        return hm_fail(why, HM_E_LIMIT, "a log of %" PRIu64 " records is larger than any", g->size);
    if (g->size < last->size)
        return hm_fail(why, HM_E_HISTORY,
                       "the log was cut or rolled back: asked to sign size %" PRIu64
                       ", but size %" PRIu64 " was signed already",
                       g->size, last->size);
    if (g->size == last->size && !hm_digest_eq(&g->root, &last->root))
        return hm_fail(why, HM_E_HISTORY,
                       "the log was forked: another root was signed for size %" PRIu64, g->size);
    if (g->old != last->size)
        return hm_fail(why, HM_E_HISTORY,
                       "the proof begins at size %" PRIu64 ", but size %" PRIu64
                       " was signed last: prove from there",
                       g->old, last->size);
    if (hm_merkle_check_consistency(last->size, &last->root, g->size, &g->root, &g->proof) != HM_OK)
        return hm_fail(why, HM_E_HISTORY,
                       "the log does not extend the one that was signed: the proof from size "
                       "%" PRIu64 " to %" PRIu64 " does not hold",
                       last->size, g->size);
    return HM_OK;
}

static enum hm_err make_note(struct signer_history *h, const struct signer_growth *g,
                             struct signer_last *next, struct hm_why *why)
{
    struct hm_checkpoint c = {.size = g->size, .root = g->root};
    HM_BUF_AUTO body = {.limit = SIGNER_NOTE_MAX};
    HM_BUF_AUTO note = {.limit = SIGNER_NOTE_MAX};
    uint8_t sig[HSM_SIG_LEN];
    memcpy(c.origin, h->c.log_key->name, sizeof c.origin);
    hm_checkpoint_body(&c, &body);
    enum hm_err err = hm_buf_err(&body);
    if (err == HM_OK)
        err = hsm_sign(h->c.hsm, h->c.key, hm_buf_bytes(&body), sig, h->c.timeout_ms, why);
    if (err != HM_OK)
        return err;
    /* Not verified here: whoever takes a checkpoint verifies it, the registrar first of all, and
     * this key signs nothing else. */
    hm_checkpoint_note(hm_buf_bytes(&body), h->c.log_key, sig, &note);
    if (hm_buf_err(&note) != HM_OK)
        return hm_fail(why, hm_buf_err(&note), "the checkpoint does not fit");
    next->size = g->size;
    next->root = g->root;
    next->note_len = note.len;
    memcpy(next->note, note.data, note.len);
    return HM_OK;
}

/* Asked again for what was signed already, perhaps because the token's signature was no good. */
static bool verifies(const struct signer_history *h, const struct signer_last *last,
                     struct hm_why *why)
{
    struct hm_checkpoint c;
    return hm_checkpoint_open(hm_bytes_of(last->note, last->note_len), h->c.log_key, &c, why) ==
           HM_OK;
}

static enum hm_err extend(struct signer_history *h, const struct signer_growth *g,
                          struct hm_buf *note, struct hm_why *why)
{
    struct signer_last last;
    struct signer_last next = {.size = 0};
    signer_history_last(h, &last);
    if (!is_last(&last, g) || !verifies(h, &last, why)) {
        enum hm_err err = check_growth(&last, g, why);
        if (err == HM_OK)
            err = make_note(h, g, &next, why);
        if (err == HM_OK)
            err = signer_state_save(h->state, &next, why);
        if (err != HM_OK)
            return err;
        remember(h, &next);
        last = next;
    }
    hm_buf_put(note, last.note, last.note_len);
    return hm_buf_err(note);
}

enum hm_err signer_history_extend(struct signer_history *h, const struct signer_growth *g,
                                  struct hm_buf *note, struct hm_why *why)
{
    (void)pthread_mutex_lock(&h->turn);
    enum hm_err err = extend(h, g, note, why);
    (void)pthread_mutex_unlock(&h->turn);
    return err;
}
