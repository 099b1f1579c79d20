#include "tests/unit/door/alert_bench.h"

#include <stdio.h>

struct bench bench_make(struct alert_config c)
{
    struct bench b = {.c = c, .a = alerts_new(&c)};
    assert_non_null(b.a);
    b.r.t_ms = T0;
    return b;
}

void bench_take(struct bench *b, enum hm_event event)
{
    b->r.event = event;
    assert_int_equal(alerts_record(b->a, &b->r), HM_OK);
    b->r.idx++;
}

const struct alert *bench_last(const struct bench *b)
{
    return alerts_at(b->a, alerts_count(b->a) - 1);
}

void bench_use(struct bench *b, uint8_t key, uint64_t t_ms)
{
    b->r.key_count = 1;
    memset(b->r.keys[0].spki.b, key, sizeof b->r.keys[0].spki.b);
    b->r.t_ms = t_ms;
    bench_take(b, HM_EV_SIGN_INTENDED);
    b->r.key_count = 0;
}

size_t bench_of_kind(const struct bench *b, enum alert_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < alerts_count(b->a); i++)
        n += alerts_at(b->a, i)->kind == kind ? 1 : 0;
    return n;
}

struct alert_config bench_small(void)
{
    struct alert_config c = alert_config_default();
    c.history_weeks = 2;
    c.min_weeks = 1;
    c.min_uses = 4;
    c.usual_weeks = 1;
    c.rate_factor = 2;
    c.rate_floor = 3;
    c.refusals = 3;
    return c;
}

void bench_actor(struct bench *b, const char *actor, const char *product)
{
    (void)snprintf(b->r.actor, sizeof b->r.actor, "%s", actor);
    (void)snprintf(b->r.product, sizeof b->r.product, "%s", product);
}
