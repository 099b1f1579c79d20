/* Checkpoints. What the sequencer has committed is put under one by a thread of its own, so that
 * the next batch is decided and written meanwhile. One at a time. Once the signer has stored and
 * signed it, a checkpoint counts: it is published and the jobs under it are done. The log's own
 * copy of the note is written with the next batch; after a crash in between the signer still has
 * it. */
#include "server/registrar/reg_seq_priv.h"

#include "schema/core/hm_text.h"
#include "schema/core/hm_wire.h"
#include "schema/io/hm_clock.h"

#include <string.h>

/* The device's checks will ask for this very signature again in a moment. Only a note with a single
 * signature line: of several, nobody has verified the others. */
static void remember_signature(const struct reg_seq *s, const struct hm_buf *note)
{
    HM_BUF_AUTO sig = {.limit = 256};
    const char *text = (const char *)note->data;
    const char *blank = memmem(text, note->len, "\n\n", 2);
    const char *space = memrchr(text, ' ', note->len);
    const struct hm_key *key = &s->world->genesis.log_key.key;
    if (blank == NULL || space == NULL || text[note->len - 1] != '\n' ||
        memchr(blank + 2, '\n', note->len - (size_t)(blank + 2 - text)) != text + note->len - 1)
        return;
    struct hm_bytes encoded = hm_bytes_of(space + 1, note->len - (size_t)(space + 1 - text) - 1);
    if (hm_unbase64(encoded, &sig) != HM_OK || sig.len != 4 + 64)
        return;
    struct hm_digest m = reg_memo_signature(HM_COSE_ED25519, hm_bytes_of(key->raw, key->raw_len),
                                            hm_bytes_of(text, (size_t)(blank + 1 - text)),
                                            hm_bytes_of(sig.data + 4, 64));
    reg_memo_add(s->memo, &m);
}

/* ---- on the checkpoint's thread ---- */

static void publish(struct reg_seq *s, const struct reg_cover *c, const struct hm_buf *note)
{
    (void)pthread_mutex_lock(&s->lock);
    s->head.size = c->asked.size;
    s->head.root = c->asked.root;
    memcpy(s->head.note, note->data, note->len);
    s->head.note_len = note->len;
    s->has_head = true;
    s->committed = c->asked.size;
    if (s->unstored_count == REG_UNSTORED_MAX) /* cannot be: each batch stores what is there */
        s->unstored_count--;
    struct reg_note *n = &s->unstored[s->unstored_count++];
    n->size = c->asked.size;
    n->len = note->len;
    memcpy(n->text, note->data, note->len);
    s->store_ms = hm_clock_mono_ms() + REG_STORE_MS;
    (void)pthread_cond_broadcast(&s->published);
    (void)pthread_mutex_unlock(&s->lock);
}

static enum hm_err cover(struct reg_seq *s, struct reg_cover *c, struct hm_why *why)
{
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX};
    if (c->asked.call.sock < 0) /* nothing new to cover */
        return HM_OK;
    enum hm_err err = reg_signer_take(s->signer, &c->asked, &s->world->genesis.log_key, &note, why);
    if (err != HM_OK)
        return err;
    remember_signature(s, &note);
    publish(s, c, &note);
    return HM_OK;
}

static void done(struct reg_seq *s, enum hm_err err, const struct hm_why *why)
{
    struct reg_job *jobs = s->cover.jobs;
    struct hm_why text = {""};
    if (err != HM_OK)
        (void)hm_fail(&text, HM_E_TIMEOUT,
                      "recorded, but not yet confirmed by the signer (%s); ask again with the same "
                      "Idempotency-Key",
                      why->text);
    reg_seq_finish(s, jobs, err == HM_OK ? HM_OK : HM_E_TIMEOUT, &text);
    (void)pthread_mutex_lock(&s->lock);
    s->covering = false;
    s->cover_err = err;
    s->cover_why = *why;
    (void)pthread_cond_broadcast(&s->covered);
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_cond_signal(&s->work);
}

void *reg_seq_cover_main(void *arg)
{
    struct reg_seq *s = arg;
    (void)pthread_mutex_lock(&s->lock);
    while (!s->cover_stop || s->covering) {
        if (!s->covering) {
            (void)pthread_cond_wait(&s->covered, &s->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&s->lock);
        struct hm_why why = {""};
        enum hm_err err = cover(s, &s->cover, &why);
        done(s, err, &why);
        (void)pthread_mutex_lock(&s->lock);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- on the sequencer's ---- */

enum hm_err reg_seq_cover_wait(struct reg_seq *s, struct hm_why *why)
{
    (void)pthread_mutex_lock(&s->lock);
    while (s->covering)
        (void)pthread_cond_wait(&s->covered, &s->lock);
    enum hm_err err = s->cover_err;
    if (err != HM_OK)
        (void)hm_fail(why, err, "%s", s->cover_why.text);
    (void)pthread_mutex_unlock(&s->lock);
    return err;
}

void reg_seq_cover_reset(struct reg_seq *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->cover_err = HM_OK;
    (void)pthread_mutex_unlock(&s->lock);
}

/* Paths are made here, where the tree's newest nodes are at hand. */
static void make_paths(struct reg_seq *s, struct reg_job *jobs, uint64_t size)
{
    for (struct reg_job *j = jobs; j != NULL; j = j->next) {
        j->result.log_size = size;
        j->has_path = j->path != NULL && j->result.has_record &&
                      hm_merkle_inclusion(j->result.record, size, db_log_node, s->log, j->path,
                                          NULL) == HM_OK;
    }
}

/* The signer begins at once; the checkpoint's thread waits for what it says. */
static enum hm_err ask(struct reg_seq *s, uint64_t size, struct hm_why *why)
{
    struct hm_path path;
    struct hm_digest root = db_log_root(s->log);
    enum hm_err err = hm_merkle_consistency(s->signer_size, size, db_log_node, s->log, &path, why);
    return err == HM_OK
               ? reg_signer_ask(s->signer, size, &root, s->signer_size, &path, &s->cover.asked, why)
               : err;
}

enum hm_err reg_seq_cover(struct reg_seq *s, struct reg_job *jobs, struct hm_why *why)
{
    uint64_t size = db_log_size(s->log);
    make_paths(s, jobs, size);
    enum hm_err err = reg_seq_cover_wait(s, why);
    if (err != HM_OK)
        return err;
    s->cover.jobs = jobs;
    s->cover.asked.call.sock = -1;
    if (!s->has_head || s->head.size != size) /* nobody else publishes now */
        err = ask(s, size, why);
    if (err != HM_OK)
        return err;
    s->signer_size = size;
    (void)pthread_mutex_lock(&s->lock);
    s->covering = true;
    (void)pthread_cond_broadcast(&s->covered);
    (void)pthread_mutex_unlock(&s->lock);
    return HM_OK;
}

static size_t unstored(struct reg_seq *s, struct reg_note out[static REG_UNSTORED_MAX])
{
    (void)pthread_mutex_lock(&s->lock);
    size_t n = s->unstored_count;
    memcpy(out, s->unstored, n * sizeof out[0]);
    (void)pthread_mutex_unlock(&s->lock);
    return n;
}

enum hm_err reg_seq_store_notes(struct reg_seq *s, size_t *count, struct hm_why *why)
{
    struct reg_note notes[REG_UNSTORED_MAX];
    enum hm_err err = HM_OK;
    *count = unstored(s, notes);
    for (size_t i = 0; i < *count && err == HM_OK; i++)
        if (notes[i].size > db_log_covered(s->log))
            err = db_log_put_checkpoint(s->log, notes[i].size,
                                        hm_bytes_of(notes[i].text, notes[i].len), why);
    return err;
}

void reg_seq_notes_stored(struct reg_seq *s, size_t count)
{
    (void)pthread_mutex_lock(&s->lock);
    s->unstored_count -= count;
    memmove(s->unstored, s->unstored + count, s->unstored_count * sizeof s->unstored[0]);
    (void)pthread_mutex_unlock(&s->lock);
}
