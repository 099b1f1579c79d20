/* Names of the reasons and their mapping to draft-ietf-suit-report: one table. */
#include "device/hm_device_reason.h"

struct reason_row {
    enum hmd_reason reason;
    enum hmd_suit_reason suit;
    const char *name;
};

#define ROWS (sizeof rows / sizeof rows[0])

static const struct reason_row rows[] = {
    {HMD_NOT_CHECKED, HMD_SUIT_OPERATION_FAILED, "not-checked"},
    {HMD_CRYPTO_FAILED, HMD_SUIT_OPERATION_FAILED, "crypto-failed"},
    {HMD_ENVELOPE_TOO_LARGE, HMD_SUIT_CBOR_PARSE, "envelope-too-large"},
    {HMD_ENVELOPE_MALFORMED, HMD_SUIT_CBOR_PARSE, "envelope-malformed"},
    {HMD_DIGEST_MISMATCH, HMD_SUIT_UNAUTHORISED, "manifest-digest-mismatch"},
    {HMD_SEVERED_UNSUPPORTED, HMD_SUIT_SEVERING_UNSUPPORTED, "severed-member-unsupported"},
    {HMD_SEVERED_MISMATCH, HMD_SUIT_UNAUTHORISED, "severed-member-digest-mismatch"},
    {HMD_UNSIGNED, HMD_SUIT_UNAUTHORISED, "unsigned"},
    {HMD_ALGORITHM_UNSUPPORTED, HMD_SUIT_ALG_UNSUPPORTED, "algorithm-unsupported"},
    {HMD_SIGNATURE_LENGTH, HMD_SUIT_UNAUTHORISED, "signature-length"},
    {HMD_SIGNATURE_INVALID, HMD_SUIT_UNAUTHORISED, "signature-invalid"},
    {HMD_KEY_UNKNOWN, HMD_SUIT_UNAUTHORISED, "key-unknown"},
    {HMD_KEY_REVOKED, HMD_SUIT_UNAUTHORISED, "key-revoked"},
    {HMD_KEY_NOT_ALLOWED, HMD_SUIT_UNAUTHORISED, "key-not-allowed"},
    {HMD_KEY_REPEATED, HMD_SUIT_UNAUTHORISED, "key-repeated"},
    {HMD_THRESHOLD, HMD_SUIT_UNAUTHORISED, "threshold-not-met"},
    {HMD_CLASS_WITHOUT_RULE, HMD_SUIT_UNAUTHORISED, "class-without-rule"},
    {HMD_KEY_NOT_YET_VALID, HMD_SUIT_UNAUTHORISED, "key-not-yet-valid"},
    {HMD_KEY_EXPIRED, HMD_SUIT_UNAUTHORISED, "key-expired"},
    {HMD_MANIFEST_MALFORMED, HMD_SUIT_CBOR_PARSE, "manifest-malformed"},
    {HMD_COMMAND_UNSUPPORTED, HMD_SUIT_COMMAND_UNSUPPORTED, "command-unsupported"},
    {HMD_PARAMETER_UNSUPPORTED, HMD_SUIT_PARAMETER_UNSUPPORTED, "parameter-unsupported"},
    {HMD_COMPONENT_UNSUPPORTED, HMD_SUIT_COMPONENT_UNSUPPORTED, "component-unsupported"},
    {HMD_MANIFEST_INCOMPLETE, HMD_SUIT_CONDITION_FAILED, "manifest-incomplete"},
    {HMD_FLOOR_ABOVE_SEQUENCE, HMD_SUIT_CONDITION_FAILED, "rollback-floor-above-sequence"},
    {HMD_PROOF_MALFORMED, HMD_SUIT_UNAUTHORISED, "proof-malformed"},
    {HMD_RECORD_TOO_LARGE, HMD_SUIT_UNAUTHORISED, "record-too-large"},
    {HMD_RECORD_NOT_CANONICAL, HMD_SUIT_UNAUTHORISED, "record-not-canonical"},
    {HMD_RECORD_MEMBER, HMD_SUIT_UNAUTHORISED, "record-member"},
    {HMD_RECORD_EVENT, HMD_SUIT_UNAUTHORISED, "record-event"},
    {HMD_RECORD_OUTCOME, HMD_SUIT_UNAUTHORISED, "record-outcome"},
    {HMD_RECORD_OTHER_MANIFEST, HMD_SUIT_UNAUTHORISED, "record-other-manifest"},
    {HMD_RECORD_OTHER_SEQUENCE, HMD_SUIT_UNAUTHORISED, "record-other-sequence"},
    {HMD_RECORD_OTHER_KEYS, HMD_SUIT_UNAUTHORISED, "record-other-keys"},
    {HMD_RECORD_NOT_INCLUDED, HMD_SUIT_UNAUTHORISED, "record-not-included"},
    {HMD_CHECKPOINT_MALFORMED, HMD_SUIT_UNAUTHORISED, "checkpoint-malformed"},
    {HMD_CHECKPOINT_ORIGIN, HMD_SUIT_UNAUTHORISED, "checkpoint-origin"},
    {HMD_CHECKPOINT_UNSIGNED, HMD_SUIT_UNAUTHORISED, "checkpoint-unsigned"},
    {HMD_CHECKPOINT_SIGNATURE, HMD_SUIT_UNAUTHORISED, "checkpoint-signature"},
    {HMD_WITNESS_QUORUM, HMD_SUIT_UNAUTHORISED, "witness-quorum"},
    {HMD_WITNESS_SIGNATURE, HMD_SUIT_UNAUTHORISED, "witness-signature"},
    {HMD_WITNESS_REPEATED, HMD_SUIT_UNAUTHORISED, "witness-repeated"},
    {HMD_WITNESS_TIME, HMD_SUIT_UNAUTHORISED, "witness-time"},
    {HMD_SEQUENCE_TOO_LOW, HMD_SUIT_CONDITION_FAILED, "sequence-too-low"},
    {HMD_SEQUENCE_REUSED, HMD_SUIT_CONDITION_FAILED, "sequence-reused"},
    {HMD_BELOW_STORE_FLOOR, HMD_SUIT_CONDITION_FAILED, "below-store-floor"},
    {HMD_BELOW_ROLLBACK_FLOOR, HMD_SUIT_CONDITION_FAILED, "below-rollback-floor"},
    {HMD_STORE_TOO_OLD, HMD_SUIT_CONDITION_FAILED, "trust-store-too-old"},
    {HMD_STORE_ROLLED_BACK, HMD_SUIT_CONDITION_FAILED, "trust-store-rolled-back"},
    {HMD_USE_BEFORE_PASSED, HMD_SUIT_CONDITION_FAILED, "use-before-passed"},
    {HMD_VENDOR_MISMATCH, HMD_SUIT_CONDITION_FAILED, "vendor-mismatch"},
    {HMD_CLASS_MISMATCH, HMD_SUIT_CONDITION_FAILED, "class-mismatch"},
    {HMD_VERSION_TOO_LOW, HMD_SUIT_CONDITION_FAILED, "installed-version-too-low"},
    {HMD_NO_IMAGE_FOR_SLOT, HMD_SUIT_CONDITION_FAILED, "no-image-for-slot"},
    {HMD_PAYLOAD_SIZE, HMD_SUIT_CONDITION_FAILED, "payload-size"},
    {HMD_PAYLOAD_DIGEST, HMD_SUIT_CONDITION_FAILED, "payload-digest"},
    {HMD_SLOT_TOO_SMALL, HMD_SUIT_OPERATION_FAILED, "slot-too-small"},
    {HMD_SLOT_FAULT, HMD_SUIT_OPERATION_FAILED, "slot-failed"},
    {HMD_SLOT_READBACK, HMD_SUIT_OPERATION_FAILED, "slot-read-back"},
    {HMD_TRIAL_RUNNING, HMD_SUIT_OPERATION_FAILED, "trial-running"},
    {HMD_IMAGE_DAMAGED, HMD_SUIT_CONDITION_FAILED, "image-damaged"},
    {HMD_TRIAL_NOT_CONFIRMED, HMD_SUIT_OPERATION_FAILED, "trial-not-confirmed"},
    {HMD_NOTHING_TO_CONFIRM, HMD_SUIT_OPERATION_FAILED, "nothing-to-confirm"},
    {HMD_NO_BOOTABLE_SLOT, HMD_SUIT_OPERATION_FAILED, "no-bootable-slot"},
    {HMD_STATE_DAMAGED, HMD_SUIT_OPERATION_FAILED, "state-damaged"},
    {HMD_STATE_ROLLED_BACK, HMD_SUIT_OPERATION_FAILED, "state-rolled-back"},
    {HMD_STORAGE_FAILED, HMD_SUIT_OPERATION_FAILED, "storage-failed"},
    {HMD_STORE_TOO_LARGE, HMD_SUIT_CBOR_PARSE, "trust-store-too-large"},
    {HMD_STORE_MALFORMED, HMD_SUIT_CBOR_PARSE, "trust-store-malformed"},
    {HMD_STORE_INCONSISTENT, HMD_SUIT_UNAUTHORISED, "trust-store-inconsistent"},
    {HMD_STORE_OTHER_VENDOR, HMD_SUIT_CONDITION_FAILED, "trust-store-other-vendor"},
    {HMD_ROOT_NOT_PINNED, HMD_SUIT_UNAUTHORISED, "root-not-pinned"},
    {HMD_OK, HMD_SUIT_OK, "ok"},
};

static const struct reason_row *find(enum hmd_reason reason)
{
    for (unsigned i = 0; i < ROWS; i++)
        if (rows[i].reason == reason)
            return &rows[i];
    return &rows[0];
}

const char *hmd_reason_name(enum hmd_reason reason)
{
    return find(reason)->name;
}

enum hmd_suit_reason hmd_reason_suit(enum hmd_reason reason)
{
    return find(reason)->suit;
}

enum hmd_reason hmd_reason_at(unsigned index)
{
    return index < ROWS ? rows[index].reason : HMD_NOT_CHECKED;
}
