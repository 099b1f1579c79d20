/* A benchmark that cannot go on says why and ends: a figure of half a run is worse than none. */
#ifndef TESTS_BENCH_BENCH_DIE_H
#define TESTS_BENCH_BENCH_DIE_H

#include <stdio.h>
#include <stdlib.h>

static inline void __attribute__((noreturn)) bench_die(const char *program, const char *what)
{
    (void)fprintf(stderr, "%s: %s\n", program, what);
    exit(2);
}

#endif
