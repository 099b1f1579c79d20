#include "client/cli_count.h"

#include "schema/io/hm_clock.h"

#include <inttypes.h>

#define REDRAW_MS 100

void cli_count_begin(struct cli_count *n, const struct cli_term *term, const char *what,
                     uint64_t total)
{
    int64_t now = hm_clock_mono_ms();
    *n = (struct cli_count){term, what, total, now, now};
}

void cli_count_update(struct cli_count *n, uint64_t done)
{
    if (n->term == NULL || !n->term->tty_err)
        return;
    int64_t now = hm_clock_mono_ms();
    if (now - n->drawn_ms < REDRAW_MS)
        return;
    (void)fprintf(stderr, "\r\033[K%s %" PRIu64, n->what, done);
    if (n->total > 0)
        (void)fprintf(stderr, " of %" PRIu64 " (%d%%)", n->total,
                      done >= n->total ? 100 : (int)(100 * done / n->total));
    if (now > n->began_ms)
        (void)fprintf(stderr, ", %.0f per second",
                      (double)done * 1000.0 / (double)(now - n->began_ms));
    (void)fflush(stderr);
    n->drawn_ms = now;
}

void cli_count_clear(struct cli_count *n)
{
    if (n->term != NULL && n->term->tty_err && n->drawn_ms != n->began_ms)
        (void)fputs("\r\033[K", stderr);
}
