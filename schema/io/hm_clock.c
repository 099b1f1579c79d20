#include "schema/io/hm_clock.h"

#include <time.h>

static int64_t read_ms(clockid_t id)
{
    struct timespec t;
    (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t hm_clock_unix_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}

int64_t hm_clock_unix_s(void)
{
    return hm_clock_unix_ms() / 1000;
}

int64_t hm_clock_mono_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

struct timespec hm_clock_deadline(int64_t ms)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += (time_t)(ms / 1000);
    t.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000L;
    }
    return t;
}
