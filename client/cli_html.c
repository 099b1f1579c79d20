#include "client/cli_html.h"

#include "schema/core/hm_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 2048

static const char *reference(uint8_t c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void html_text(struct hm_buf *out, const char *text)
{
    HM_BUF_AUTO plain = {.limit = out->limit};
    if (text == NULL)
        return;
    hm_escape(&plain, hm_bytes_str(text));
    if (hm_buf_err(&plain) != HM_OK) {
        out->err = hm_buf_err(&plain);
        return;
    }
    for (size_t i = 0; i < plain.len; i++) {
        const char *r = reference(plain.data[i]);
        if (r != NULL)
            hm_buf_puts(out, r);
        else
            hm_buf_putc(out, plain.data[i]);
    }
}

void html_open(struct hm_buf *out, const char *tag, const char *class)
{
    if (class != NULL)
        hm_buf_printf(out, "<%s class=\"%s\">", tag, class);
    else
        hm_buf_printf(out, "<%s>", tag);
}

void html_close(struct hm_buf *out, const char *tag)
{
    hm_buf_printf(out, "</%s>", tag);
}

void html_element(struct hm_buf *out, const char *tag, const char *class, const char *text)
{
    html_open(out, tag, class);
    html_text(out, text);
    html_close(out, tag);
}

void html_elementf(struct hm_buf *out, const char *tag, const char *class, const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    html_element(out, tag, class, text);
}

void html_table(struct hm_buf *out, const char *class, const char *const *headers, size_t columns)
{
    html_open(out, "table", class);
    hm_buf_puts(out, "<thead><tr>");
    for (size_t i = 0; i < columns; i++) {
        bool number = headers[i][0] == '#';
        html_element(out, "th", number ? "n" : NULL, headers[i] + number);
    }
    hm_buf_puts(out, "</tr></thead>\n<tbody>\n");
}

void html_table_end(struct hm_buf *out)
{
    hm_buf_puts(out, "</tbody></table>\n");
}
