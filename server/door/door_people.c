#include "server/door/door_people.h"

#include "schema/core/hm_text.h"
#include "schema/io/hm_clock.h"
#include "server/door/door_rate.h"
#include "server/ipc/ipc_msg.h"
#include "server/ipc/ipc_ops.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CACHE 1024                      /* certificates remembered, by their first bytes */
#define BUCKETS (4 * HM_PRINCIPALS_MAX) /* more than there are principals */
#define NAME_TEXT_MAX 1024              /* a principal's display name, which nobody needs here */

struct known {
    struct hm_digest fp;
    struct door_who who;
};
struct bucket {
    char id[HM_NAME_MAX + 1];
    struct door_bucket b;
};
struct door_people {
    pthread_mutex_t lock;
    struct door_rate rate;
    struct known cache[CACHE];
    struct bucket buckets[BUCKETS];
};

struct door_people *door_people_new(uint64_t requests_per_minute)
{
    struct door_people *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    (void)pthread_mutex_init(&p->lock, NULL);
    p->rate = door_rate_of(requests_per_minute);
    return p;
}

void door_people_free(struct door_people *p)
{
    if (p == NULL)
        return;
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

static struct known *place_of(struct door_people *p, const struct hm_digest *fp)
{
    return &p->cache[((size_t)fp->b[0] << 8 | fp->b[1]) % CACHE];
}

static enum hm_err ask(struct ipc_pool *registrar, int64_t timeout_ms, struct hm_bytes caller,
                       struct door_who *out, struct hm_why *why)
{
    HM_BUF_AUTO reply = {0};
    struct ipc_in in;
    struct hm_digest policy;
    struct door_who who = {0};
    enum hm_err err =
        ipc_pool_call(registrar, REG_IDENTIFY, caller, -1, &reply, NULL, timeout_ms, why);
    if (err == HM_OK) {
        ipc_in_begin(&in, hm_buf_bytes(&reply));
        ipc_get_str(&in, who.id, sizeof who.id);
        (void)ipc_get_bytes(&in, NAME_TEXT_MAX);
        who.roles = ipc_get_u64(&in);
        ipc_get_digest(&in, &policy);
        if (ipc_in_end(&in, why) != HM_OK || !hm_name_ok(who.id))
            return hm_fail(why, HM_E_INTERNAL, "the registrar named a principal without a name");
    }
    if (err == HM_OK || err == HM_E_NOT_FOUND) {
        who.until_ms = hm_clock_mono_ms() + DOOR_WHO_MS;
        *out = who;
    }
    return err;
}

static enum hm_err verdict(const struct door_who *who, struct hm_why *why)
{
    if (who->id[0] == '\0')
        return hm_fail(why, HM_E_NOT_FOUND, "no principal of the policy has this certificate");
    return HM_OK;
}

enum hm_err door_people_find(struct door_people *p, struct ipc_pool *registrar, int64_t timeout_ms,
                             const struct hm_digest *fp, struct hm_bytes caller,
                             struct door_who *who, struct hm_why *why)
{
    int64_t now = hm_clock_mono_ms();
    if (who->until_ms > now)
        return verdict(who, why);
    struct known *k = place_of(p, fp);
    (void)pthread_mutex_lock(&p->lock);
    bool hit = hm_digest_eq(&k->fp, fp) && k->who.until_ms > now;
    if (hit)
        *who = k->who;
    (void)pthread_mutex_unlock(&p->lock);
    if (hit)
        return verdict(who, why);
    struct door_who fresh = {0};
    bool token = caller.len < sizeof fp->b || memcmp(caller.data, fp->b, sizeof fp->b) != 0;
    enum hm_err err = ask(registrar, timeout_ms, caller, &fresh, why);
    if (err != HM_OK && (err != HM_E_NOT_FOUND || token))
        return err; /* what is wrong with a token is worth saying each time */
    (void)pthread_mutex_lock(&p->lock);
    k->fp = *fp;
    k->who = fresh;
    (void)pthread_mutex_unlock(&p->lock);
    *who = fresh;
    return verdict(who, why);
}

static struct bucket *bucket_of(struct door_people *p, const char *id)
{
    size_t h = 5381;
    for (const char *c = id; *c != '\0'; c++)
        h = h * 33 ^ (unsigned char)*c;
    for (size_t i = 0; i < BUCKETS; i++) {
        struct bucket *b = &p->buckets[(h + i) % BUCKETS];
        if (b->id[0] == '\0') {
            memcpy(b->id, id, strlen(id) + 1);
            return b;
        }
        if (strcmp(b->id, id) == 0)
            return b;
    }
    return &p->buckets[h % BUCKETS]; /* ids of years of policies: share one */
}

uint64_t door_people_take(struct door_people *p, const char *id)
{
    (void)pthread_mutex_lock(&p->lock);
    uint64_t wait_s = door_rate_take(&p->rate, &bucket_of(p, id)->b, hm_clock_mono_ms());
    (void)pthread_mutex_unlock(&p->lock);
    return wait_s;
}
