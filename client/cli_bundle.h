/* Checks over a bundle, before anything of it gets its final name: the log's proof, the device
 * library's whole verification under a pinned root, and the approvals. */
#ifndef CLIENT_CLI_BUNDLE_H
#define CLIENT_CLI_BUNDLE_H

#include "client/cli_facts.h"
#include "schema/trust/hm_trust_store.h"

#define CLI_BUNDLE_MAX ((size_t)64 * 1024 * 1024)

struct cli_bundle {
    struct hm_buf envelope;
    struct cli_record signed_record;
    struct hm_buf trust_store;
    struct hm_buf approvals[HM_APPROVALS_MAX];
    size_t approval_count;
    uint64_t store_epoch;
    size_t witnesses; /* that the trust store lists */
    size_t quorum;    /* of them, how many must have cosigned; 0 without witnesses */
    size_t cosigned;  /* of them, how many did */
    size_t people;    /* whose approvals verified */
};
struct cli_bundle *cli_bundle_new(void);
void cli_bundle_free_ptr(struct cli_bundle **b);
#define CLI_BUNDLE_AUTO __attribute__((cleanup(cli_bundle_free_ptr))) struct cli_bundle

/* Root keys that the user believes: --root-key, or the root of the pinned trust store. */
struct cli_pins {
    uint8_t kids[HM_ROOT_KEYS_MAX][HM_KID_LEN];
    size_t count;
    size_t threshold;   /* of the pinned store; more than half where only keys are pinned */
    uint64_t epoch_min; /* of the pinned store, 0 where only keys are pinned */
};
enum hm_err HM_MUST_USE cli_pins_load(struct cli *c, struct cli_pins *out);

/* Reads the server's answer and compares all that facts already say (statement, request,
 * attestations, artifacts, envelope, record). HM_E_MALFORMED, HM_E_SIGNATURE, HM_E_DENIED. */
enum hm_err HM_MUST_USE cli_bundle_read(struct hm_bytes body, const struct cli_facts *f,
                                        const struct hm_vkey *log_key, struct cli_bundle *out,
                                        struct hm_why *why);
/* Every class of the release, with the device's own code. HM_E_DENIED names the reason. */
enum hm_err HM_MUST_USE cli_bundle_check_device(struct cli_bundle *b, const struct cli_facts *f,
                                                const struct cli_pins *pins, struct hm_why *why);
/* Signatures over the statement by enough people of the rule's group. */
enum hm_err HM_MUST_USE cli_bundle_check_approvals(struct cli_bundle *b, const struct cli_facts *f,
                                                   struct hm_why *why);

#endif
