#include "tests/bench/bench_die.h"
#include "tests/bench/bench_token.h"
#include "tests/bench/pipeline/pipeline.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "bench_pipeline"
#define STATE 512

struct worker {
    struct bench_key key;
    int sock;
};

static void *sign_main(void *arg)
{
    const struct worker *w = arg;
    uint8_t items[PIPELINE_MESSAGE_MAX * PIPELINE_ITEM];
    uint8_t sigs[PIPELINE_MESSAGE_MAX * PIPELINE_SIG];
    uint32_t n = 0;
    while (pipeline_get(w->sock, &n, sizeof n) && n <= PIPELINE_MESSAGE_MAX &&
           pipeline_get(w->sock, items, n * PIPELINE_ITEM)) {
        for (uint32_t i = 0; i < n; i++)
            bench_key_sign(&w->key, items + i * PIPELINE_ITEM, 32, sigs + (size_t)i * PIPELINE_SIG);
        pipeline_put(w->sock, sigs, n * (size_t)PIPELINE_SIG);
    }
    return NULL;
}

static int open_state(const struct pipeline *p)
{
    char path[4096];
    uint8_t zero[STATE] = {0};
    (void)snprintf(path, sizeof path, "%s/signer-state", p->folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || pwrite(fd, zero, sizeof zero, 0) != (ssize_t)sizeof zero || fsync(fd) != 0)
        bench_die(PROGRAM, "cannot make the signer's state");
    return fd;
}

/* The state is durable before the signature leaves. */
static void cover_main(const struct worker *w, int state)
{
    uint8_t in[PIPELINE_COVER];
    uint8_t sig[PIPELINE_SIG] = {0};
    pipeline_put(w->sock, sig, 1); /* ready */
    while (pipeline_get(w->sock, in, sizeof in)) {
        bench_key_sign(&w->key, in, PIPELINE_NOTE, sig);
        if (pwrite(state, in, STATE, 0) != STATE || fdatasync(state) != 0)
            bench_die(PROGRAM, "cannot write the signer's state");
        pipeline_put(w->sock, sig, sizeof sig);
    }
}

void pipeline_signer(const struct pipeline *p)
{
    struct worker cover = {.sock = p->cover.far};
    struct worker sign[PIPELINE_SIGNERS];
    pthread_t t[PIPELINE_SIGNERS];
    CK_FUNCTION_LIST_PTR f = bench_module(p->module, true);
    bench_key_open(f, "log", "log", p->log_pin, &cover.key);
    for (size_t i = 0; i < PIPELINE_SIGNERS; i++) {
        sign[i].sock = p->sign[i].far;
        bench_key_open(f, "development", "development", p->release_pin, &sign[i].key);
        if (pthread_create(&t[i], NULL, sign_main, &sign[i]) != 0)
            bench_die(PROGRAM, "cannot start a thread");
    }
    cover_main(&cover, open_state(p));
    for (size_t i = 0; i < PIPELINE_SIGNERS; i++)
        (void)pthread_join(t[i], NULL);
}
