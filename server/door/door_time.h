/* Condition variables on the monotonic clock. */
#ifndef SERVER_DOOR_DOOR_TIME_H
#define SERVER_DOOR_DOOR_TIME_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

void door_cond_init(pthread_cond_t *c);
/* Now (monotonic) plus ms, for pthread_cond_timedwait on such a variable. */
struct timespec door_deadline(int64_t ms);

#endif
