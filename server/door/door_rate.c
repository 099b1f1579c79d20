#include "server/door/door_rate.h"

#define BURST_MS 2000.0

struct door_rate door_rate_of(uint64_t per_minute)
{
    struct door_rate r = {.per_ms = (double)per_minute / 60000.0};
    r.burst = r.per_ms * BURST_MS < 1.0 ? 1.0 : r.per_ms * BURST_MS;
    return r;
}

uint64_t door_rate_take(const struct door_rate *r, struct door_bucket *b, int64_t now_ms)
{
    b->tokens += (double)(now_ms - b->at_ms) * r->per_ms;
    if (b->tokens > r->burst || b->at_ms == 0)
        b->tokens = r->burst;
    b->at_ms = now_ms;
    if (b->tokens >= 1.0) {
        b->tokens -= 1.0;
        return 0;
    }
    uint64_t wait_s = ((uint64_t)((1.0 - b->tokens) / r->per_ms) + 999) / 1000;
    return wait_s > 0 ? wait_s : 1;
}
