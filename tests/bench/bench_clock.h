/* Time for measurements: of the clock on the wall, and of this process's processors. */
#ifndef TESTS_BENCH_BENCH_CLOCK_H
#define TESTS_BENCH_BENCH_CLOCK_H

#include <time.h>

static inline double bench_clock_s(clockid_t which)
{
    struct timespec t;
    (void)clock_gettime(which, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
static inline double bench_wall_s(void)
{
    return bench_clock_s(CLOCK_MONOTONIC);
}
static inline double bench_cpu_s(void)
{
    return bench_clock_s(CLOCK_PROCESS_CPUTIME_ID);
}

#endif
