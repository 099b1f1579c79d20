/* Checks 1 to 5 of a release: envelope, authentication, log, freshness, compatibility
 * (docs/formats/manifest.md, log-proof.md, record.md). Separately callable: the signing service
 * runs checks 1, 2 and 5 before a proof exists, and everything afterwards, as a device does. */
#ifndef DEVICE_HM_DEVICE_VERIFY_H
#define DEVICE_HM_DEVICE_VERIFY_H

#include "device/hm_device_store.h"

#define HMD_ENVELOPE_MAX ((size_t)16 * 1024) /* bytes */
#define HMD_MANIFEST_MAX ((size_t)8 * 1024)  /* bytes */
#define HMD_PROOF_MAX ((size_t)12 * 1024)    /* bytes of a .tlog-proof file */
#define HMD_RECORD_MAX 2048                  /* bytes of a release.signed record */
#define HMD_URI_MAX 512                      /* bytes */
#define HMD_NAME_MAX 64                      /* bytes of a product or version */
#define HMD_SIGNERS_MAX 8                    /* signature blocks of one envelope */
#define HMD_SLOTS 2
#define HMD_VERSION_PARTS 8

/* Who this device is. vendor = UUIDv5(DNS, vendor domain), class_id =
 * UUIDv5(vendor, "product/model/revision/region"). */
struct hmd_identity {
    uint8_t vendor[HMD_ID_LEN];
    uint8_t class_id[HMD_ID_LEN];
};

/* A dotted version as numbers; a part below 0 marks a pre-release. */
struct hmd_version {
    unsigned count; /* 0: none */
    int64_t part[HMD_VERSION_PARTS];
};

/* The image for one slot. */
struct hmd_image {
    bool present;
    uint8_t digest[HMD_DIGEST_LEN];
    uint64_t size;        /* bytes */
    struct hmd_bytes uri; /* borrows the envelope */
};

/* What a manifest says. Only where reason is HMD_OK may anything but `reason`, `digest` and
 * `sequence` be used; those two are there for the outcome record (sequence stays 0 until
 * the signatures hold). */
struct hmd_manifest {
    enum hmd_reason reason;
    uint8_t digest[HMD_DIGEST_LEN]; /* SUIT digest: SHA-256 of the manifest bstr with its header */
    uint64_t sequence;
    struct hmd_image image[HMD_SLOTS];
    uint64_t use_before_s;   /* Unix seconds, 0: none */
    uint64_t rollback_floor; /* 0: none */
    struct hmd_version installed_at_least;
    unsigned signer_count; /* distinct allowed keys whose signatures verified */
    uint8_t signer[HMD_SIGNERS_MAX][HM_KID_LEN];
};

/* What hmd_verify_manifest judges besides the store. */
struct hmd_rules {
    uint64_t time_s; /* Unix seconds for use-before and key validity; 0: judge neither */
    struct hmd_bytes installed_version; /* len 0: do not judge version conditions */
};

/* Checks 1, 2 and 5. *out is cleared first and its reason is what the function returns. Slices in
 * *out borrow `envelope`. Reasons: those of checks 1, 2 and 5, HMD_USE_BEFORE_PASSED,
 * HMD_CRYPTO_FAILED. */
HMD_MUST_USE enum hmd_reason
hmd_verify_manifest(const struct hmd_crypto *crypto, const struct hmd_store *store,
                    const struct hmd_identity *id, struct hmd_bytes envelope,
                    const struct hmd_rules *rules, struct hmd_manifest *out);

/* What the device remembers (hmd_state_facts fills it from the stored state). */
struct hmd_facts {
    bool confirmed; /* a release was confirmed before: the next two count */
    uint64_t sequence;
    uint8_t digest[HMD_DIGEST_LEN]; /* SUIT digest of the confirmed release */
    uint64_t rollback_floor;
    uint64_t store_epoch; /* highest epoch used so far */
    uint64_t time_floor_s;
    struct hmd_bytes
        version; /* installed version; len 0: unknown, and then every version condition fails */
};

/* Scratch memory of hmd_verify_release, owned by the caller, so that the record is not on the
 * stack. Must live as long as the slices of the result are used. */
struct hmd_work {
    uint8_t record[HMD_RECORD_MAX];
};

/* The verdict over a release. Same rule as for struct hmd_manifest. */
struct hmd_release {
    enum hmd_reason reason;
    struct hmd_manifest manifest;
    uint64_t record_index;
    uint64_t log_size;
    uint64_t record_time_s; /* the record's t_ms, in seconds */
    uint64_t time_floor_s;  /* new time floor, to be stored on confirmation */
    uint64_t store_epoch;   /* epoch of the store that was used */
    unsigned witnesses;     /* verified cosignatures of distinct witnesses */
    uint64_t
        witness_time_s; /* what a quorum of them vouches for; 0 where the store asks for none */
    struct hmd_bytes product; /* from the record; borrows the work memory */
    struct hmd_bytes version; /* likewise */
};

/* Checks 1 to 5. `proof` is a .tlog-proof file (C2SP tlog-proof) whose `extra` line carries the
 * release.signed record. Key validity is judged at the proof's time: the quorum's cosignature time
 * where the store asks for witnesses, else the record's own.
 * *out is cleared first, borrows envelope and work. Reasons: all of checks 1 to 5. */
HMD_MUST_USE enum hmd_reason hmd_verify_release(const struct hmd_crypto *crypto,
                                                const struct hmd_store *store,
                                                const struct hmd_identity *id,
                                                const struct hmd_facts *facts,
                                                struct hmd_bytes envelope, struct hmd_bytes proof,
                                                struct hmd_work *work, struct hmd_release *out);

/* Accepts one of the working group's signed examples: digest, at least one signature and all by
 * this very key, digests of severed members that are present, and strict decoding of every
 * sequence. No trust store, no profile, no proof, nothing to install. The only place where
 * HM_COSE_ES256 is allowed. Reasons: those of checks 1 and 2. */
HMD_MUST_USE enum hmd_reason hmd_accept_vector(const struct hmd_crypto *crypto, int alg,
                                               struct hmd_bytes pub, struct hmd_bytes envelope);

/* Parses a version: decimal parts joined by '.', then optionally "-name[number]" (a pre-release,
 * lower than the release). What else follows is ignored. False where it does not begin so, or where
 * a part is too long. */
HMD_MUST_USE bool hmd_version_parse(struct hmd_bytes text, struct hmd_version *out);

/* <0, 0 or >0: numerically, part by part; missing parts count as 0. */
int hmd_version_compare(const struct hmd_version *a, const struct hmd_version *b);

#endif
