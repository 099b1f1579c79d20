/* The registrar's part of the pipeline: jobs that go from stage to stage. */
#ifndef TESTS_BENCH_PIPELINE_PIPELINE_DESK_H
#define TESTS_BENCH_PIPELINE_PIPELINE_DESK_H

#include "tests/bench/pipeline/pipeline.h"

#include <pthread.h>
#include <stdatomic.h>

struct pipeline_job {
    struct pipeline_job *next;
    int sock;     /* to the door */
    bool signed_; /* false: an intention */
};

struct pipeline_desk {
    const struct pipeline *p;
    struct pipeline_job jobs[PIPELINE_CONNECTIONS];
    int news;          /* eventfd: there are results */
    atomic_int active; /* requests that are not answered */
    pthread_mutex_t lock;
    pthread_cond_t to_sign, covered;
    struct pipeline_job *results;  /* signed and verified, for the next batch */
    struct pipeline_job *intended; /* under a checkpoint, to be signed */
    struct pipeline_job *covering; /* under the checkpoint that is being signed */
    bool busy;                     /* one is */
};

/* Starts the threads that verify: two for releases, one for checkpoints. They end with the
 * process. */
void pipeline_stages_start(struct pipeline_desk *d);
/* Puts a committed batch under a checkpoint, after the one before. */
void pipeline_cover(struct pipeline_desk *d, struct pipeline_job *batch);

#endif
