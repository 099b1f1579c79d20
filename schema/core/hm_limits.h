/* Limits on what comes from outside. Units stand in the names or beside the number. */
#ifndef SCHEMA_CORE_HM_LIMITS_H
#define SCHEMA_CORE_HM_LIMITS_H

#include <stddef.h>
#include <stdint.h>

/* Any number in a document: what every JSON reader keeps exactly (RFC 7493, section 2.2). */
#define HM_NUMBER_MAX ((UINT64_C(1) << 53) - 1)
#define HM_NAME_MAX 64               /* bytes, NUL not counted */
#define HM_ORIGIN_MAX 128            /* bytes */
#define HM_URI_MAX 512               /* bytes */
#define HM_REASON_MAX 500            /* bytes of free text in a rejection */
#define HM_JSON_DEPTH_MAX 16         /* nested arrays and objects in our own documents */
#define HM_JSON_DEPTH_FOREIGN_MAX 64 /* in in-toto statements */
#define HM_JSON_VALUES_MAX 250000    /* values in one document: each costs memory, however short */
#define HM_RECORD_MAX 65535          /* bytes of one log record */
#define HM_RECORD_SIGNED_MAX 2048    /* bytes of a release.signed record: devices parse it */
#define HM_REQUEST_MAX ((size_t)64 * 1024) /* bytes of a release request payload */
#define HM_ATTESTATIONS_MAX 16
#define HM_ATTESTATION_MAX ((size_t)1024 * 1024) /* bytes of one DSSE envelope */
#define HM_ATTESTATIONS_TOTAL_MAX ((size_t)8 * 1024 * 1024)
#define HM_BODY_MAX ((size_t)12 * 1024 * 1024) /* bytes of POST /v1/releases */
#define HM_SMALL_BODY_MAX ((size_t)64 * 1024)  /* bytes of every other POST */
#define HM_STATEMENT_MAX ((size_t)16 * 1024)   /* bytes of an approval statement */
#define HM_SIGNED_MAX                                                                              \
    ((size_t)32 * 1024)                     /* bytes of a signed approval, rejection, cancellation \
                                             */
#define HM_MANIFEST_MAX ((size_t)8 * 1024)  /* bytes of a SUIT manifest */
#define HM_ENVELOPE_MAX ((size_t)16 * 1024) /* bytes of a SUIT envelope */
#define HM_ARTIFACTS_MAX 8                  /* artifacts of one release */
#define HM_ARTIFACT_MAX ((unsigned long long)4 << 30) /* bytes of one artifact */
#define HM_HARDWARE_MAX 16                            /* model/revision pairs of one release */
#define HM_REGIONS_MAX 16
#define HM_CLASSES_MAX 64 /* class ids of one release: hardware x regions */
#define HM_DEPENDENCIES_MAX 16
#define HM_SIGN_KEYS_MAX 4                      /* release keys that sign one release */
#define HM_APPROVALS_MAX 32                     /* approvals kept for one release */
#define HM_POLICY_MAX ((size_t)4 * 1024 * 1024) /* bytes of a policy document */
#define HM_PRINCIPALS_MAX 4096
#define HM_TRUST_STORE_MAX ((size_t)64 * 1024)
#define HM_GUARDS_MAX ((size_t)1024 * 1024)
#define HM_CONFIG_MAX ((size_t)256 * 1024)
#define HM_PROOF_HASHES_MAX 63              /* C2SP tlog-proof, tlog-witness */
#define HM_CHECKPOINT_MAX 4096              /* bytes of a signed checkpoint of ours */
#define HM_NOTE_SIGNATURES_MAX 16           /* signature lines of a note */
#define HM_NOTE_MAX ((size_t)64 * 1024)     /* bytes of a note with the signatures of others */
#define HM_ADD_CHECKPOINT_MAX HM_NOTE_MAX   /* bytes of a request to a witness */
#define HM_COSIGNED_MAX ((size_t)16 * 1024) /* bytes of a witness's answer */
#define HM_WITNESSES_MAX 8                  /* witnesses of one log that somebody believes */
#define HM_WEBHOOKS_MAX 8                   /* addresses that the door delivers to */
#define HM_WEBHOOK_PRODUCTS_MAX 64          /* products that one of them asks for */
#define HM_SSHSIG_MAX ((size_t)4096)        /* bytes of an armoured SSH signature */

#endif
