#include "server/registrar/reg_inflight.h"

#include <pthread.h>
#include <stdlib.h>

struct reg_inflight {
    pthread_mutex_t lock;
    size_t max;
    size_t count;
    struct hm_digest key[];
};

enum hm_err reg_inflight_open(size_t max, struct reg_inflight **out, struct hm_why *why)
{
    struct reg_inflight *f = calloc(1, sizeof *f + max * sizeof f->key[0]);
    if (f == NULL || pthread_mutex_init(&f->lock, NULL) != 0) {
        free(f);
        return hm_fail(why, HM_E_MEMORY, "no memory");
    }
    f->max = max;
    *out = f;
    return HM_OK;
}

void reg_inflight_close(struct reg_inflight *f)
{
    if (f == NULL)
        return;
    (void)pthread_mutex_destroy(&f->lock);
    free(f);
}

static size_t find(const struct reg_inflight *f, const struct hm_digest *key)
{
    size_t i = 0;
    while (i < f->count && !hm_digest_eq(&f->key[i], key))
        i++;
    return i;
}

bool reg_inflight_enter(struct reg_inflight *f, const struct hm_digest *key)
{
    (void)pthread_mutex_lock(&f->lock);
    bool ok = f->count < f->max && find(f, key) == f->count;
    if (ok)
        f->key[f->count++] = *key;
    (void)pthread_mutex_unlock(&f->lock);
    return ok;
}

void reg_inflight_leave(struct reg_inflight *f, const struct hm_digest *key)
{
    (void)pthread_mutex_lock(&f->lock);
    size_t i = find(f, key);
    if (i < f->count)
        f->key[i] = f->key[--f->count];
    (void)pthread_mutex_unlock(&f->lock);
}
