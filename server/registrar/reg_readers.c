#include "server/registrar/reg_readers.h"

#include <pthread.h>
#include <stdlib.h>

#define READERS 4 /* SQLite has five places for readers of a WAL; more only wait for each other */
#define NODES 16384u /* entries of the node table, 48 bytes each */

struct node {
    bool full;
    unsigned level;
    uint64_t k;
    struct hm_digest hash;
};
struct reg_readers {
    const char *database;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct db_reader *idle[READERS];
    size_t idle_count;
    size_t made;
    pthread_mutex_t node_lock;
    struct node node[NODES];
};

enum hm_err reg_readers_open(const char *database, struct reg_readers **out, struct hm_why *why)
{
    struct reg_readers *r = calloc(1, sizeof *r);
    if (r == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for the read connections");
    r->database = database;
    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_mutex_init(&r->node_lock, NULL);
    (void)pthread_cond_init(&r->freed, NULL);
    *out = r;
    return HM_OK;
}

void reg_readers_close(struct reg_readers *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->idle_count; i++)
        db_reader_close(r->idle[i]);
    (void)pthread_cond_destroy(&r->freed);
    (void)pthread_mutex_destroy(&r->node_lock);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}

static void forget_one(struct reg_readers *r)
{
    (void)pthread_mutex_lock(&r->lock);
    r->made--;
    (void)pthread_cond_signal(&r->freed);
    (void)pthread_mutex_unlock(&r->lock);
}

enum hm_err reg_readers_take(struct reg_readers *r, struct db_reader **out, struct hm_why *why)
{
    struct db_reader *reader = NULL;
    enum hm_err err = HM_OK;
    (void)pthread_mutex_lock(&r->lock);
    while (r->idle_count == 0 && r->made == READERS)
        (void)pthread_cond_wait(&r->freed, &r->lock);
    if (r->idle_count > 0)
        reader = r->idle[--r->idle_count];
    else
        r->made++;
    (void)pthread_mutex_unlock(&r->lock);
    if (reader == NULL)
        err = db_reader_open(r->database, &reader, why);
    if (err == HM_OK)
        err = db_reader_begin(reader, why);
    if (err != HM_OK) {
        db_reader_close(reader);
        forget_one(r);
        return err;
    }
    *out = reader;
    return HM_OK;
}

void reg_readers_give(struct reg_readers *r, struct db_reader *reader)
{
    db_reader_end(reader);
    (void)pthread_mutex_lock(&r->lock);
    r->idle[r->idle_count++] = reader;
    (void)pthread_cond_signal(&r->freed);
    (void)pthread_mutex_unlock(&r->lock);
}

enum hm_err reg_nodes_read(void *nodes, unsigned level, uint64_t k, struct hm_digest *out,
                           struct hm_why *why)
{
    struct reg_nodes *n = nodes;
    struct reg_readers *r = n->readers;
    struct node *e = &r->node[(k * 64 + level) * UINT64_C(0x9e3779b97f4a7c15) >> 50];
    (void)pthread_mutex_lock(&r->node_lock);
    bool hit = e->full && e->level == level && e->k == k;
    if (hit)
        *out = e->hash;
    (void)pthread_mutex_unlock(&r->node_lock);
    if (hit)
        return HM_OK;
    enum hm_err err = db_reader_node(n->reader, level, k, out, why);
    if (err != HM_OK)
        return err;
    (void)pthread_mutex_lock(&r->node_lock);
    *e = (struct node){true, level, k, *out};
    (void)pthread_mutex_unlock(&r->node_lock);
    return HM_OK;
}
