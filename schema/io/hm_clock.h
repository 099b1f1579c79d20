/* The clocks. Pure code gets times as arguments; only programs read them here. */
#ifndef SCHEMA_IO_HM_CLOCK_H
#define SCHEMA_IO_HM_CLOCK_H

#include <stdint.h>
#include <time.h>

int64_t hm_clock_unix_ms(void);
int64_t hm_clock_unix_s(void);
int64_t hm_clock_mono_ms(void);
/* ms from now (0 or more) by the monotonic clock: for waits that are told so. */
struct timespec hm_clock_deadline(int64_t ms);

#endif
