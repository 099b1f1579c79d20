#include "client/cli_term.h"

#include "client/cli_env.h"
#include "schema/core/hm_text.h"
#include "schema/io/hm_clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define CLI_CELL_MAX 1024
#define CLI_BAR_WIDTH 30
#define CLI_REDRAW_MS 100

static bool color_wanted(const char *mode, int fd)
{
    const char *no_color = cli_env("NO_COLOR");
    const char *term = cli_env("TERM");
    if (mode != NULL && strcmp(mode, "auto") != 0)
        return strcmp(mode, "always") == 0;
    if (no_color != NULL)
        return false;
    return isatty(fd) == 1 && (term == NULL || strcmp(term, "dumb") != 0);
}

enum hm_err cli_term_init(struct cli_term *t, const char *mode, bool json, struct hm_why *why)
{
    if (mode != NULL && strcmp(mode, "auto") != 0 && strcmp(mode, "always") != 0 &&
        strcmp(mode, "never") != 0)
        return hm_fail(why, HM_E_CONFIG, "--color: '%.20s': expected auto, always or never", mode);
    t->json = json;
    t->color_out = !json && color_wanted(mode, STDOUT_FILENO);
    t->color_err = color_wanted(mode, STDERR_FILENO);
    t->tty_in = isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
    t->tty_err = isatty(STDERR_FILENO) == 1;
    return HM_OK;
}

const char *cli_term_style(bool color, enum cli_style style)
{
    static const char *const codes[] = {"\033[0m", "\033[1m", "\033[32m", "\033[31m", "\033[2m"};
    return color ? codes[style] : "";
}

void cli_put_escaped(FILE *out, struct hm_bytes text)
{
    HM_BUF_AUTO b = {.limit = HM_BUF_LIMIT_DEFAULT};
    hm_escape(&b, text);
    if (hm_buf_err(&b) == HM_OK && b.len > 0)
        (void)fwrite(b.data, 1, b.len, out);
}

void cli_put_text(FILE *out, const char *text)
{
    cli_put_escaped(out, hm_bytes_str(text));
}

bool cli_term_confirm(const struct cli_term *t, const char *question)
{
    char line[16];
    if (!t->tty_in)
        return false;
    (void)fprintf(stderr, "%s ", question);
    (void)fflush(stderr);
    if (fgets(line, sizeof line, stdin) == NULL)
        return false;
    return strcmp(line, "yes\n") == 0;
}

size_t cli_text_width(const char *text)
{
    size_t n = 0;
    for (const char *p = text; *p != '\0'; p++)
        n += ((unsigned char)*p & 0xc0) != 0x80;
    return n;
}

static void table_put(struct cli_table *t, const char *text)
{
    size_t column = t->cells % t->columns;
    size_t from = t->text.len;
    hm_escape(&t->text, hm_bytes_str(text));
    hm_buf_putc(&t->text, 0);
    if (hm_buf_err(&t->text) != HM_OK)
        return;
    size_t width = cli_text_width((const char *)t->text.data + from);
    if (width > t->width[column])
        t->width[column] = width;
    t->cells++;
}

void cli_table_begin(struct cli_table *t, const char *const *headers, size_t columns)
{
    *t = (struct cli_table){.columns = columns, .text = {.limit = (size_t)256 * 1024 * 1024}};
    for (size_t i = 0; i < columns; i++)
        table_put(t, headers[i]);
}

void cli_table_cell(struct cli_table *t, const char *fmt, ...)
{
    char text[CLI_CELL_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    table_put(t, text);
}

static void table_row(const struct cli_table *t, const char **cell, FILE *out)
{
    for (size_t i = 0; i < t->columns; i++) {
        const char *text = *cell;
        size_t pad = i + 1 < t->columns ? t->width[i] - cli_text_width(text) + 2 : 0;
        (void)fprintf(out, "%s%*s", text, (int)pad, "");
        *cell = text + strlen(text) + 1;
    }
    (void)fputc('\n', out);
}

void cli_table_write(struct cli_table *t, FILE *out, bool color)
{
    if (hm_buf_err(&t->text) != HM_OK || t->cells <= t->columns)
        return;
    const char *cell = (const char *)t->text.data;
    (void)fputs(cli_term_style(color, CLI_BOLD), out);
    table_row(t, &cell, out);
    (void)fputs(cli_term_style(color, CLI_PLAIN), out);
    for (size_t row = 1; row < t->cells / t->columns; row++)
        table_row(t, &cell, out);
}

void cli_table_free(struct cli_table *t)
{
    hm_buf_free(&t->text);
}

void cli_size_text(double bytes, char out[static 24])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t u = 0;
    while (bytes >= 1024 && u + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1024;
        u++;
    }
    (void)snprintf(out, 24, u == 0 ? "%.0f %s" : "%.1f %s", bytes, units[u]);
}

void cli_progress_begin(struct cli_progress *p, const struct cli_term *term, const char *verb,
                        const char *name, uint64_t total)
{
    *p = (struct cli_progress){term, verb, name, total, hm_clock_mono_ms(), 0};
}

void cli_progress_update(struct cli_progress *p, uint64_t done)
{
    int64_t now = hm_clock_mono_ms();
    if (!p->term->tty_err || p->total == 0 || now - p->drawn_ms < CLI_REDRAW_MS)
        return;
    char bar[CLI_BAR_WIDTH + 1];
    char rate[24];
    double part = done >= p->total ? 1.0 : (double)done / (double)p->total;
    for (int i = 0; i < CLI_BAR_WIDTH; i++)
        bar[i] = i < (int)(part * CLI_BAR_WIDTH) ? '#' : '.';
    bar[CLI_BAR_WIDTH] = '\0';
    cli_size_text((double)done * 1000.0 / (double)(now - p->began_ms + 1), rate);
    (void)fprintf(stderr, "\r\033[K[%s] %3d%% %s/s ", bar, (int)(part * 100), rate);
    cli_put_text(stderr, p->name);
    (void)fflush(stderr);
    p->drawn_ms = now;
}

void cli_progress_end(struct cli_progress *p, uint64_t done, bool ok)
{
    char size[24];
    char rate[24];
    int64_t ms = hm_clock_mono_ms() - p->began_ms;
    if (p->term->tty_err)
        (void)fputs("\r\033[K", stderr);
    if (!ok)
        return;
    cli_size_text((double)done, size);
    cli_size_text((double)done * 1000.0 / (double)(ms + 1), rate);
    (void)fprintf(stderr, "%s ", p->verb);
    cli_put_text(stderr, p->name);
    (void)fprintf(stderr, ": %s in %.1f s (%s/s)\n", size, (double)ms / 1000.0, rate);
}
