/* C2SP tlog-proof files (docs/formats/log-proof.md). */
#ifndef SCHEMA_LOG_HM_TLOG_PROOF_H
#define SCHEMA_LOG_HM_TLOG_PROOF_H

#include "schema/log/hm_checkpoint.h"
#include "schema/log/hm_merkle.h"

#define HM_TLOG_PROOF_MAX ((size_t)128 * 1024)

/* Appends the proof file; record goes into the extra line. */
void hm_tlog_proof_write(struct hm_bytes record, uint64_t index, const struct hm_path *path,
                         struct hm_bytes note, struct hm_buf *out);
struct hm_tlog_proof {
    uint64_t index;
    struct hm_buf record; /* from extra */
    struct hm_path path;
    struct hm_checkpoint checkpoint;
};
/* Parses and verifies everything: checkpoint by the log's key, inclusion of SHA-256(0x00 || extra).
 * An absent extra line is HM_E_MALFORMED. Caller frees out->record. */
enum hm_err HM_MUST_USE hm_tlog_proof_open(struct hm_bytes proof, const struct hm_vkey *v,
                                           struct hm_tlog_proof *out, struct hm_why *why);

#endif
