/* Wire constants that the service and the device share: the only header of this tree that device/
 * includes. Constants alone, no code.
 * Sources: draft-ietf-suit-manifest-37, draft-ietf-suit-update-management-14, RFC 9052, RFC 9864.
 */
#ifndef SCHEMA_CORE_HM_WIRE_H
#define SCHEMA_CORE_HM_WIRE_H

#include <stdint.h> /* a header of macros alone would be no C when it is compiled alone */

/* COSE algorithms */
#define HM_COSE_ES256 (-7)  /* accepted only for the working group's vectors */
#define HM_COSE_ESP256 (-9) /* ECDSA P-256 with SHA-256 */
#define HM_COSE_ESP384 (-51)
#define HM_COSE_ED25519 (-19)
#define HM_COSE_SHA256 (-16)

#define HM_SUIT_TAG 107
#define HM_SUIT_ENV_AUTH 2
#define HM_SUIT_ENV_MANIFEST 3

/* Manifest members */
#define HM_SUIT_VERSION 1
#define HM_SUIT_SEQUENCE 2
#define HM_SUIT_COMMON 3
#define HM_SUIT_REFERENCE_URI 4
#define HM_SUIT_VALIDATE 7
#define HM_SUIT_LOAD 8
#define HM_SUIT_INVOKE 9
#define HM_SUIT_PAYLOAD_FETCH 16
#define HM_SUIT_INSTALL 20
#define HM_SUIT_TEXT 23

#define HM_SUIT_COMMON_COMPONENTS 2
#define HM_SUIT_COMMON_SHARED 4

/* Conditions */
#define HM_SUIT_COND_VENDOR 1
#define HM_SUIT_COND_CLASS 2
#define HM_SUIT_COND_IMAGE 3
#define HM_SUIT_COND_USE_BEFORE 4
#define HM_SUIT_COND_SLOT 5
#define HM_SUIT_COND_VERSION 28

/* Directives */
#define HM_SUIT_DIR_SET_INDEX 12
#define HM_SUIT_DIR_TRY_EACH 15
#define HM_SUIT_DIR_OVERRIDE 20
#define HM_SUIT_DIR_FETCH 21
#define HM_SUIT_DIR_COPY 22
#define HM_SUIT_DIR_INVOKE 23
/* Custom command of this profile, install sequence only; argument: the lowest sequence number that
 * may still boot once this release is confirmed. */
#define HM_SUIT_CUSTOM_ROLLBACK_FLOOR (-257)

/* Parameters */
#define HM_SUIT_PARAM_VENDOR 1
#define HM_SUIT_PARAM_CLASS 2
#define HM_SUIT_PARAM_DIGEST 3
#define HM_SUIT_PARAM_USE_BEFORE 4
#define HM_SUIT_PARAM_SLOT 5
#define HM_SUIT_PARAM_SIZE 14
#define HM_SUIT_PARAM_URI 21
#define HM_SUIT_PARAM_SOURCE 22
#define HM_SUIT_PARAM_VERSION 28

/* Trust store members (schema/trust/trust-store.cddl) */
#define HM_TS_FORMAT 1
#define HM_TS_EPOCH 2
#define HM_TS_VENDOR 3
#define HM_TS_ISSUED 4
#define HM_TS_ROOT 5
#define HM_TS_RULES 6
#define HM_TS_KEYS 7
#define HM_TS_REVOKED 8
#define HM_TS_LOG 9
#define HM_TS_FLOORS 10

#define HM_KID_LEN 16 /* first bytes of SHA-256(SubjectPublicKeyInfo, uncompressed point) */

#endif
