/* The follower: takes records from the registrar's stream, proves that they are the ones under the
 * log's signed checkpoint, and only then applies them. One thread. */
#include "server/door/door_model_priv.h"

#include "schema/io/hm_clock.h"
#include "schema/io/hm_file.h"
#include "server/door/door.h"
#include "server/ipc/ipc_conn.h"
#include "server/ipc/ipc_msg.h"
#include "server/ipc/ipc_ops.h"
#include "server/ipc/proc_log.h"
#include "server/ipc/proc_thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 10000 /* the registrar's long poll */
#define REST_MS 100   /* between batches while nobody waits: larger batches, less work */
/* Before the next attempt while the registrar is away: a quarter of the time it has been, within
 * these. */
#define AGAIN_MIN_MS 4
#define AGAIN_MAX_MS 500
#define SUSPECT_MS 5000 /* before the next one after it said something that does not verify */
#define VKEY_LINE_MAX 512
#define NEARLY 1024 /* records: from here on the model is shown while it catches up */

struct batch {
    uint64_t first;
    struct hm_bytes *record; /* REG_RECORDS_MAX of them */
    size_t count;
    struct hm_bytes *notes; /* as many: checkpoints over sizes that the records reach */
    size_t note_count;
    struct hm_bytes note;
    struct hm_bytes cosigned; /* empty: none */
    struct hm_checkpoint checkpoint;
    struct hm_frontier after; /* the tree with this batch in it */
};

/* Rests until time is over, somebody waits for records, or the end. */
static void rest(struct door_model *m, int64_t ms, bool until_wanted)
{
    struct timespec until = hm_clock_deadline(ms);
    (void)pthread_mutex_lock(&m->lock);
    while (!atomic_load(&m->stopping) && !(until_wanted && m->waiting > 0))
        if (pthread_cond_timedwait(&m->changed, &m->lock, &until) != 0)
            break;
    (void)pthread_mutex_unlock(&m->lock);
}

static enum hm_err call(struct door_model *m, int sock, uint16_t op, const struct hm_buf *frame,
                        int64_t extra_ms, struct hm_buf *reply, struct hm_why *why)
{
    bool broken = false;
    return ipc_call(sock, op, hm_buf_bytes(frame), -1, reply, NULL,
                    hm_clock_mono_ms() + m->c.registrar_timeout_ms + extra_ms, &broken, why);
}

static enum hm_err greet(struct door_model *m, int sock, struct hm_buf *reply, struct hm_why *why)
{
    HM_BUF_AUTO frame = {.limit = 64};
    char origin[HM_ORIGIN_MAX + 1];
    char line[VKEY_LINE_MAX];
    struct hm_vkey key;
    struct ipc_in in;
    ipc_put_u64(&frame, IPC_PROTOCOL);
    enum hm_err err = call(m, sock, REG_HELLO, &frame, 0, reply, why);
    if (err != HM_OK)
        return err;
    ipc_in_begin(&in, hm_buf_bytes(reply));
    ipc_get_str(&in, origin, sizeof origin);
    ipc_get_str(&in, line, sizeof line);
    err = ipc_in_end(&in, why);
    if (err == HM_OK)
        err = hm_vkey_parse(hm_bytes_str(line), &key, why);
    if (err == HM_OK && strcmp(origin, key.name) != 0)
        err = hm_fail(why, HM_E_MALFORMED, "the log key's name is not the log's origin");
    if (err == HM_OK)
        err = door_pin_check(m->c.query_db, hm_bytes_str(line), why);
    if (err != HM_OK)
        return err;
    (void)pthread_mutex_lock(&m->lock);
    m->key = key;
    m->have_key = true;
    (void)pthread_mutex_unlock(&m->lock);
    return HM_OK;
}

static enum hm_err fetch(struct door_model *m, int sock, struct hm_buf *reply, struct batch *b,
                         struct hm_why *why)
{
    HM_BUF_AUTO frame = {.limit = 64};
    struct ipc_in in;
    /* The first answer on a connection says whether we agree; only then is there something to wait
     * for. */
    int64_t wait_ms = m->up ? WAIT_MS : 0; /* this thread alone writes it */
    b->first = db_query_writer_size(m->writer);
    ipc_put_u64(&frame, b->first);
    ipc_put_u64(&frame, REG_RECORDS_MAX);
    ipc_put_u64(&frame, (uint64_t)wait_ms);
    enum hm_err err = call(m, sock, REG_RECORDS, &frame, wait_ms, reply, why);
    if (err != HM_OK)
        return err;
    ipc_in_begin(&in, hm_buf_bytes(reply));
    uint64_t size = ipc_get_u64(&in);
    b->note = ipc_get_bytes(&in, HM_CHECKPOINT_MAX);
    b->cosigned = ipc_get_bytes(&in, HM_CHECKPOINT_MAX);
    b->count = ipc_get_count(&in, REG_RECORDS_MAX);
    for (size_t i = 0; i < b->count; i++)
        b->record[i] = ipc_get_bytes(&in, HM_RECORD_MAX);
    b->note_count = ipc_get_count(&in, REG_RECORDS_MAX);
    for (size_t i = 0; i < b->note_count; i++)
        b->notes[i] = ipc_get_bytes(&in, HM_CHECKPOINT_MAX);
    err = ipc_in_end(&in, why);
    if (err == HM_OK)
        err = hm_checkpoint_open(b->note, &m->key, &b->checkpoint, why);
    if (err == HM_OK && b->checkpoint.size != size)
        err = hm_fail(why, HM_E_HISTORY, "a checkpoint over %llu records came as one over %llu",
                      (unsigned long long)b->checkpoint.size, (unsigned long long)size);
    return err;
}

static enum hm_err fetch_path(struct door_model *m, int sock, uint64_t old, uint64_t size,
                              struct hm_path *out, struct hm_why *why)
{
    HM_BUF_AUTO frame = {.limit = 64};
    HM_BUF_AUTO reply = {.limit = 65536};
    struct ipc_in in;
    ipc_put_u64(&frame, old);
    ipc_put_u64(&frame, size);
    enum hm_err err = call(m, sock, REG_CONSISTENCY, &frame, 0, &reply, why);
    if (err != HM_OK)
        return err;
    ipc_in_begin(&in, hm_buf_bytes(&reply));
    out->count = ipc_get_digests(&in, out->hash, HM_PROOF_HASHES_MAX);
    return ipc_in_end(&in, why);
}

/* The tree that we hold plus the batch must be the checkpoint's tree, or provably its beginning. */
static enum hm_err prove(struct door_model *m, int sock, struct batch *b, struct hm_why *why)
{
    const struct hm_checkpoint *cp = &b->checkpoint;
    db_query_writer_frontier(m->writer, &b->after);
    if (cp->size < b->first)
        return hm_fail(why, HM_E_HISTORY,
                       "the registrar shows a log of %llu records after one of %llu was seen",
                       (unsigned long long)cp->size, (unsigned long long)b->first);
    if (b->count > cp->size - b->first || (b->count == 0 && cp->size > b->first))
        return hm_fail(why, HM_E_HISTORY,
                       "%zu records came where the checkpoint has %llu more than the read model",
                       b->count, (unsigned long long)(cp->size - b->first));
    for (size_t i = 0; i < b->count; i++) {
        struct hm_digest leaf = hm_merkle_leaf(b->record[i]);
        (void)hm_frontier_add(&b->after, &leaf, NULL);
    }
    struct hm_digest root = hm_frontier_root(&b->after);
    bool same = b->after.size == cp->size && hm_digest_eq(&root, &cp->root);
    if (!same && b->after.size < cp->size) {
        struct hm_path path;
        enum hm_err err = fetch_path(m, sock, b->after.size, cp->size, &path, why);
        if (err != HM_OK)
            return err;
        same =
            hm_merkle_check_consistency(b->after.size, &root, cp->size, &cp->root, &path) == HM_OK;
    }
    if (same)
        return HM_OK;
    return hm_fail(why, HM_E_HISTORY,
                   "the records %llu to %llu do not give the root of the log's signed checkpoint "
                   "over %llu; none of them is shown",
                   (unsigned long long)b->first, (unsigned long long)b->after.size,
                   (unsigned long long)cp->size);
}

/* The newest checkpoint is not stored until the next batch of the log; where the records reach it,
 * it takes its place among those that came with them. */
static void take_newest(struct batch *b)
{
    struct hm_checkpoint_parts last;
    if (b->after.size != b->checkpoint.size)
        return;
    if (b->note_count > 0 &&
        hm_checkpoint_split(b->notes[b->note_count - 1], false, &last, NULL) == HM_OK &&
        last.checkpoint.size == b->checkpoint.size)
        b->note_count--;
    b->notes[b->note_count++] = b->note;
}

static enum hm_err apply(struct door_model *m, struct batch *b, struct hm_why *why)
{
    if (b->count == 0)
        return HM_OK;
    take_newest(b);
    return db_query_apply(m->writer,
                          &(struct db_query_batch){.records = b->record,
                                                   .count = b->count,
                                                   .notes = b->notes,
                                                   .note_count = b->note_count},
                          why);
}

static void publish(struct door_model *m, const struct batch *b)
{
    (void)pthread_mutex_lock(&m->lock);
    m->size = b->after.size;
    m->registrar_size = b->checkpoint.size;
    if (b->after.size == b->checkpoint.size) {
        memcpy(m->note, b->note.data, b->note.len);
        m->note_len = b->note.len;
        m->noted = b->checkpoint;
    }
    bool shown = m->verified && !m->mismatch;
    if (!shown && b->checkpoint.size - b->after.size <= NEARLY) {
        proc_log(DOOR_PROGRAM, PROC_INFO, "read model agrees with the log at %llu records",
                 (unsigned long long)m->size);
        m->verified = true;
    }
    m->mismatch = false;
    m->up = true;
    if (m->verified)
        m->reason[0] = '\0';
    else
        (void)snprintf(m->reason, sizeof m->reason, "catching up: %llu of %llu records",
                       (unsigned long long)m->size, (unsigned long long)b->checkpoint.size);
    (void)pthread_cond_broadcast(&m->changed);
    (void)pthread_mutex_unlock(&m->lock);
}

static enum hm_err follow(struct door_model *m, int sock, struct hm_why *why)
{
    HM_BUF_AUTO reply = {.limit = IPC_FRAME_MAX};
    HM_FREE struct hm_bytes *lists = calloc(2 * REG_RECORDS_MAX + 1, sizeof *lists);
    if (lists == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for a batch of records");
    enum hm_err err = greet(m, sock, &reply, why);
    if (err == HM_OK && m->writer == NULL)
        err = db_query_writer_open(m->c.query_db, m->key.name, &m->writer, why);
    while (err == HM_OK && !atomic_load(&m->stopping)) {
        struct batch b = {.record = lists, .notes = lists + REG_RECORDS_MAX};
        err = fetch(m, sock, &reply, &b, why);
        if (err == HM_OK)
            err = prove(m, sock, &b, why);
        if (err == HM_OK)
            err = apply(m, &b, why);
        if (err != HM_OK)
            break;
        publish(m, &b);
        door_model_take_cosigned(m, b.cosigned);
        if (b.count > 0 && b.count < REG_RECORDS_MAX)
            rest(m, REST_MS, true);
    }
    return err;
}

/* The peer is away: what was verified may still be shown. Anything else: it may not. */
static bool is_absence(enum hm_err err)
{
    return err == HM_OK || err == HM_E_UNAVAILABLE || err == HM_E_TIMEOUT;
}

static void trouble(struct door_model *m, enum hm_err err, const struct hm_why *why)
{
    (void)pthread_mutex_lock(&m->lock);
    bool news = strcmp(m->reason, why->text) != 0 || m->up;
    m->up = false;
    if (!is_absence(err))
        m->mismatch = true;
    if (!(m->mismatch && is_absence(err)))
        (void)snprintf(m->reason, sizeof m->reason, "%s", why->text);
    (void)pthread_cond_broadcast(&m->changed);
    (void)pthread_mutex_unlock(&m->lock);
    if (news)
        proc_log(DOOR_PROGRAM, is_absence(err) ? PROC_WARNING : PROC_ERROR, "read model: %s: %s",
                 hm_err_name(err), why->text);
}

static void set_sock(struct door_model *m, int sock)
{
    (void)pthread_mutex_lock(&m->lock);
    m->sock = sock;
    (void)pthread_mutex_unlock(&m->lock);
}

static int64_t pause_ms(int64_t away_ms)
{
    int64_t ms = away_ms / 4;
    if (ms < AGAIN_MIN_MS)
        return AGAIN_MIN_MS;
    return ms < AGAIN_MAX_MS ? ms : AGAIN_MAX_MS;
}

void *door_follow_main(void *model)
{
    struct door_model *m = model;
    proc_thread_gives_way();
    int64_t away_since_ms = hm_clock_mono_ms();
    while (!atomic_load(&m->stopping)) {
        struct hm_why why = {.text = ""};
        int sock = -1;
        enum hm_err err = ipc_connect(m->c.registrar_socket, &sock, &why);
        if (err == HM_OK) {
            set_sock(m, sock);
            err = follow(m, sock, &why);
            set_sock(m, -1);
            hm_close_fd(&sock);
        }
        if (atomic_load(&m->stopping))
            break;
        if (m->up)
            away_since_ms = hm_clock_mono_ms();
        trouble(m, err, &why);
        rest(m, is_absence(err) ? pause_ms(hm_clock_mono_ms() - away_since_ms) : SUSPECT_MS, false);
    }
    db_query_writer_close(m->writer);
    return NULL;
}
