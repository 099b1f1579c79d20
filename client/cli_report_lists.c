/* The lists of a report: refusals, changes, anomalies, and the appendix. */
#include "client/cli_report_page.h"

#include <string.h>

/* Index and time of a row. */
static void begin_row(struct hm_buf *out, const json_t *v)
{
    html_open(out, "tr", NULL);
    html_open(out, "td", "n");
    if (json_object_get(v, "index") != NULL)
        page_record(out, page_int(v, "index"));
    hm_buf_puts(out, "</td>");
    html_open(out, "td", NULL);
    page_time(out, hm_json_text(v, "time"));
    hm_buf_puts(out, "</td>");
}

/* ---- refusals ---- */

static void subject(struct hm_buf *out, const json_t *r)
{
    html_open(out, "td", "w");
    html_text(out, hm_json_text(r, "release"));
    if (hm_json_text(r, "release")[0] != '\0')
        hm_buf_puts(out, "<br>");
    html_text(out, hm_json_text(r, "product"));
    hm_buf_putc(out, ' ');
    html_text(out, hm_json_text(r, "version"));
    if (hm_json_text(r, "channel")[0] != '\0')
        html_elementf(out, "span", "s", ", %s", hm_json_text(r, "channel"));
    hm_buf_puts(out, "</td>");
}

static void findings(struct hm_buf *out, const json_t *r)
{
    const json_t *list = json_object_get(r, "findings");
    html_open(out, "td", "x");
    html_element(out, "span", "tag bad", hm_json_text(r, "outcome"));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *f = json_array_get(list, i);
        hm_buf_puts(out, "<br>");
        html_element(out, "strong", NULL, hm_json_text(f, "check"));
        html_element(out, "span", NULL, ": required: ");
        html_text(out, hm_json_text(f, "required"));
        html_element(out, "span", NULL, "; found: ");
        html_text(out, hm_json_text(f, "found"));
    }
    if (json_is_true(json_object_get(r, "unreadable")))
        html_element(out, "span", "s", " the verdict could not be had or read");
    hm_buf_puts(out, "</td>");
}

void page_refusals(struct hm_buf *out, const json_t *doc)
{
    static const char *const headers[] = {"#Record", "Time", "What", "Who", "About", "Why"};
    const json_t *list = json_object_get(doc, "refusals");
    page_section(out, "refusals", "7 Refusals");
    if (json_array_size(list) == 0) {
        page_nothing(out, "Nothing was refused in this period.");
        return;
    }
    html_table(out, "rows", headers, 6);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *r = json_array_get(list, i);
        begin_row(out, r);
        html_element(out, "td", NULL, hm_json_text(r, "event"));
        html_open(out, "td", "w");
        page_person(out, json_object_get(r, "person"));
        hm_buf_puts(out, "</td>");
        subject(out, r);
        findings(out, r);
        hm_buf_puts(out, "</tr>\n");
    }
    html_table_end(out);
}

/* ---- changes ---- */

void page_changes(struct hm_buf *out, const json_t *doc)
{
    static const char *const headers[] = {"#Record", "Time", "What"};
    const json_t *list = json_object_get(doc, "changes");
    page_section(out, "changes", "8 Policy, guards, lists of approvers, private detail");
    if (json_array_size(list) == 0) {
        page_nothing(out, "No rule changed in this period.");
        return;
    }
    html_table(out, "rows", headers, 3);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *c = json_array_get(list, i);
        const json_t *lines = json_object_get(c, "lines");
        begin_row(out, c);
        html_open(out, "td", "x");
        html_text(out, hm_json_text(c, "text"));
        for (size_t n = 0; n < json_array_size(lines); n++) {
            hm_buf_puts(out, "<br>");
            html_element(out, "span", "s", json_string_value(json_array_get(lines, n)));
        }
        hm_buf_puts(out, "</td></tr>\n");
    }
    html_table_end(out);
}

/* ---- anomalies ---- */

static void put_computed(struct hm_buf *out)
{
    static const char *const computed[] = {
        "sign-failed, sign-unknown, open-intention: every intention to sign without a signature.",
        "refusals-in-a-row: 5 or more refusals of one person or pipeline, with nothing else of "
        "theirs between them, each within an hour of the one before.",
        "unrecorded-refusals: the registrar writes only so many refusals of one caller in a "
        "minute, "
        "and then their number.",
        "unusual-hour, unusual-day: for keys with at least 30 signatures in the log up to the end "
        "of the period. An hour of the day (UTC) is unusual if fewer than 5 % of them were made in "
        "it or the hours beside it; a day of the week, if fewer than 5 % were made on it.",
        "key-limit: a key reached 80 % of the signatures that a rule of the policy allows within "
        "its window, counted at each signature of the period.",
        "clock-stood, clock-ahead: an approval in the same millisecond as its submission; more "
        "than "
        "1000 records of one millisecond; records later than the making of this report.",
        "restart: every start of the registrar. After a jump of its clock it stops until somebody "
        "starts it again.",
    };
    hm_buf_puts(out, "<h3>How they are computed</h3>\n<ul class=\"s\">\n");
    for (size_t i = 0; i < sizeof computed / sizeof computed[0]; i++) {
        html_element(out, "li", NULL, computed[i]);
        hm_buf_putc(out, '\n');
    }
    hm_buf_puts(out, "</ul>\n");
}

static bool is_mild(const char *kind)
{
    return strcmp(kind, "restart") == 0 || strcmp(kind, "key-limit") == 0;
}

void page_anomalies(struct hm_buf *out, const json_t *doc)
{
    static const char *const headers[] = {"#Record", "Time", "Kind", "What"};
    const json_t *list = json_object_get(doc, "anomalies");
    page_section(out, "anomalies", "9 Anomalies");
    if (json_array_size(list) == 0)
        page_nothing(out, "None.");
    else
        html_table(out, "rows", headers, 4);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *a = json_array_get(list, i);
        const char *kind = hm_json_text(a, "kind");
        begin_row(out, a);
        html_open(out, "td", NULL);
        html_element(out, "span", is_mild(kind) ? "tag" : "tag bad", kind);
        hm_buf_puts(out, "</td>");
        html_element(out, "td", "x", hm_json_text(a, "text"));
        hm_buf_puts(out, "</tr>\n");
    }
    if (json_array_size(list) > 0)
        html_table_end(out);
    put_computed(out);
}

/* ---- appendix ---- */

void page_appendix(struct hm_buf *out, const json_t *doc)
{
    static const char *const headers[] = {"#Record", "Time", "Event", "Leaf hash"};
    const json_t *list = json_object_get(doc, "appendix");
    page_section(out, "records", "Appendix: records that this report mentions");
    hm_buf_puts(out, "<p class=\"s\">The leaf hash is the SHA-256 of a zero byte and the record "
                     "(RFC 6962). hallmark log proof INDEX gives the record with its proof.</p>\n");
    html_table(out, "rows", headers, 4);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *m = json_array_get(list, i);
        hm_buf_printf(out, "<tr id=\"record-%" JSON_INTEGER_FORMAT "\">", page_int(m, "index"));
        html_elementf(out, "td", "n", "%" JSON_INTEGER_FORMAT, page_int(m, "index"));
        html_open(out, "td", NULL);
        page_time(out, hm_json_text(m, "time"));
        hm_buf_puts(out, "</td>");
        html_element(out, "td", NULL, hm_json_text(m, "event"));
        html_element(out, "td", "m", hm_json_text(m, "leaf"));
        hm_buf_puts(out, "</tr>\n");
    }
    html_table_end(out);
}
