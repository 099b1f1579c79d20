/* The tables of a report: releases and keys. */
#include "client/cli_report_page.h"

#include "client/cli_when.h"

#include <inttypes.h>
#include <string.h>

static void cell(struct hm_buf *out, const char *class)
{
    html_open(out, "td", class);
}

static void end(struct hm_buf *out)
{
    hm_buf_puts(out, "</td>");
}

static void line_break(struct hm_buf *out)
{
    hm_buf_puts(out, "<br>");
}

static void span(struct hm_buf *out, json_int_t ms)
{
    char text[CLI_WHEN_TEXT];
    cli_when_span((uint64_t)ms, text);
    html_text(out, text);
}

/* "production 0123456789abcdef" */
static void key_text(struct hm_buf *out, const json_t *key)
{
    const char *name = hm_json_text(key, "name");
    if (name[0] != '\0') {
        html_text(out, name);
        hm_buf_putc(out, ' ');
    }
    html_elementf(out, "span", "m", "%.16s", hm_json_text(key, "id"));
}

static void records_cell(struct hm_buf *out, const json_t *list)
{
    cell(out, NULL);
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (i > 0)
            hm_buf_puts(out, ", ");
        page_record(out, json_integer_value(json_array_get(list, i)));
    }
    end(out);
}

/* ---- releases ---- */

static void release_cell(struct hm_buf *out, const json_t *r)
{
    cell(out, "w");
    html_element(out, "strong", NULL, hm_json_text(r, "id"));
    hm_buf_putc(out, ' ');
    html_text(out, hm_json_text(r, "product"));
    hm_buf_putc(out, ' ');
    html_element(out, "strong", NULL, hm_json_text(r, "version"));
    line_break(out);
    html_elementf(out, "span", "s", "%s, %s", hm_json_text(r, "channel"),
                  hm_json_text(r, "environment"));
    if (json_is_string(json_object_get(r, "break_glass"))) {
        line_break(out);
        html_element(out, "span", "tag bad", "break-glass");
    }
    end(out);
}

static void submitted_cell(struct hm_buf *out, const json_t *r)
{
    cell(out, NULL);
    page_person(out, json_object_get(r, "submitter"));
    line_break(out);
    page_time(out, hm_json_text(json_object_get(r, "submitted"), "time"));
    end(out);
}

static void approvals_cell(struct hm_buf *out, const json_t *r)
{
    const json_t *list = json_object_get(r, "approvals");
    cell(out, NULL);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *a = json_array_get(list, i);
        html_open(out, "div", "i");
        page_person(out, json_object_get(a, "person"));
        hm_buf_puts(out, ", <span class=\"t\">after ");
        span(out, page_int(a, "after_ms"));
        hm_buf_puts(out, "</span></div>");
    }
    if (json_array_size(list) == 0)
        html_element(out, "span", "s",
                     json_is_object(json_object_get(r, "signed")) ? "nobody: none were needed"
                                                                  : "nobody");
    end(out);
}

static void signed_cell(struct hm_buf *out, const json_t *r)
{
    const json_t *s = json_object_get(r, "signed");
    const json_t *keys = json_object_get(s, "keys");
    cell(out, NULL);
    page_time(out, hm_json_text(s, "time"));
    for (size_t i = 0; i < json_array_size(keys); i++) {
        line_break(out);
        key_text(out, json_array_get(keys, i));
    }
    line_break(out);
    html_element(out, "span", "s", "asked by ");
    page_person(out, json_object_get(s, "asked_by"));
    end(out);
}

static void signed_row(struct hm_buf *out, const json_t *r)
{
    html_open(out, "tr", NULL);
    release_cell(out, r);
    submitted_cell(out, r);
    approvals_cell(out, r);
    signed_cell(out, r);
    cell(out, "t");
    span(out, page_int(json_object_get(r, "signed"), "took_ms"));
    end(out);
    records_cell(out, json_object_get(r, "records"));
    hm_buf_puts(out, "</tr>\n");
}

void page_signed(struct hm_buf *out, const json_t *doc)
{
    static const char *const headers[] = {
        "Release", "Submitted", "Approved by", "Signed by", "From submission to it", "Records"};
    const json_t *list = json_object_get(doc, "releases");
    size_t shown = 0;
    page_section(out, "signed", "4 Releases signed: who approved what");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *r = json_array_get(list, i);
        if (!json_is_object(json_object_get(r, "signed")))
            continue;
        if (shown++ == 0)
            html_table(out, "rows", headers, 6);
        signed_row(out, r);
    }
    if (shown > 0)
        html_table_end(out);
    else
        page_nothing(out, "No release was signed in this period.");
}

static void outcome_cell(struct hm_buf *out, const json_t *r)
{
    const json_t *e = json_object_get(r, "end");
    const char *reason = hm_json_text(e, "reason");
    cell(out, NULL);
    html_element(out, "span", json_is_object(e) ? "tag bad" : "tag", hm_json_text(r, "state"));
    if (json_is_object(e)) {
        hm_buf_putc(out, ' ');
        page_time(out, hm_json_text(e, "time"));
        line_break(out);
        page_person(out, json_object_get(e, "person"));
    }
    if (reason[0] != '\0') {
        line_break(out);
        html_elementf(out, "span", NULL, "“%s”", reason);
    }
    end(out);
}

void page_unsigned(struct hm_buf *out, const json_t *doc)
{
    static const char *const headers[] = {"Release", "Submitted", "Approved by",
                                          "What became of it", "Records"};
    const json_t *list = json_object_get(doc, "releases");
    size_t shown = 0;
    page_section(out, "unsigned", "5 Releases not signed");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *r = json_array_get(list, i);
        if (json_is_object(json_object_get(r, "signed")))
            continue;
        if (shown++ == 0)
            html_table(out, "rows", headers, 5);
        html_open(out, "tr", NULL);
        release_cell(out, r);
        submitted_cell(out, r);
        approvals_cell(out, r);
        outcome_cell(out, r);
        records_cell(out, json_object_get(r, "records"));
        hm_buf_puts(out, "</tr>\n");
    }
    if (shown > 0)
        html_table_end(out);
    else
        page_nothing(out, "Every release of this period was signed.");
}

static void glass_box(struct hm_buf *out, const json_t *r)
{
    const json_t *s = json_object_get(r, "signed");
    const json_t *list = json_object_get(r, "approvals");
    html_open(out, "div", "glass");
    html_elementf(out, "h3", NULL, "%s: %s %s, channel %s", hm_json_text(r, "id"),
                  hm_json_text(r, "product"), hm_json_text(r, "version"),
                  hm_json_text(r, "channel"));
    hm_buf_puts(out, "<p>");
    html_elementf(out, "span", NULL, "“%s”", hm_json_text(r, "break_glass"));
    hm_buf_puts(out, "</p>\n<p>Submitted by ");
    page_person(out, json_object_get(r, "submitter"));
    hm_buf_puts(out, ", ");
    page_time(out, hm_json_text(json_object_get(r, "submitted"), "time"));
    hm_buf_puts(out, ". Approved by ");
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (i > 0)
            hm_buf_puts(out, ", ");
        page_person(out, json_object_get(json_array_get(list, i), "person"));
    }
    hm_buf_puts(out, json_array_size(list) == 0 ? "nobody. " : ". ");
    html_text(out, json_is_object(s) ? "Signed " : "Not signed: ");
    if (json_is_object(s))
        page_time(out, hm_json_text(s, "time"));
    else
        html_text(out, hm_json_text(r, "state"));
    hm_buf_puts(out, ". Record ");
    page_record(out, page_int(json_object_get(r, "submitted"), "index"));
    hm_buf_puts(out, ".</p></div>\n");
}

void page_glass(struct hm_buf *out, const json_t *doc)
{
    const json_t *list = json_object_get(doc, "releases");
    size_t shown = 0;
    page_section(out, "glass", "2 Break-glass releases");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *r = json_array_get(list, i);
        if (!json_is_string(json_object_get(r, "break_glass")))
            continue;
        glass_box(out, r);
        shown++;
    }
    if (shown == 0)
        page_nothing(out, "No release of this period asked for the break-glass rules.");
}

/* ---- keys ---- */

static void limit_cell(struct hm_buf *out, const json_t *limit)
{
    cell(out, NULL);
    if (json_is_object(limit)) {
        hm_buf_printf(out, "%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " within ",
                      page_int(limit, "used"), page_int(limit, "count"));
        span(out, 1000 * page_int(limit, "window_s"));
        line_break(out);
        html_elementf(out, "span", "s", "rule %s, record ", hm_json_text(limit, "rule"));
        page_record(out, page_int(limit, "index"));
    } else {
        html_element(out, "span", "s", "none");
    }
    end(out);
}

static void key_row(struct hm_buf *out, const json_t *k)
{
    static const char *const numbers[] = {"signed", "failed", "unknown", "signed_ever"};
    const json_t *asked = json_object_get(k, "asked_by");
    html_open(out, "tr", NULL);
    cell(out, NULL);
    html_element(out, "strong", NULL, hm_json_text(k, "name"));
    html_elementf(out, "span", "s", " (%s)", hm_json_text(k, "environment"));
    line_break(out);
    html_element(out, "span", "m", hm_json_text(k, "id"));
    end(out);
    for (size_t i = 0; i < 4; i++)
        html_elementf(out, "td", "n", "%" JSON_INTEGER_FORMAT, page_int(k, numbers[i]));
    cell(out, NULL);
    page_time(out, hm_json_text(k, "first"));
    line_break(out);
    page_time(out, hm_json_text(k, "last"));
    end(out);
    cell(out, NULL);
    for (size_t i = 0; i < json_array_size(asked); i++) {
        const json_t *a = json_array_get(asked, i);
        if (i > 0)
            line_break(out);
        page_person(out, json_object_get(a, "person"));
        html_elementf(out, "span", NULL, ": %" JSON_INTEGER_FORMAT, page_int(a, "count"));
    }
    end(out);
    limit_cell(out, json_object_get(k, "limit"));
    hm_buf_puts(out, "</tr>\n");
}

void page_keys(struct hm_buf *out, const json_t *doc)
{
    static const char *const headers[] = {"Key",          "#Signed",           "#Failed",
                                          "#Unknown",     "#Ever until then",  "First, last use",
                                          "Asked for by", "Nearest to a limit"};
    const json_t *list = json_object_get(doc, "keys");
    page_section(out, "keys", "6 Keys used");
    if (json_array_size(list) == 0) {
        page_nothing(out, "No release key was used in this period.");
        return;
    }
    html_table(out, "rows", headers, 8);
    for (size_t i = 0; i < json_array_size(list); i++)
        key_row(out, json_array_get(list, i));
    html_table_end(out);
}
