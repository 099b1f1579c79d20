/* Head, summary, and what the report rests on. */
#include "client/cli_report_page.h"

#include "client/cli_report.h"
#include "client/cli_when.h"
#include "schema/core/hm_text.h"

#include <string.h>

json_int_t page_int(const json_t *v, const char *member)
{
    return json_integer_value(json_object_get(v, member));
}

void page_time(struct hm_buf *out, const char *time)
{
    char text[CLI_WHEN_TEXT];
    if (strlen(time) < 20) {
        html_text(out, "–");
        return;
    }
    (void)snprintf(text, sizeof text, "%.10s %.8s", time, time + 11);
    html_element(out, "span", "t", text);
}

void page_record(struct hm_buf *out, json_int_t idx)
{
    hm_buf_printf(out, "<a href=\"#record-%" JSON_INTEGER_FORMAT "\">%" JSON_INTEGER_FORMAT "</a>",
                  idx, idx);
}

void page_person(struct hm_buf *out, const json_t *person)
{
    const char *name = hm_json_text(person, "name");
    const char *id = hm_json_text(person, "id");
    if (id[0] == '\0') {
        html_element(out, "span", "s", "the service");
        return;
    }
    html_text(out, name[0] != '\0' ? name : id);
    if (name[0] != '\0')
        html_elementf(out, "span", "s", " (%s)", id);
    if (json_is_false(json_object_get(person, "proven")))
        html_element(out, "span", "s", " *");
}

void page_section(struct hm_buf *out, const char *id, const char *title)
{
    hm_buf_printf(out, "<h2 id=\"%s\">", id);
    html_text(out, title);
    hm_buf_puts(out, "</h2>\n");
}

void page_nothing(struct hm_buf *out, const char *what)
{
    html_element(out, "p", "s", what);
    hm_buf_putc(out, '\n');
}

/* ---- the head ---- */

static void put_head(struct hm_buf *out, const json_t *doc)
{
    HM_BUF_AUTO hash = {.limit = 128};
    struct hm_digest d = hm_sha256(hm_bytes_str(cli_report_style));
    hm_base64(&hash, hm_bytes_of(d.b, sizeof d.b));
    hm_buf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    hm_buf_printf(out,
                  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                  "style-src 'sha256-%s'; base-uri 'none'; form-action 'none'\">\n",
                  hm_buf_str(&hash));
    hm_buf_puts(out, "<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"viewport\" "
                     "content=\"width=device-width\">\n<title>Audit report: ");
    html_text(out, hm_json_text(doc, "origin"));
    hm_buf_printf(out, "</title>\n<style>%s</style>\n</head>\n<body>\n", cli_report_style);
}

static void fact(struct hm_buf *out, const char *name, const char *text)
{
    html_open(out, "tr", NULL);
    html_element(out, "th", NULL, name);
    html_element(out, "td", NULL, text);
    hm_buf_puts(out, "</tr>\n");
}

static void put_period(struct hm_buf *out, const json_t *doc)
{
    char text[128];
    const json_t *period = json_object_get(doc, "period");
    const char *since = hm_json_text(period, "since");
    const char *until = hm_json_text(period, "until");
    (void)snprintf(text, sizeof text, "%s to %s",
                   since[0] != '\0' ? since : "the beginning of the log",
                   until[0] != '\0' ? until : "the end of the log");
    fact(out, "Period", text);
}

static void put_title(struct hm_buf *out, const json_t *doc)
{
    char text[128];
    const json_t *records = json_object_get(doc, "records");
    const char *product = hm_json_text(doc, "product");
    html_element(out, "h1", NULL, "Audit report");
    hm_buf_puts(out, "<p class=\"origin\">Firmware signing log ");
    html_element(out, "strong", NULL, hm_json_text(doc, "origin"));
    hm_buf_puts(out, "</p>\n<table class=\"facts\"><tbody>\n");
    put_period(out, doc);
    fact(out, "Products", product[0] != '\0' ? product : "all");
    if (page_int(records, "count") > 0)
        (void)snprintf(text, sizeof text,
                       "%" JSON_INTEGER_FORMAT ", index %" JSON_INTEGER_FORMAT
                       " to %" JSON_INTEGER_FORMAT ", in a log of %" JSON_INTEGER_FORMAT,
                       page_int(records, "count"), page_int(records, "first"),
                       page_int(records, "last"),
                       page_int(json_object_get(doc, "checkpoint"), "size"));
    else
        (void)snprintf(text, sizeof text, "none");
    fact(out, "Records of the period", text);
    (void)snprintf(text, sizeof text, "%s, by %s, from %s", hm_json_text(doc, "made"),
                   hm_json_text(doc, "made_by"), hm_json_text(doc, "source"));
    fact(out, "Made", text);
    hm_buf_puts(out, "</tbody></table>\n<p class=\"s\">All times are UTC. Numbers in tables are "
                     "indexes of records; each leads to its leaf hash in the "
                     "<a href=\"#records\">appendix</a>. An asterisk behind a name: see "
                     "<a href=\"#basis\">what this does not prove</a>.</p>\n");
}

/* ---- summary ---- */

static void figure(struct hm_buf *out, const json_t *sums, const char *member, const char *label,
                   bool alert)
{
    json_int_t n = page_int(sums, member);
    html_open(out, "li", alert && n > 0 ? "alert" : NULL);
    html_elementf(out, "b", NULL, "%" JSON_INTEGER_FORMAT, n);
    html_text(out, label);
    hm_buf_puts(out, "</li>\n");
}

static void put_figures(struct hm_buf *out, const json_t *sums)
{
    html_open(out, "ul", "figures");
    figure(out, sums, "signed", "signed", false);
    figure(out, sums, "submitted", "submitted", false);
    figure(out, sums, "approvals", "approvals", false);
    figure(out, sums, "break_glass", "break-glass", true);
    figure(out, sums, "refusals", "refusals", false);
    figure(out, sums, "changes", "rule changes", false);
    figure(out, sums, "anomalies", "anomalies", true);
    hm_buf_puts(out, "</ul>\n");
}

static const char *const columns[] = {"submitted", "signed",  "refused",    "rejected",
                                      "cancelled", "expired", "superseded", "open"};

static void product_row(struct hm_buf *out, const json_t *row, bool total)
{
    html_open(out, "tr", total ? "total" : NULL);
    html_element(out, "td", NULL, total ? "all" : hm_json_text(row, "product"));
    html_element(out, "td", NULL, hm_json_text(row, "channel"));
    const char *environment = hm_json_text(row, "environment");
    html_element(out, "td", NULL, environment[0] != '\0' || total ? environment : "–");
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        html_elementf(out, "td", "n", "%" JSON_INTEGER_FORMAT, page_int(row, columns[i]));
    hm_buf_puts(out, "</tr>\n");
}

static void put_products(struct hm_buf *out, const json_t *doc)
{
    static const char *const headers[] = {"Product",  "Channel",     "Environment", "#Submitted",
                                          "#Signed",  "#Refused",    "#Rejected",   "#Cancelled",
                                          "#Expired", "#Superseded", "#Open"};
    const json_t *rows = json_object_get(doc, "by_product");
    html_table(out, "rows", headers, 11);
    for (size_t i = 0; i < json_array_size(rows); i++)
        product_row(out, json_array_get(rows, i), false);
    product_row(out, json_object_get(doc, "summary"), true);
    html_table_end(out);
    hm_buf_puts(out,
                "<p class=\"s\">Submitted: in the period. Signed, rejected, cancelled, expired, "
                "superseded: ended so in the period, whenever they were submitted. Refused: "
                "submissions that the policy did not let in; no environment was decided. "
                "Open: not ended when the period did.</p>\n");
}

static void put_silence(struct hm_buf *out, const json_t *records)
{
    char text[CLI_WHEN_TEXT];
    if (page_int(records, "count") == 0)
        return;
    cli_when_span((uint64_t)page_int(records, "longest_silence_ms"), text);
    html_elementf(out, "p", "s",
                  "The longest time without a record was %s, before record %" JSON_INTEGER_FORMAT
                  ".",
                  text, page_int(records, "longest_silence_before"));
}

static void put_summary(struct hm_buf *out, const json_t *doc)
{
    json_int_t unrecorded = page_int(json_object_get(doc, "summary"), "refusals_unrecorded");
    page_section(out, "summary", "1 Summary");
    put_figures(out, json_object_get(doc, "summary"));
    if (unrecorded > 0)
        html_elementf(out, "p", NULL,
                      "%" JSON_INTEGER_FORMAT
                      " more refusals have no records of their own (section 9).",
                      unrecorded);
    put_products(out, doc);
    put_silence(out, json_object_get(doc, "records"));
}

/* ---- what it rests on ---- */

static void list_item(struct hm_buf *out, const char *text)
{
    html_element(out, "li", NULL, text);
    hm_buf_putc(out, '\n');
}

static void put_proves(struct hm_buf *out)
{
    hm_buf_puts(out, "<h3>What this proves</h3>\n<ul>\n");
    list_item(out, "Every record of the log, from the first to the last under this checkpoint, was "
                   "read and replayed: canonical form, chain, times, states of releases, sequence "
                   "numbers, one intention before each signature and one result after it. The "
                   "records make the root that the log's key signed. So nothing of the period was "
                   "left out of this report, changed or put in by whoever delivered the records.");
    list_item(out, "Reasons, policies and names come from evidence whose SHA-256 stands in the "
                   "records. Names are those of the policy that was in force at that record.");
    hm_buf_puts(out, "</ul>\n<h3>What this does not prove</h3>\n<ul>\n");
    list_item(out,
              "That the log was never shown to others in another form: compare this checkpoint "
              "with what other auditors or witnesses have of this size.");
    list_item(out, "That the signatures of people, builders and keys hold: hallmark log verify "
                   "--deep judges every intention again from its evidence.");
    list_item(out, "That times are right: they are the registrar's, and only known not to fall.");
    list_item(out,
              "Who asked, where an asterisk stands behind a name: there nobody signed anything "
              "that holds, and the name is the one that the service's door took from the "
              "connection.");
    hm_buf_puts(out, "</ul>\n");
}

static void put_basis(struct hm_buf *out, const json_t *doc)
{
    char text[64];
    const json_t *c = json_object_get(doc, "checkpoint");
    json_int_t missing = page_int(doc, "documents_missing");
    page_section(out, "basis", "3 What this report rests on");
    hm_buf_puts(out, "<p class=\"keep\">The signed checkpoint under which all records were "
                     "verified:</p>\n<pre>");
    const char *note = hm_json_text(c, "text");
    while (*note != '\0') { /* line by line: the text's own line ends are no control characters */
        char line[512];
        size_t len = strcspn(note, "\n");
        (void)snprintf(line, sizeof line, "%.*s", (int)(len < 511 ? len : 511), note);
        html_text(out, line);
        hm_buf_putc(out, '\n');
        note += len + (note[len] == '\n');
    }
    hm_buf_puts(out, "</pre>\n<table class=\"facts\"><tbody>\n");
    (void)snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, page_int(c, "size"));
    fact(out, "Size", text);
    fact(out, "Root (hex)", hm_json_text(c, "root"));
    fact(out, "Log key (id)", hm_json_text(c, "log_key"));
    hm_buf_puts(out, "</tbody></table>\n");
    if (missing > 0)
        html_elementf(out, "p", "note",
                      "%" JSON_INTEGER_FORMAT
                      " documents could not be had: people may stand here by their ids alone, and "
                      "reasons may be missing.",
                      missing);
    put_proves(out);
}

static void put_contents(struct hm_buf *out)
{
    static const char *const entries[][2] = {
        {"summary", "1 Summary"},
        {"glass", "2 Break-glass releases"},
        {"basis", "3 What this report rests on"},
        {"signed", "4 Releases signed: who approved what"},
        {"unsigned", "5 Releases not signed"},
        {"keys", "6 Keys used"},
        {"refusals", "7 Refusals"},
        {"changes", "8 Policy, guards, approvers, private detail"},
        {"anomalies", "9 Anomalies"},
        {"records", "Appendix: records"},
    };
    html_open(out, "ul", "toc");
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        hm_buf_printf(out, "<li><a href=\"#%s\">", entries[i][0]);
        html_text(out, entries[i][1]);
        hm_buf_puts(out, "</a></li>\n");
    }
    hm_buf_puts(out, "</ul>\n");
}

enum hm_err cli_report_page(const json_t *report, struct hm_buf *out, struct hm_why *why)
{
    put_head(out, report);
    put_title(out, report);
    put_contents(out);
    put_summary(out, report);
    page_glass(out, report);
    put_basis(out, report);
    page_signed(out, report);
    page_unsigned(out, report);
    page_keys(out, report);
    page_refusals(out, report);
    page_changes(out, report);
    page_anomalies(out, report);
    page_appendix(out, report);
    hm_buf_puts(out, "</body>\n</html>\n");
    enum hm_err err = hm_buf_err(out);
    return err == HM_OK
               ? HM_OK
               : hm_fail(why, err, "the page is too large: take a shorter period, or --json");
}
