/* An audit report for a period: what the whole log says about it, replayed under a signed
 * checkpoint. It is collected into one JSON document; the page for people is a view of that
 * document and holds nothing else. Thread: main. */
#ifndef CLIENT_CLI_REPORT_H
#define CLIENT_CLI_REPORT_H

#include "client/cli_story.h"

#define CLI_REPORT_ROWS_MAX 50000 /* releases, refusals and changes in one report */

struct cli_report_input {
    struct cli_filter period; /* times and product; the rest is not looked at */
    int64_t now_s;            /* when the report is made */
};
/* Walks the whole of the source; *out is the caller's to json_decref(). HM_E_LIMIT where the period
 * holds too much; errors of cli_source_walk. */
enum hm_err HM_MUST_USE cli_report_make(struct cli_source *source,
                                        const struct cli_report_input *in, json_t **out);
/* The page: one file without scripts and without references to anything else. HM_E_LIMIT. */
enum hm_err HM_MUST_USE cli_report_page(const json_t *report, struct hm_buf *out,
                                        struct hm_why *why);

#endif
