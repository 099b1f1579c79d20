#include "server/ipc/proc_log.h"

#include "schema/core/hm_bytes.h"
#include "schema/core/hm_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *level_name(enum proc_level level)
{
    switch (level) {
    case PROC_DEBUG:
        return "debug";
    case PROC_INFO:
        return "info";
    case PROC_WARNING:
        return "warning";
    case PROC_ERROR:
        return "error";
    }
    return "error";
}

void proc_log(const char *program, enum proc_level level, const char *fmt, ...)
{
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    HM_BUF_AUTO line = {.limit = 16384};
    if (getenv("JOURNAL_STREAM") != NULL)
        hm_buf_printf(&line, "<%d>", (int)level);
    hm_buf_printf(&line, "%s: %s: ", program, level_name(level));
    hm_escape(&line, hm_bytes_str(text));
    hm_buf_putc(&line, '\n');
    if (hm_buf_err(&line) == HM_OK && write(STDERR_FILENO, line.data, line.len) < 0)
        return; /* nowhere left to say so */
}
