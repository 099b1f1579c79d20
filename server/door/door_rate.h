/* Allowances: so many requests per minute, two seconds' worth of them at once. Who keeps the
 * buckets keeps the lock. */
#ifndef SERVER_DOOR_DOOR_RATE_H
#define SERVER_DOOR_DOOR_RATE_H

#include <stdint.h>

struct door_rate {
    double per_ms, burst;
};
struct door_bucket {
    double tokens;
    int64_t at_ms; /* monotonic; a zeroed bucket is full */
};
struct door_rate door_rate_of(uint64_t per_minute);
/* Takes one request. 0: granted; else seconds until there is one. */
uint64_t door_rate_take(const struct door_rate *r, struct door_bucket *b, int64_t now_ms);

#endif
