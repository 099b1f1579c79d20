/* Records with proof: what the server says happened counts only if the pinned log key signed a
 * checkpoint that covers it. Acknowledgements are such records with a little around them. */
#ifndef CLIENT_CLI_PROOF_H
#define CLIENT_CLI_PROOF_H

#include "client/cli.h"
#include "schema/log/hm_record.h"
#include "schema/log/hm_tlog_proof.h"

struct cli_record {
    struct hm_buf text;  /* the .tlog-proof file */
    struct hm_buf bytes; /* the record's exact bytes */
    struct hm_record record;
    struct hm_digest leaf;
    struct hm_path path;
    struct hm_checkpoint checkpoint;
};
void cli_record_free(struct cli_record *r);
#define CLI_RECORD_AUTO __attribute__((cleanup(cli_record_free))) struct cli_record

/* Verifies a proof file and parses its record; the record's own idx must be the proof's index.
 * HM_E_SIGNATURE, HM_E_MALFORMED. Copies proof. */
enum hm_err HM_MUST_USE cli_record_open(struct hm_bytes proof, const struct hm_vkey *log_key,
                                        struct cli_record *out, struct hm_why *why);
/* Fetches record idx with its proof. */
enum hm_err HM_MUST_USE cli_record_fetch(struct cli *c, uint64_t idx, struct cli_record *out);
/* Fetches blob n of a record's evidence and compares its digest. Appends to out. */
enum hm_err HM_MUST_USE cli_evidence_fetch(struct cli *c, const struct hm_record *r, size_t n,
                                           size_t max, struct hm_buf *out);

/* An acknowledgement whose proof has been verified. */
struct cli_ack {
    struct cli_record rec;
    char state[24];
    struct hm_buf statement; /* empty where the answer has none */
    struct hm_buf envelope;
};
void cli_ack_free(struct cli_ack *a);
#define CLI_ACK_AUTO __attribute__((cleanup(cli_ack_free))) struct cli_ack

#define CLI_ACK_MAX ((size_t)1024 * 1024)
/* HM_E_MALFORMED, HM_E_SIGNATURE; HM_E_DENIED where release, index or state contradict the record.
 */
enum hm_err HM_MUST_USE cli_ack_open(struct hm_bytes body, const struct hm_vkey *log_key,
                                     struct cli_ack *out, struct hm_why *why);
/* The record in an acknowledgement answers what was sent: this event, this release (unless it is
 * CLI_ANY_RELEASE), and evidence 0 is `document` (len 0: not asked). HM_E_DENIED. */
#define CLI_ANY_RELEASE UINT64_MAX
enum hm_err HM_MUST_USE cli_ack_answers(const struct cli_ack *a, enum hm_event event,
                                        uint64_t release, struct hm_bytes document,
                                        struct hm_why *why);
/* POSTs a signed document, opens the acknowledgement, checks cli_ack_answers. A refusal that the
 * server says it recorded is checked too and mentioned. */
enum hm_err HM_MUST_USE cli_post_document(struct cli *c, const char *path, struct hm_bytes body,
                                          enum hm_event event, uint64_t release,
                                          struct hm_bytes document, struct cli_ack *out);
/* "recorded: …" for people, or the acknowledgement as JSON. */
void cli_ack_report(const struct cli *c, const struct cli_ack *a);
/* The same where the record is older than what was sent: the server gave the answer that it stored
 * then. `now`: the state of the release by the server's word. */
void cli_ack_report_before(const struct cli *c, const struct cli_ack *a, const char *now);

#endif
