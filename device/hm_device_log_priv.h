/* Check 3: the release.signed record, its inclusion proof, the signed checkpoint, the witnesses. */
#ifndef DEVICE_HM_DEVICE_LOG_PRIV_H
#define DEVICE_HM_DEVICE_LOG_PRIV_H

#include "device/hm_device_verify.h"

#define HMD_PROOF_HASHES_MAX 63

/* A proof file taken apart; slices borrow it. */
struct hmd_proof {
    size_t record_len; /* bytes in work->record */
    uint64_t index;
    struct hmd_bytes hashes; /* hash_count lines, each with its LF */
    unsigned hash_count;
    struct hmd_bytes note; /* checkpoint text, up to and including the LF before the blank line */
    struct hmd_bytes origin;
    uint64_t size;
    uint8_t root[HMD_DIGEST_LEN];
    struct hmd_bytes signatures; /* lines after the blank one */
};

/* Reasons: HMD_PROOF_MALFORMED, HMD_RECORD_TOO_LARGE, HMD_CHECKPOINT_MALFORMED. */
enum hmd_reason hmd_proof_open(struct hmd_bytes proof, struct hmd_work *work,
                               struct hmd_proof *out);

/* Walks the path from the record's leaf. Reasons: HMD_RECORD_NOT_INCLUDED, HMD_PROOF_MALFORMED,
 * HMD_CRYPTO_FAILED. */
enum hmd_reason hmd_proof_included(const struct hmd_crypto *crypto, const struct hmd_proof *proof,
                                   struct hmd_bytes record);

/* Origin, signature of the log's key, quorum of witnesses. *witnesses: how many of the store's
 * cosigned, each counted once; lines of anybody else count for nothing. *quorum_time_s is the time
 * that a quorum vouches for, the quorum-th largest (0 where the store asks for none). Reasons:
 * HMD_CHECKPOINT_*, HMD_WITNESS_*, HMD_ALGORITHM_UNSUPPORTED, HMD_CRYPTO_FAILED. */
enum hmd_reason hmd_checkpoint_verify(const struct hmd_crypto *crypto,
                                      const struct hmd_store *store, const struct hmd_proof *proof,
                                      unsigned *witnesses, uint64_t *quorum_time_s);

/* The members a device reads, as the record says them. */
struct hmd_record {
    uint64_t index;
    uint64_t time_ms;
    uint64_t sequence;
    uint64_t store_epoch;
    struct hmd_bytes product;
    struct hmd_bytes version;
};

/* Compares the record with the manifest it must speak of. Reasons: HMD_RECORD_*. */
enum hmd_reason hmd_record_check(struct hmd_bytes record, const struct hmd_manifest *manifest,
                                 struct hmd_record *out);

#endif
