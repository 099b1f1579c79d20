/* A program's configuration file: JSON, unknown keys are errors, the error names file, line and
 * key. */
#ifndef SERVER_IPC_PROC_CONFIG_H
#define SERVER_IPC_PROC_CONFIG_H

#include "schema/json/hm_json.h"

struct proc_config {
    char *path; /* owned */
    struct hm_buf text;
    json_t *doc;
    struct hm_json_in in; /* of the document's root: read members from here */
    struct hm_why *why;
};
/* Reads and parses; then the caller reads members with hm_json_*(&c->in, …) and ends with
 * proc_config_end. A file that is missing, too large, not to be read or no JSON: HM_E_CONFIG. */
enum hm_err HM_MUST_USE proc_config_open(const char *path, struct proc_config *c,
                                         struct hm_why *why);
/* Required absolute or relative path; relative ones are taken from the configuration file's folder.
 * Caller owns (free). NULL on error, which is latched. */
char *proc_config_path(struct proc_config *c, const char *member);
char *proc_config_path_or_null(struct proc_config *c, const char *member);
char *proc_config_resolve(const struct proc_config *c,
                          const char *value); /* the same for a value found elsewhere */
/* Ends reading: unknown members and latched errors come out with "FILE:LINE: $.member: …" as
 * HM_E_CONFIG. */
enum hm_err HM_MUST_USE proc_config_end(struct proc_config *c);
void proc_config_close(struct proc_config *c);

#endif
