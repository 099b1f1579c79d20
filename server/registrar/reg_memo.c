#include "server/registrar/reg_memo.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SETS 32768u /* x 4 ways x 32 bytes = 4 MiB */
#define WAYS 4u

struct reg_memo {
    pthread_mutex_t lock;
    unsigned char next[SETS];
    struct hm_digest way[SETS][WAYS];
};

enum hm_err reg_memo_open(struct reg_memo **out, struct hm_why *why)
{
    struct reg_memo *m = calloc(1, sizeof *m);
    if (m == NULL || pthread_mutex_init(&m->lock, NULL) != 0) {
        free(m);
        return hm_fail(why, HM_E_MEMORY, "no memory for the table of verified signatures");
    }
    *out = m;
    return HM_OK;
}

void reg_memo_close(struct reg_memo *m)
{
    if (m == NULL)
        return;
    (void)pthread_mutex_destroy(&m->lock);
    free(m);
}

/* Digests are uniform, so their first bytes are the hash. */
static size_t set_of(const struct hm_digest *d)
{
    return ((size_t)d->b[0] << 8 | d->b[1] | (size_t)d->b[2] << 16) % SETS;
}

bool reg_memo_has(struct reg_memo *m, const struct hm_digest *d)
{
    bool found = false;
    size_t s = set_of(d);
    (void)pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < WAYS && !found; i++)
        found = hm_digest_eq(&m->way[s][i], d);
    (void)pthread_mutex_unlock(&m->lock);
    return found;
}

void reg_memo_add(struct reg_memo *m, const struct hm_digest *d)
{
    size_t s = set_of(d);
    (void)pthread_mutex_lock(&m->lock);
    m->way[s][m->next[s]++ % WAYS] = *d;
    (void)pthread_mutex_unlock(&m->lock);
}

struct hm_digest reg_memo_signature(int alg, struct hm_bytes pub, struct hm_bytes msg,
                                    struct hm_bytes sig)
{
    struct hm_digest inner = hm_sha256_3(pub, sig, hm_bytes_of(NULL, 0));
    uint8_t head[3] = {(uint8_t)(alg & 0xff), (uint8_t)pub.len, (uint8_t)sig.len};
    return hm_sha256_3(hm_bytes_of(head, sizeof head), hm_bytes_of(inner.b, sizeof inner.b), msg);
}
