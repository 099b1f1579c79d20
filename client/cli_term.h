/* What a person or a script sees: colours, aligned tables, escaped text, questions, progress.
 * Results go to stdout, everything else to stderr. Thread: main. */
#ifndef CLIENT_CLI_TERM_H
#define CLIENT_CLI_TERM_H

#include "schema/core/hm_bytes.h"

#include <stdio.h>

struct cli_term {
    bool json;      /* stdout carries JSON for scripts */
    bool color_out; /* colours on stdout */
    bool color_err;
    bool tty_in;  /* questions may be asked */
    bool tty_err; /* a progress bar may be drawn */
};

enum cli_style { CLI_PLAIN = 0, CLI_BOLD, CLI_GOOD, CLI_BAD, CLI_DIM };

/* mode: "auto", "always", "never" or NULL (auto). HM_E_CONFIG. */
enum hm_err HM_MUST_USE cli_term_init(struct cli_term *t, const char *mode, bool json,
                                      struct hm_why *why);
/* Escape sequence that starts a style, or "" where there are no colours. Reset with CLI_PLAIN. */
const char *cli_term_style(bool color, enum cli_style style);
/* Text from elsewhere, with control and bidirectional characters made visible. */
void cli_put_text(FILE *out, const char *text);
void cli_put_escaped(FILE *out, struct hm_bytes text);

/* Asks on the terminal; true only for the exact answer "yes". */
bool cli_term_confirm(const struct cli_term *t, const char *question);

/* A table: cells are kept until it is written, columns aligned. At most CLI_COLUMNS_MAX columns. */
#define CLI_COLUMNS_MAX 10
struct cli_table {
    size_t columns;
    struct hm_buf text; /* cells, each ended by a NUL, already escaped */
    size_t cells;       /* header included */
    size_t width[CLI_COLUMNS_MAX];
};
/* headers: "INDEX\0TIME\0…" given one by one; the number of columns is fixed by them. */
void cli_table_begin(struct cli_table *t, const char *const *headers, size_t columns);
void cli_table_cell(struct cli_table *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Writes header and rows; a table without rows writes nothing. */
void cli_table_write(struct cli_table *t, FILE *out, bool color);
void cli_table_free(struct cli_table *t);
#define CLI_TABLE_AUTO __attribute__((cleanup(cli_table_free))) struct cli_table

/* Columns that a UTF-8 text takes: code points, without East Asian widths. */
size_t cli_text_width(const char *text);
/* "768.0 KiB". */
void cli_size_text(double bytes, char out[static 24]);

/* Progress of one transfer. On a terminal a bar with percent and rate, else one line at its end. */
struct cli_progress {
    const struct cli_term *term;
    const char *verb; /* "uploading" */
    const char *name;
    uint64_t total; /* bytes, 0 = not known */
    int64_t began_ms;
    int64_t drawn_ms;
};
void cli_progress_begin(struct cli_progress *p, const struct cli_term *term, const char *verb,
                        const char *name, uint64_t total);
void cli_progress_update(struct cli_progress *p, uint64_t done);
void cli_progress_end(struct cli_progress *p, uint64_t done, bool ok);

#endif
