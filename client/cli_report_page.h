/* The page of a report, section by section. Each reads its part of the document. */
#ifndef CLIENT_CLI_REPORT_PAGE_H
#define CLIENT_CLI_REPORT_PAGE_H

#include "client/cli_html.h"
#include "schema/json/hm_json.h"

/* The page's style, one text. */
extern const char cli_report_style[];

/* A member as a number, 0 where it is missing. */
json_int_t page_int(const json_t *v, const char *member);
/* "2026-11-21 01:02:03" out of a time of the document; "–" where there is none. */
void page_time(struct hm_buf *out, const char *time);
/* A link to a record of the appendix. */
void page_record(struct hm_buf *out, json_int_t idx);
/* "Alice Example (alice)", with a mark where only the door vouches for who it was. */
void page_person(struct hm_buf *out, const json_t *person);
void page_section(struct hm_buf *out, const char *id, const char *title);
/* What stands in place of an empty table. */
void page_nothing(struct hm_buf *out, const char *what);

void page_signed(struct hm_buf *out, const json_t *doc);
void page_unsigned(struct hm_buf *out, const json_t *doc);
void page_glass(struct hm_buf *out, const json_t *doc);
void page_keys(struct hm_buf *out, const json_t *doc);
void page_refusals(struct hm_buf *out, const json_t *doc);
void page_changes(struct hm_buf *out, const json_t *doc);
void page_anomalies(struct hm_buf *out, const json_t *doc);
void page_appendix(struct hm_buf *out, const json_t *doc);

#endif
