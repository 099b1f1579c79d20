/* A policy document shown to people. */
#ifndef CLIENT_CLI_POLICY_H
#define CLIENT_CLI_POLICY_H

#include "client/cli.h"

/* Loads the document (every lint of policy/) and prints its rules, groups, people and keys. `file`
 * is for error texts. HM_E_MALFORMED and the like with FILE:LINE. */
enum hm_err HM_MUST_USE cli_policy_print(struct cli *c, const char *file, struct hm_bytes text);

#endif
