/* Everything about one release that an approver or a receiver compares: the statement, the proven
 * record of the submission, the signed request, the manifest. They come from a server that may lie;
 * cli_facts_check says whether they all tell the same story. */
#ifndef CLIENT_CLI_FACTS_H
#define CLIENT_CLI_FACTS_H

#include "client/cli_proof.h"
#include "policy/policy.h"
#include "schema/attest/hm_approval.h"
#include "schema/suit/hm_suit.h"

struct cli_facts {
    uint64_t release;
    struct hm_buf statement_text;
    struct hm_approval statement;
    struct cli_record submitted;
    struct hm_buf request_doc; /* the signed document */
    struct hm_request request;
    struct hm_buf manifest;
    struct hm_suit_release suit;
    struct hm_buf attestations[HM_ATTESTATIONS_MAX];
    size_t attestation_count;
    struct policy *policy; /* the one that the statement names, NULL where it could not be had */
    char vendor_domain[256];
    bool vendor_pinned; /* the domain comes from the user's settings, not from the server */
};

/* Fetches all of it for a release and checks it. The struct is large: the caller allocates it with
 * cli_facts_new. */
enum hm_err HM_MUST_USE cli_facts_load(struct cli *c, uint64_t release, struct cli_facts *f);
struct cli_facts *cli_facts_new(void); /* NULL without memory */
void cli_facts_free(struct cli_facts *f);
void cli_facts_free_ptr(struct cli_facts **f);
#define CLI_FACTS_AUTO __attribute__((cleanup(cli_facts_free_ptr))) struct cli_facts

/* Parts of the check; pure. Each: HM_E_DENIED with what differs. */
enum hm_err HM_MUST_USE cli_facts_check(const struct cli_facts *f, const char *origin,
                                        struct hm_why *why);
enum hm_err HM_MUST_USE cli_facts_check_record(const struct cli_facts *f, struct hm_why *why);
enum hm_err HM_MUST_USE cli_facts_check_request(const struct hm_approval *s,
                                                const struct hm_request *r, struct hm_why *why);
enum hm_err HM_MUST_USE cli_facts_check_manifest(const struct cli_facts *f, struct hm_why *why);
enum hm_err HM_MUST_USE cli_facts_check_provenance(const struct cli_facts *f, struct hm_why *why);

/* Plain words for an approver, everything escaped. */
void cli_facts_show(const struct cli *c, const struct cli_facts *f, FILE *out);

/* The policy document with this digest: the pinned file, the server's, or one from the log's
 * evidence. HM_E_NOT_FOUND. Appends to out. */
enum hm_err HM_MUST_USE cli_policy_fetch(struct cli *c, const struct hm_digest *digest,
                                         struct hm_buf *out);

#endif
