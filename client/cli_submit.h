/* The parts of a submission: the request from options or a file, artifacts hashed and uploaded, the
 * acknowledgement compared with what was asked. */
#ifndef CLIENT_CLI_SUBMIT_H
#define CLIENT_CLI_SUBMIT_H

#include "client/cli_proof.h"
#include "schema/attest/hm_request.h"

struct cli_submission {
    struct hm_request request;
    const char *files[HM_ARTIFACTS_MAX]; /* local file of each artifact, borrowed or owned below */
    char *owned[HM_ARTIFACTS_MAX];
    struct hm_buf attestations[HM_ATTESTATIONS_MAX];
    struct hm_buf payload; /* the request's bytes */
};
struct cli_submission *cli_submission_new(void); /* NULL without memory */
void cli_submission_free_ptr(struct cli_submission **s);
#define CLI_SUBMISSION_AUTO __attribute__((cleanup(cli_submission_free_ptr))) struct cli_submission

/* SHA-256 and size of a file, read once in constant memory. HM_E_IO, HM_E_LIMIT. */
enum hm_err HM_MUST_USE cli_hash_file(const char *path, struct hm_digest *digest, uint64_t *size,
                                      struct hm_why *why);
/* "FILE[:name[:slot]]" -> artifact (hashed) and the file's path (free()). HM_E_CONFIG, HM_E_IO. */
enum hm_err HM_MUST_USE cli_artifact_spec(const char *spec, struct hm_artifact *out, char **path,
                                          struct hm_why *why);
/* "model/revision". HM_E_CONFIG. */
enum hm_err HM_MUST_USE cli_hardware_spec(const char *spec, struct hm_hardware *out,
                                          struct hm_why *why);
/* "2.0.0", numbers and nothing behind them: 1 to 4. HM_E_CONFIG. */
enum hm_err HM_MUST_USE cli_numbers_spec(const char *spec, uint32_t out[static 4], size_t *count);
/* "product:version". HM_E_CONFIG. */
enum hm_err HM_MUST_USE cli_dependency_spec(const char *spec, struct hm_dependency *out,
                                            struct hm_why *why);

/* Fills everything from the command line; payload is checked with the registrar's own parser. */
enum hm_err HM_MUST_USE cli_submission_prepare(struct cli *c, struct cli_submission *s);
/* HEAD, then PUT what the server does not have. */
enum hm_err HM_MUST_USE cli_submission_upload(struct cli *c, const struct cli_submission *s);
/* The proven record says what was asked, and the statement too. token: one stood in place of the
 * signature, so that its key is the record's last evidence. HM_E_DENIED. */
enum hm_err HM_MUST_USE cli_submission_check(const struct cli_submission *s, bool token,
                                             const struct cli_ack *ack, struct hm_why *why);

#endif
