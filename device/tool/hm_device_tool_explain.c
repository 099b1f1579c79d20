/* Plain words for each reason, and what to do next: one table. */
#include "device/tool/hm_device_tool_priv.h"

struct words {
    enum hmd_reason reason;
    const char *explanation;
    const char *next;
};

#define GET_AGAIN "fetch the bundle again; if it stays so, the release was altered: report it"
#define ASK_VENDOR "do not install it; report it to whoever publishes the releases"
#define UPDATE_STORE "ask the vendor for the current trust store"
#define CHECK_DISK "check the disk (space, permissions, faults) and try again"

static const struct words table[] = {
    {HMD_NOT_CHECKED, "nothing was checked", "this is a fault of the program: report it"},
    {HMD_CRYPTO_FAILED, "the crypto library reported a fault", "check the installation of OpenSSL"},
    {HMD_ENVELOPE_TOO_LARGE, "the manifest file is larger than a device accepts", GET_AGAIN},
    {HMD_ENVELOPE_MALFORMED, "the manifest file is damaged or cut off", GET_AGAIN},
    {HMD_DIGEST_MISMATCH, "the content does not match the digest that was signed", GET_AGAIN},
    {HMD_SEVERED_UNSUPPORTED, "the envelope carries members that this profile does not have",
     ASK_VENDOR},
    {HMD_SEVERED_MISMATCH, "a severed member is not the one that was signed", GET_AGAIN},
    {HMD_UNSIGNED, "there is no signature at all", ASK_VENDOR},
    {HMD_ALGORITHM_UNSUPPORTED, "a signature algorithm is not the key's, or not known here",
     ASK_VENDOR},
    {HMD_SIGNATURE_LENGTH, "a signature does not have exactly 64 bytes", GET_AGAIN},
    {HMD_SIGNATURE_INVALID, "a signature does not verify", GET_AGAIN},
    {HMD_KEY_UNKNOWN, "the signing key is not in the trust store",
     "check that the release is for this vendor's production devices; " UPDATE_STORE},
    {HMD_KEY_REVOKED, "the signing key is revoked", ASK_VENDOR},
    {HMD_KEY_NOT_ALLOWED, "the signing key may not sign for this device class",
     "check that the release is for this device"},
    {HMD_KEY_REPEATED, "one key signed twice", ASK_VENDOR},
    {HMD_THRESHOLD, "too few different keys signed", ASK_VENDOR},
    {HMD_CLASS_WITHOUT_RULE, "the trust store has no release rule for this device class",
     "check product, model, revision and region; " UPDATE_STORE},
    {HMD_KEY_NOT_YET_VALID, "the key was not valid yet when the release was logged", ASK_VENDOR},
    {HMD_KEY_EXPIRED, "the key was no longer valid when the release was logged", ASK_VENDOR},
    {HMD_MANIFEST_MALFORMED, "the signed manifest is not well-formed", ASK_VENDOR},
    {HMD_COMMAND_UNSUPPORTED, "the manifest holds a command that this device does not run here",
     ASK_VENDOR},
    {HMD_PARAMETER_UNSUPPORTED,
     "the manifest holds a parameter that this device does not know here", ASK_VENDOR},
    {HMD_COMPONENT_UNSUPPORTED, "the manifest is for components that this device does not have",
     "check that the release is for this device"},
    {HMD_MANIFEST_INCOMPLETE, "the manifest leaves out a check that a device demands", ASK_VENDOR},
    {HMD_FLOOR_ABOVE_SEQUENCE, "the release would forbid its own start", ASK_VENDOR},
    {HMD_PROOF_MALFORMED, "the log proof is damaged or cut off", GET_AGAIN},
    {HMD_RECORD_TOO_LARGE, "the log record is larger than a device accepts", ASK_VENDOR},
    {HMD_RECORD_NOT_CANONICAL, "the log record is not canonical JSON", GET_AGAIN},
    {HMD_RECORD_MEMBER, "the log record lacks a member, or one is of the wrong kind", ASK_VENDOR},
    {HMD_RECORD_EVENT, "the log record is not about a signed release", GET_AGAIN},
    {HMD_RECORD_OUTCOME, "the log says that signing failed", ASK_VENDOR},
    {HMD_RECORD_OTHER_MANIFEST, "the log record is about another manifest", GET_AGAIN},
    {HMD_RECORD_OTHER_SEQUENCE, "the log record names another sequence number", ASK_VENDOR},
    {HMD_RECORD_OTHER_KEYS, "a key that signed is not named in the log record", ASK_VENDOR},
    {HMD_RECORD_NOT_INCLUDED, "the record is not in the log that the checkpoint stands for",
     GET_AGAIN},
    {HMD_CHECKPOINT_MALFORMED, "the checkpoint in the proof is damaged", GET_AGAIN},
    {HMD_CHECKPOINT_ORIGIN, "the proof is from another log than the trust store's",
     "check that the release comes from this vendor's service"},
    {HMD_CHECKPOINT_UNSIGNED, "the checkpoint has no signature of the log's key", GET_AGAIN},
    {HMD_CHECKPOINT_SIGNATURE, "the log's signature on the checkpoint does not verify", GET_AGAIN},
    {HMD_WITNESS_QUORUM, "too few witnesses cosigned the checkpoint",
     "fetch the bundle again later, when witnesses have cosigned"},
    {HMD_WITNESS_SIGNATURE, "a cosignature of a known witness does not verify", GET_AGAIN},
    {HMD_WITNESS_REPEATED, "one witness cosigned twice", GET_AGAIN},
    {HMD_WITNESS_TIME, "a cosignature states no time, or an impossible one", ASK_VENDOR},
    {HMD_SEQUENCE_TOO_LOW, "the release is older than the confirmed one", "take a newer release"},
    {HMD_SEQUENCE_REUSED, "another release with the same sequence number is confirmed", ASK_VENDOR},
    {HMD_BELOW_STORE_FLOOR, "the trust store no longer accepts releases this old",
     "take a newer release"},
    {HMD_BELOW_ROLLBACK_FLOOR, "a confirmed release forbids going back this far",
     "take a newer release"},
    {HMD_STORE_TOO_OLD, "the release was signed under a newer trust store than this device has",
     UPDATE_STORE},
    {HMD_STORE_ROLLED_BACK, "the device used a newer trust store before", UPDATE_STORE},
    {HMD_USE_BEFORE_PASSED, "the release may no longer be installed", "take a newer release"},
    {HMD_VENDOR_MISMATCH, "the release is for another vendor's devices",
     "check that the release is for this device"},
    {HMD_CLASS_MISMATCH, "the release is for another product, model, revision or region",
     "check that the release is for this device"},
    {HMD_VERSION_TOO_LOW, "the release installs only over a later version",
     "install the versions in between first"},
    {HMD_NO_IMAGE_FOR_SLOT, "the release has no image for the slot that would be written",
     "check that the release is for this device"},
    {HMD_PAYLOAD_SIZE, "the image has another size than the manifest says", GET_AGAIN},
    {HMD_PAYLOAD_DIGEST, "the image is not the one that was signed", GET_AGAIN},
    {HMD_SLOT_TOO_SMALL, "the image does not fit into the slot",
     "check that the release is for this device"},
    {HMD_SLOT_FAULT, "the slot could not be written or read", CHECK_DISK},
    {HMD_SLOT_READBACK, "the slot holds other bytes than were written", CHECK_DISK},
    {HMD_TRIAL_RUNNING, "a release on trial was started and not confirmed yet",
     "run 'confirm', or 'boot' to go back, and install then"},
    {HMD_IMAGE_DAMAGED, "the image in the slot is not the one that was installed",
     "install the release again"},
    {HMD_TRIAL_NOT_CONFIRMED, "the release on trial was not confirmed before this start",
     "install it again, or a newer one"},
    {HMD_NOTHING_TO_CONFIRM, "no release on trial is running", "run 'boot' after 'install' first"},
    {HMD_NO_BOOTABLE_SLOT, "no slot holds a release that may start", "install a release"},
    {HMD_STATE_DAMAGED, "both copies of the device's state are damaged or missing",
     "run 'init' with a new directory"},
    {HMD_STATE_ROLLED_BACK, "the device's state is older than its counter: it was put back",
     "somebody altered the device's storage: examine it"},
    {HMD_STORAGE_FAILED, "the device's state could not be written or read", CHECK_DISK},
    {HMD_STORE_TOO_LARGE, "the trust store is larger than a device accepts", UPDATE_STORE},
    {HMD_STORE_MALFORMED, "the trust store is damaged or cut off", UPDATE_STORE},
    {HMD_STORE_INCONSISTENT, "the trust store contradicts itself (keys, roles or thresholds)",
     UPDATE_STORE},
    {HMD_STORE_OTHER_VENDOR, "the trust store is another vendor's",
     "check --vendor-domain and the trust store"},
    {HMD_ROOT_NOT_PINNED, "no pinned root key signed the trust store",
     "check --root-key and where the trust store comes from"},
    {HMD_OK, "everything holds", "nothing"},
};

static const struct words *find(enum hmd_reason reason)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].reason == reason)
            return &table[i];
    return &table[0];
}

const char *tool_explain(enum hmd_reason reason)
{
    return find(reason)->explanation;
}

const char *tool_advise(enum hmd_reason reason)
{
    return find(reason)->next;
}
