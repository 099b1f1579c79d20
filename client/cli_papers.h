/* The documents behind the records: policies, out of the evidence of the records that put them into
 * force. Each is fetched once, when somebody first asks for it. What cannot be had (an export has
 * no evidence, a server may not give it, a document may not be one) is counted, and names are then
 * missing; evidence that is not what the record names is an error. Thread: main. */
#ifndef CLIENT_CLI_PAPERS_H
#define CLIENT_CLI_PAPERS_H

#include "client/cli_policy.h"
#include "client/cli_source.h"
#include "schema/attest/hm_roster.h"
#include "schema/trust/hm_guards.h"

struct cli_papers {
    struct cli_source *source;
    struct cli_paper *policies;
    size_t count, cap;
    uint64_t missing; /* documents that could not be had */
};
void cli_papers_begin(struct cli_papers *p, struct cli_source *source);
void cli_papers_end(struct cli_papers *p);
/* Takes note of where a policy stands; other records do nothing. */
enum hm_err HM_MUST_USE cli_papers_note(struct cli_papers *p, const struct hm_record *r,
                                        struct hm_why *why);
/* The policy with this digest; *out NULL where it cannot be had. Borrowed. */
enum hm_err HM_MUST_USE cli_papers_policy(struct cli_papers *p, const struct hm_digest *digest,
                                          const struct cli_policy **out, struct hm_why *why);
/* The policy that a record names. */
enum hm_err HM_MUST_USE cli_papers_of(struct cli_papers *p, const struct hm_record *r,
                                      const struct cli_policy **out, struct hm_why *why);
/* One blob of evidence. *found false where it cannot be had, which is counted. */
enum hm_err HM_MUST_USE cli_papers_blob(struct cli_papers *p, const struct hm_record *r, size_t n,
                                        size_t max, struct hm_buf *out, bool *found,
                                        struct hm_why *why);

/* The guards document that log.created or guards.changed brought, and the list of approvers that
 * roster.changed did. *found false where it cannot be had. Callers hm_guards_free(); the roster is
 * large: allocate it. */
enum hm_err HM_MUST_USE cli_papers_guards(struct cli_papers *p, const struct hm_record *r,
                                          struct hm_guards *out, bool *found, struct hm_why *why);
enum hm_err HM_MUST_USE cli_papers_roster(struct cli_papers *p, const struct hm_record *r,
                                          struct hm_roster *out, bool *found, struct hm_why *why);
/* Key ids in hex: an array of texts. New reference. */
json_t *cli_key_ids(const struct hm_key *keys, size_t count);
/* Whether an array of texts holds this one. */
bool cli_texts_have(const json_t *list, const char *text);

/* Name of a principal in a policy; NULL where there is none, or it says no more than the id. */
const char *cli_policy_name_of(const struct cli_policy *p, const char *id);
/* A release key by its key id, or NULL. */
const struct policy_release_key *cli_policy_key_of(const struct cli_policy *p,
                                                   const struct hm_digest *key_id);

#endif
