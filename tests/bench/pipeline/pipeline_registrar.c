#include "schema/core/hm_err.h"
#include "tests/bench/append/append_files.h"
#include "tests/bench/append/append_rows.h"
#include "tests/bench/bench_clock.h"
#include "tests/bench/bench_die.h"
#include "tests/bench/pipeline/pipeline_desk.h"

#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PROGRAM "bench_pipeline"
#define GATHER_S 0.002 /* longest wait for company, as in server/registrar/reg_seq.c */
#define GATHER_TICK_MS 1
#define BEFORE 1000 /* records in a transaction, of those that were there before */

struct sequencer {
    struct pipeline_desk desk;
    struct append_copy *rows;
    int epoll;
    struct pipeline_job *batch;
    int count;
    uint64_t at, batches; /* the next record; those of this run end before p->end */
};

static void check(enum hm_err err, const struct hm_why *why)
{
    if (err != HM_OK)
        bench_die(PROGRAM, why->text);
}

/* The log as it was before, and in memory the rows of what is to come, record by record. */
static void open_rows(struct sequencer *s, const struct pipeline *p)
{
    char to[APPEND_PATH_MAX];
    struct hm_why why = {""};
    check(append_path(p->folder, "pipeline.db", to, &why), &why);
    append_remove(to);
    check(append_copy_open(p->log, to, &s->rows, &why), &why);
    for (uint64_t at = 0; at < p->first;) {
        at = at + BEFORE < p->first ? at + BEFORE : p->first;
        check(append_copy_read(s->rows, at, &why), &why);
        check(append_copy_write(s->rows, at, &why), &why);
    }
    for (uint64_t at = p->first; at < p->end; at++)
        check(append_copy_read(s->rows, at + 1, &why), &why);
    s->at = p->first;
}

static void watch(struct sequencer *s, int fd, uint32_t which)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = which};
    if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) != 0)
        bench_die(PROGRAM, "cannot watch a socket");
}

static void take(struct sequencer *s, struct pipeline_job *job)
{
    job->next = s->batch;
    s->batch = job;
    s->count++;
}

/* Requests that have come; false when the door has closed. */
static bool take_requests(struct sequencer *s, int timeout_ms)
{
    struct epoll_event events[PIPELINE_CONNECTIONS + 1];
    char request[PIPELINE_REQUEST];
    uint64_t count = 0;
    int n = epoll_wait(s->epoll, events, PIPELINE_CONNECTIONS + 1, timeout_ms);
    for (int i = 0; i < n; i++) {
        uint32_t which = events[i].data.u32;
        if (which == PIPELINE_CONNECTIONS) {
            if (read(s->desk.news, &count, sizeof count) < 0)
                return false;
            continue;
        }
        if (!pipeline_get(s->desk.jobs[which].sock, request, sizeof request))
            return false;
        atomic_fetch_add(&s->desk.active, 1);
        take(s, &s->desk.jobs[which]);
    }
    return true;
}

static void take_results(struct sequencer *s)
{
    (void)pthread_mutex_lock(&s->desk.lock);
    struct pipeline_job *list = s->desk.results;
    s->desk.results = NULL;
    (void)pthread_mutex_unlock(&s->desk.lock);
    while (list != NULL) {
        struct pipeline_job *next = list->next;
        take(s, list);
        list = next;
    }
}

/* As the registrar gathers: half of what is under way, and not for long. */
static bool gather(struct sequencer *s)
{
    double began = 0;
    for (int wait = -1;;) {
        if (!take_requests(s, wait))
            return false;
        take_results(s);
        if (s->count == 0)
            continue;
        double now = bench_wall_s();
        began = began > 0 ? began : now;
        if (s->count >= atomic_load(&s->desk.active) / 2 || now - began >= GATHER_S)
            return true;
        wait = GATHER_TICK_MS;
    }
}

static void write_batch(struct sequencer *s)
{
    struct hm_why why = {""};
    s->at += (uint64_t)s->count;
    s->batches++;
    check(append_copy_write(s->rows, s->at, &why), &why);
    struct pipeline_job *batch = s->batch;
    s->batch = NULL;
    s->count = 0;
    pipeline_cover(&s->desk, batch);
}

/* The signer is ready; so are we. */
static void say_ready(const struct pipeline *p)
{
    char ready = 0;
    if (!pipeline_get(p->cover.near, &ready, 1))
        bench_die(PROGRAM, "the signer is not there");
    pipeline_put(p->door[0].far, &ready, 1);
}

void pipeline_registrar(const struct pipeline *p)
{
    struct sequencer s = {.desk = {.p = p,
                                   .news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                                   .lock = PTHREAD_MUTEX_INITIALIZER,
                                   .to_sign = PTHREAD_COND_INITIALIZER,
                                   .covered = PTHREAD_COND_INITIALIZER},
                          .epoll = epoll_create1(EPOLL_CLOEXEC)};
    open_rows(&s, p);
    for (uint32_t i = 0; i < PIPELINE_CONNECTIONS; i++) {
        s.desk.jobs[i].sock = p->door[i].far;
        watch(&s, p->door[i].far, i);
    }
    watch(&s, s.desk.news, PIPELINE_CONNECTIONS);
    say_ready(p);
    pipeline_stages_start(&s.desk);
    while (gather(&s))
        write_batch(&s);
    (void)printf("{\"records\":%" PRIu64 ",\"batches\":%" PRIu64 "}\n", s.at - p->first, s.batches);
    (void)fflush(stdout);
    append_copy_close(s.rows);
    _exit(0); /* its threads wait in the desk, which is on this stack */
}
