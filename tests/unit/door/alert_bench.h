/* What every test of alerts begins with: alerts under small thresholds, and records that go in. */
#ifndef TESTS_UNIT_ALERT_BENCH_H
#define TESTS_UNIT_ALERT_BENCH_H

#include "tests/unit/test_rows.h"

#include "server/door/alert_priv.h"

#define HOUR UINT64_C(3600000)
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)
#define T0 (UINT64_C(1790000000000) / WEEK * WEEK) /* where weeks begin that are counted here */

struct bench {
    struct alert_config c;
    struct alerts *a;   /* owned: alerts_free */
    struct hm_record r; /* the next one */
};

struct bench bench_make(struct alert_config c);
/* Thresholds that a few records reach. */
struct alert_config bench_small(void);
/* Hands b->r in as this event and counts on. */
void bench_take(struct bench *b, enum hm_event event);
/* A release key, 32 bytes of `key`, is used. */
void bench_use(struct bench *b, uint8_t key, uint64_t t_ms);
void bench_actor(struct bench *b, const char *actor, const char *product);
const struct alert *bench_last(const struct bench *b);
size_t bench_of_kind(const struct bench *b, enum alert_kind kind);

#endif
