/* RFC 9457 problem documents of the server: which error they are, and how they are shown. */
#ifndef CLIENT_CLI_PROBLEM_H
#define CLIENT_CLI_PROBLEM_H

#include "schema/core/hm_bytes.h"

#include <stdio.h>

#define CLI_PROBLEM_MAX ((size_t)512 * 1024) /* bytes: findings and a proof stand in it */

/* Whether the document's type is urn:hallmark:problem:NAME. */
bool cli_problem_is(struct hm_bytes body, const char *name);
/* The error for a status that is no success, with the problem's own words as text. */
enum hm_err cli_problem_error(const char *method, const char *path, long status,
                              struct hm_bytes body, struct hm_why *why);
/* The findings of a policy refusal as a table; nothing where there are none. */
void cli_problem_findings(struct hm_bytes body, FILE *out, bool color);

#endif
