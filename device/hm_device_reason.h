/* Why the device refused: one closed list. The numbers and names are stable; new reasons are
 * appended. Zero means that nothing was checked, success is a constant with many bits set, so that
 * neither a cleared variable nor a single flipped bit reads as success. */
#ifndef DEVICE_HM_DEVICE_REASON_H
#define DEVICE_HM_DEVICE_REASON_H

#ifdef __GNUC__
#define HMD_MUST_USE __attribute__((warn_unused_result))
#else
#define HMD_MUST_USE
#endif

enum hmd_reason {
    HMD_NOT_CHECKED = 0,
    HMD_CRYPTO_FAILED = 1, /* a function of the crypto table reported a fault of its own */
    /* check 1: envelope */
    HMD_ENVELOPE_TOO_LARGE = 2,
    HMD_ENVELOPE_MALFORMED = 3,
    HMD_DIGEST_MISMATCH = 4,
    HMD_SEVERED_UNSUPPORTED = 5,
    HMD_SEVERED_MISMATCH = 6,
    /* check 2: authentication */
    HMD_UNSIGNED = 10,
    HMD_ALGORITHM_UNSUPPORTED = 11,
    HMD_SIGNATURE_LENGTH = 12,
    HMD_SIGNATURE_INVALID = 13,
    HMD_KEY_UNKNOWN = 14,
    HMD_KEY_REVOKED = 15,
    HMD_KEY_NOT_ALLOWED = 16, /* known, but not for this class (or not as a root) */
    HMD_KEY_REPEATED = 17,
    HMD_THRESHOLD = 18,
    HMD_CLASS_WITHOUT_RULE = 19, /* the trust store has no release rule for this device */
    HMD_KEY_NOT_YET_VALID = 20,
    HMD_KEY_EXPIRED = 21,
    HMD_MANIFEST_MALFORMED = 22,
    HMD_COMMAND_UNSUPPORTED = 23,
    HMD_PARAMETER_UNSUPPORTED = 24,
    HMD_COMPONENT_UNSUPPORTED = 25,
    HMD_MANIFEST_INCOMPLETE = 26, /* a check that the profile demands is missing */
    HMD_FLOOR_ABOVE_SEQUENCE = 27,
    /* check 3: log */
    HMD_PROOF_MALFORMED = 30,
    HMD_RECORD_TOO_LARGE = 31,
    HMD_RECORD_NOT_CANONICAL = 32,
    HMD_RECORD_MEMBER = 33, /* a member is missing or has another type */
    HMD_RECORD_EVENT = 34,
    HMD_RECORD_OUTCOME = 35,
    HMD_RECORD_OTHER_MANIFEST = 36,
    HMD_RECORD_OTHER_SEQUENCE = 37,
    HMD_RECORD_OTHER_KEYS = 38,
    HMD_RECORD_NOT_INCLUDED = 39,
    HMD_CHECKPOINT_MALFORMED = 40,
    HMD_CHECKPOINT_ORIGIN = 41,
    HMD_CHECKPOINT_UNSIGNED = 42,
    HMD_CHECKPOINT_SIGNATURE = 43,
    HMD_WITNESS_QUORUM = 44,
    HMD_WITNESS_SIGNATURE = 45,
    HMD_WITNESS_REPEATED = 46,
    HMD_WITNESS_TIME = 47,
    /* check 4: freshness */
    HMD_SEQUENCE_TOO_LOW = 50,
    HMD_SEQUENCE_REUSED = 51,
    HMD_BELOW_STORE_FLOOR = 52,
    HMD_BELOW_ROLLBACK_FLOOR = 53,
    HMD_STORE_TOO_OLD = 54,
    HMD_STORE_ROLLED_BACK = 55,
    HMD_USE_BEFORE_PASSED = 56,
    /* check 5: compatibility */
    HMD_VENDOR_MISMATCH = 60,
    HMD_CLASS_MISMATCH = 61,
    HMD_VERSION_TOO_LOW = 62,
    HMD_NO_IMAGE_FOR_SLOT = 63,
    /* check 6: payload */
    HMD_PAYLOAD_SIZE = 70,
    HMD_PAYLOAD_DIGEST = 71,
    HMD_SLOT_TOO_SMALL = 72,
    HMD_SLOT_FAULT = 73,
    HMD_SLOT_READBACK = 74,
    HMD_TRIAL_RUNNING = 75,
    /* check 7: boot */
    HMD_IMAGE_DAMAGED = 80,
    HMD_TRIAL_NOT_CONFIRMED = 81,
    HMD_NOTHING_TO_CONFIRM = 82,
    HMD_NO_BOOTABLE_SLOT = 83,
    HMD_STATE_DAMAGED = 84,
    HMD_STATE_ROLLED_BACK = 85,
    HMD_STORAGE_FAILED = 86,
    /* trust store */
    HMD_STORE_TOO_LARGE = 90,
    HMD_STORE_MALFORMED = 91,
    HMD_STORE_INCONSISTENT = 92,
    HMD_STORE_OTHER_VENDOR = 93,
    HMD_ROOT_NOT_PINNED = 94,
    HMD_OK = 0x5a3c96e1,
};

/* SUIT_Report_Reasons of draft-ietf-suit-report. The draft has no value for a log proof or for a
 * rollback: the nearest one is taken. */
enum hmd_suit_reason {
    HMD_SUIT_OK = 0,
    HMD_SUIT_CBOR_PARSE = 1,
    HMD_SUIT_COSE_UNSUPPORTED = 2,
    HMD_SUIT_ALG_UNSUPPORTED = 3,
    HMD_SUIT_UNAUTHORISED = 4,
    HMD_SUIT_COMMAND_UNSUPPORTED = 5,
    HMD_SUIT_COMPONENT_UNSUPPORTED = 6,
    HMD_SUIT_COMPONENT_UNAUTHORISED = 7,
    HMD_SUIT_PARAMETER_UNSUPPORTED = 8,
    HMD_SUIT_SEVERING_UNSUPPORTED = 9,
    HMD_SUIT_CONDITION_FAILED = 10,
    HMD_SUIT_OPERATION_FAILED = 11,
};

/* The stable name of a reason: lower-case words joined by '-', static, never NULL. A value that is
 * not in the list is "not-checked". */
const char *hmd_reason_name(enum hmd_reason reason);

/* The mapping to draft-ietf-suit-report. HMD_SUIT_OK only for HMD_OK. */
enum hmd_suit_reason hmd_reason_suit(enum hmd_reason reason);

/* Walks the list: reason number `index` of the table, HMD_NOT_CHECKED past its end (index 0 is
 * HMD_NOT_CHECKED itself). For documentation and tests. */
enum hmd_reason hmd_reason_at(unsigned index);

#endif
