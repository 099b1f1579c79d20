/* HTML, written: everything that comes from elsewhere goes through html_text, which leaves nothing
 * that a browser could take for markup, and nothing that changes how the text around it is read.
 * Pure. */
#ifndef CLIENT_CLI_HTML_H
#define CLIENT_CLI_HTML_H

#include "schema/core/hm_bytes.h"

/* Text, also inside a quoted attribute: & < > " ' as references; control, bidirectional and
 * invisible characters, and what is no UTF-8, as \u{…} (hm_escape). NULL: nothing. */
void html_text(struct hm_buf *out, const char *text);
/* <tag class="class">, class NULL: none. Tags and classes are ours. */
void html_open(struct hm_buf *out, const char *tag, const char *class);
void html_close(struct hm_buf *out, const char *tag);
/* <tag class="class">text</tag> */
void html_element(struct hm_buf *out, const char *tag, const char *class, const char *text);
void html_elementf(struct hm_buf *out, const char *tag, const char *class, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* <table class="class"><thead>… and up to <tbody>; ended by html_table_end. A header that begins
 * with '#' is one over numbers (class n). */
void html_table(struct hm_buf *out, const char *class, const char *const *headers, size_t columns);
void html_table_end(struct hm_buf *out);

#endif
