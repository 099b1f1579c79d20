/* Times as auditors write and read them: ISO 8601 with a zone, or how long ago. Pure but for the
 * zone of the machine, where somebody asks for it. Thread: main. */
#ifndef CLIENT_CLI_WHEN_H
#define CLIENT_CLI_WHEN_H

#include "schema/core/hm_bytes.h"

#define CLI_WHEN_TEXT 32 /* with NUL */

/* "2026-11-21T00:00:00Z", "2026-11-21T01:00+01:00" (seconds may be missing, the zone may not), or
 * how long before now: "45s", "30m", "12h", "7d", "2w". `option` is for the text. HM_E_CONFIG. */
enum hm_err HM_MUST_USE cli_when_parse(const char *option, const char *text, int64_t now_s,
                                       int64_t *unix_s, struct hm_why *why);
/* "2026-11-21T01:02:03Z", or in the machine's own zone "2026-11-21T02:02:03+01:00". */
void cli_when_text(uint64_t t_ms, bool local, char out[static CLI_WHEN_TEXT]);
/* "2026-11-21T01:02:03.004Z" */
void cli_when_exact(uint64_t t_ms, char out[static CLI_WHEN_TEXT]);
/* "3 d 4 h", "4 min 10 s", "0.250 s": the two largest units. */
void cli_when_span(uint64_t ms, char out[static CLI_WHEN_TEXT]);

#endif
