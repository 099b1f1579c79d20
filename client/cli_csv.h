/* Records as CSV (RFC 4180): one header, one row for each record, columns that stay what and where
 * they are. For spreadsheets; the bytes that proofs are about are those of JSON Lines. */
#ifndef CLIENT_CLI_CSV_H
#define CLIENT_CLI_CSV_H

#include "schema/log/hm_record.h"

/* Both end with CR LF. */
void cli_csv_header(struct hm_buf *out);
void cli_csv_row(const struct hm_record *r, const struct hm_digest *leaf, struct hm_buf *out);
/* One cell. What a spreadsheet would take for a formula (it begins with = + - @, a tab or CR) gets
 * an apostrophe before it; quotes where RFC 4180 asks for them. */
void cli_csv_cell(const char *text, struct hm_buf *out);

#endif
