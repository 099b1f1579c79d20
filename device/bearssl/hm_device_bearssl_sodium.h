/* The crypto table over two libraries for microcontrollers: BearSSL (SHA-256, ECDSA P-256), and
 * libsodium for the Ed25519 that BearSSL does not have: the log's signature and the cosignatures of
 * witnesses. */
#ifndef DEVICE_BEARSSL_HM_DEVICE_BEARSSL_SODIUM_H
#define DEVICE_BEARSSL_HM_DEVICE_BEARSSL_SODIUM_H

#include "device/hm_device_crypto.h"

/* Needs no closing; no heap; thread-safe. Checking a signature needs no random bytes, so
 * sodium_init() need not have been called. */
struct hmd_crypto hmd_bearssl_sodium_crypto(void);

#endif
