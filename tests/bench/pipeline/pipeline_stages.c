#include "tests/bench/bench_die.h"
#include "tests/bench/pipeline/pipeline_desk.h"

#include <openssl/evp.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define PROGRAM "bench_pipeline"
#define BEHIND 5 /* the registrar's threads that verify give way, too */

/* A signature of its own, verified again and again: that costs what any other does. */
struct check {
    EVP_PKEY *key;
    const EVP_MD *md;
    EVP_MD_CTX *ctx;
    uint8_t message[PIPELINE_NOTE];
    uint8_t sig[128];
    size_t len;
};

static void check_make(struct check *c, EVP_PKEY *key, const EVP_MD *md)
{
    *c = (struct check){.key = key, .md = md, .ctx = EVP_MD_CTX_new(), .len = sizeof c->sig};
    if (key == NULL || c->ctx == NULL || EVP_DigestSignInit(c->ctx, NULL, md, NULL, key) != 1 ||
        EVP_DigestSign(c->ctx, c->sig, &c->len, c->message, sizeof c->message) != 1)
        bench_die(PROGRAM, "cannot sign");
}

static void check_run(struct check *c)
{
    if (EVP_MD_CTX_reset(c->ctx) != 1 ||
        EVP_DigestVerifyInit(c->ctx, NULL, c->md, NULL, c->key) != 1 ||
        EVP_DigestVerify(c->ctx, c->sig, c->len, c->message, sizeof c->message) != 1)
        bench_die(PROGRAM, "a signature does not verify");
}

/* ---- releases ---- */

struct signing {
    struct pipeline_desk *desk;
    int sock;
};

static uint32_t gather(struct pipeline_desk *d, struct pipeline_job *out[PIPELINE_MESSAGE_MAX])
{
    uint32_t n = 0;
    (void)pthread_mutex_lock(&d->lock);
    while (d->intended == NULL)
        (void)pthread_cond_wait(&d->to_sign, &d->lock);
    for (; d->intended != NULL && n < PIPELINE_MESSAGE_MAX; d->intended = d->intended->next)
        out[n++] = d->intended;
    bool more = d->intended != NULL;
    (void)pthread_mutex_unlock(&d->lock);
    if (more)
        (void)pthread_cond_signal(&d->to_sign);
    return n;
}

static void hand_in(struct pipeline_desk *d, struct pipeline_job *job)
{
    job->signed_ = true;
    (void)pthread_mutex_lock(&d->lock);
    job->next = d->results;
    d->results = job;
    (void)pthread_mutex_unlock(&d->lock);
}

static void *sign_main(void *arg)
{
    const struct signing s = *(struct signing *)arg;
    struct pipeline_job *list[PIPELINE_MESSAGE_MAX];
    uint8_t message[sizeof(uint32_t) + PIPELINE_MESSAGE_MAX * PIPELINE_ITEM] = {0};
    uint8_t sigs[PIPELINE_MESSAGE_MAX * PIPELINE_SIG];
    struct check c;
    uint64_t one = 1;
    free(arg);
    check_make(&c, EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), EVP_sha256());
    (void)setpriority(PRIO_PROCESS, 0, BEHIND); /* of this thread */
    for (;;) {
        uint32_t n = gather(s.desk, list);
        memcpy(message, &n, sizeof n);
        pipeline_put(s.sock, message, sizeof n + n * PIPELINE_ITEM);
        if (!pipeline_get(s.sock, sigs, n * (size_t)PIPELINE_SIG))
            return NULL;
        for (uint32_t i = 0; i < n; i++) {
            check_run(&c);
            hand_in(s.desk, list[i]);
        }
        if (write(s.desk->news, &one, sizeof one) != (ssize_t)sizeof one)
            return NULL;
    }
}

/* ---- checkpoints ---- */

/* Results are answered; intentions are returned, to be signed. */
static struct pipeline_job *answer(struct pipeline_desk *d, const uint8_t *reply)
{
    struct pipeline_job *intended = NULL;
    struct pipeline_job *next = NULL;
    for (struct pipeline_job *j = d->covering; j != NULL; j = next) {
        next = j->next;
        if (!j->signed_) {
            j->next = intended;
            intended = j;
            continue;
        }
        j->signed_ = false;
        atomic_fetch_sub(&d->active, 1);
        pipeline_put(j->sock, reply, d->p->reply_bytes);
    }
    return intended;
}

static void go_on(struct pipeline_desk *d, struct pipeline_job *intended)
{
    (void)pthread_mutex_lock(&d->lock);
    while (intended != NULL) {
        struct pipeline_job *next = intended->next;
        intended->next = d->intended;
        d->intended = intended;
        intended = next;
    }
    d->busy = false;
    (void)pthread_mutex_unlock(&d->lock);
    (void)pthread_cond_signal(&d->to_sign);
    (void)pthread_cond_broadcast(&d->covered);
}

static void *cover_main(void *arg)
{
    static const uint8_t reply[PIPELINE_REPLY_MAX];
    struct pipeline_desk *d = arg;
    uint8_t sig[PIPELINE_SIG];
    struct check c;
    check_make(&c, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL);
    for (;;) {
        (void)pthread_mutex_lock(&d->lock);
        while (!d->busy)
            (void)pthread_cond_wait(&d->covered, &d->lock);
        (void)pthread_mutex_unlock(&d->lock);
        if (!pipeline_get(d->p->cover.near, sig, sizeof sig))
            return NULL;
        check_run(&c);
        go_on(d, answer(d, reply));
    }
}

void pipeline_cover(struct pipeline_desk *d, struct pipeline_job *batch)
{
    static const uint8_t message[PIPELINE_COVER];
    (void)pthread_mutex_lock(&d->lock);
    while (d->busy)
        (void)pthread_cond_wait(&d->covered, &d->lock);
    d->covering = batch;
    (void)pthread_mutex_unlock(&d->lock);
    pipeline_put(d->p->cover.near, message, sizeof message);
    (void)pthread_mutex_lock(&d->lock);
    d->busy = true;
    (void)pthread_mutex_unlock(&d->lock);
    (void)pthread_cond_broadcast(&d->covered);
}

static void start(void *(*run)(void *), void *arg)
{
    pthread_t t;
    if (arg == NULL || pthread_create(&t, NULL, run, arg) != 0)
        bench_die(PROGRAM, "cannot start a thread");
    (void)pthread_detach(t);
}

void pipeline_stages_start(struct pipeline_desk *d)
{
    for (size_t i = 0; i < PIPELINE_SIGNERS; i++) {
        struct signing *s = malloc(sizeof *s);
        if (s != NULL)
            *s = (struct signing){d, d->p->sign[i].near};
        start(sign_main, s);
    }
    start(cover_main, d);
}
