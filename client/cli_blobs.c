/* Reading and hashing evidence ahead, on a thread of its own: two batches go to and fro. */
#include "client/cli_rows.h"

#include <pthread.h>
#include <stdlib.h>

#define BATCH 512

struct batch {
    struct cli_blob of[BATCH];
    size_t count;
    bool last;       /* nothing comes behind it */
    enum hm_err err; /* why, where it did not end by itself */
    struct hm_why why;
    bool full; /* the reader's; else the hasher's */
};
struct cli_blobs {
    const struct cli_rows *rows;
    bool thread;
    pthread_t id;
    pthread_mutex_t lock;
    pthread_cond_t turn;
    bool stop;
    struct batch batch[2];
    unsigned now; /* the batch that is being read */
    size_t at;
};

static enum hm_err hash_next(const struct cli_rows *rows, struct cli_blob *out, struct hm_why *why)
{
    struct db_scan_row row = {.key = 0};
    *out = (struct cli_blob){.found = false};
    enum hm_err err = rows->next(rows->ctx, DB_SCAN_EVIDENCE, &row, &out->found, why);
    if (err == HM_OK && out->found) {
        out->ref = row.key;
        out->digest = hm_sha256(row.bytes);
    }
    return err;
}

/* ---- on the thread ---- */

static void fill(const struct cli_rows *rows, struct batch *b)
{
    b->count = 0;
    b->err = HM_OK;
    b->last = false;
    while (b->count < BATCH && !b->last) {
        struct cli_blob *blob = &b->of[b->count];
        b->err = hash_next(rows, blob, &b->why);
        b->last = b->err != HM_OK || !blob->found;
        b->count += b->last ? 0 : 1;
    }
}

static void *hash_all(void *arg)
{
    struct cli_blobs *b = arg;
    bool last = false;
    (void)pthread_mutex_lock(&b->lock);
    for (unsigned i = 0; !last && !b->stop; i ^= 1) {
        while (b->batch[i].full && !b->stop)
            (void)pthread_cond_wait(&b->turn, &b->lock);
        (void)pthread_mutex_unlock(&b->lock);
        fill(b->rows, &b->batch[i]);
        last = b->batch[i].last;
        (void)pthread_mutex_lock(&b->lock);
        b->batch[i].full = true;
        (void)pthread_cond_signal(&b->turn);
    }
    (void)pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* ---- the reader's ---- */

enum hm_err cli_blobs_open(const struct cli_rows *rows, bool thread, struct cli_blobs **out,
                           struct hm_why *why)
{
    struct cli_blobs *b = calloc(1, sizeof *b);
    if (b == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    b->rows = rows;
    b->thread = thread;
    (void)pthread_mutex_init(&b->lock, NULL);
    (void)pthread_cond_init(&b->turn, NULL);
    if (thread && pthread_create(&b->id, NULL, hash_all, b) != 0) {
        b->thread = false;
        cli_blobs_close(b);
        return hm_fail(why, HM_E_INTERNAL, "cannot start a thread");
    }
    *out = b;
    return HM_OK;
}

void cli_blobs_close(struct cli_blobs *b)
{
    if (b == NULL)
        return;
    (void)pthread_mutex_lock(&b->lock);
    b->stop = true;
    (void)pthread_cond_signal(&b->turn);
    (void)pthread_mutex_unlock(&b->lock);
    if (b->thread)
        (void)pthread_join(b->id, NULL);
    (void)pthread_cond_destroy(&b->turn);
    (void)pthread_mutex_destroy(&b->lock);
    free(b);
}

/* Gives the batch that was read back, and waits for the other one. */
static void turn(struct cli_blobs *b)
{
    (void)pthread_mutex_lock(&b->lock);
    if (b->at > 0) {
        b->batch[b->now].full = false;
        b->now ^= 1;
        b->at = 0;
        (void)pthread_cond_signal(&b->turn);
    }
    while (!b->batch[b->now].full)
        (void)pthread_cond_wait(&b->turn, &b->lock);
    (void)pthread_mutex_unlock(&b->lock);
}

enum hm_err cli_blobs_next(struct cli_blobs *b, struct cli_blob *out, struct hm_why *why)
{
    const struct batch *batch = &b->batch[b->now];
    if (!b->thread)
        return hash_next(b->rows, out, why);
    if (b->at == 0 || (b->at == batch->count && !batch->last)) {
        turn(b);
        batch = &b->batch[b->now];
    }
    if (b->at < batch->count) {
        *out = batch->of[b->at++];
        return HM_OK;
    }
    *out = (struct cli_blob){.found = false};
    if (batch->err != HM_OK)
        return hm_fail(why, batch->err, "%s", batch->why.text);
    return HM_OK;
}
