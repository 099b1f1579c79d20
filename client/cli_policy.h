/* A policy document for people: loaded with every check the registrar makes, and shown. */
#ifndef CLIENT_CLI_POLICY_H
#define CLIENT_CLI_POLICY_H

#include "client/cli.h"
#include "policy/policy.h"

#include <jansson.h>

/* A loaded policy with its document, for what policy.h has no question for. */
struct cli_policy {
    struct policy *policy;
    json_t *doc;
};
/* `file` is for error texts: FILE:LINE. A place that `policy new` left to be filled in is named
 * first. */
enum hm_err HM_MUST_USE cli_policy_load(struct cli *c, const char *file, struct hm_bytes text,
                                        struct cli_policy *out);
/* The same from a file. */
enum hm_err HM_MUST_USE cli_policy_open(struct cli *c, const char *file, struct cli_policy *out);
void cli_policy_close(struct cli_policy *p);
#define CLI_POLICY_AUTO __attribute__((cleanup(cli_policy_close))) struct cli_policy

/* Loads the document and prints its rules, groups, people and keys, with a remark where a time zone
 * is not what this machine knows by its name. HM_E_MALFORMED and the like with FILE:LINE. */
enum hm_err HM_MUST_USE cli_policy_print(struct cli *c, const char *file, struct hm_bytes text);

/* What stands at the beginning of a text that somebody has to fill in. No key, URI, name or domain
 * begins like this, so policy_load refuses it too. */
#define CLI_POLICY_FILL_IN "FILL IN: "
/* Places in a document that are to be filled in, as lines "<path>: <what>"; how many. */
size_t cli_policy_places(const json_t *doc, struct hm_buf *lines);
/* Lines as they are, indented, everything unprintable escaped. */
void cli_policy_put_lines(FILE *out, const char *lines);

#endif
