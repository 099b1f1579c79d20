/* The crypto table over BearSSL (0.6): SHA-256 and ECDSA P-256, for microcontrollers and host
 * tests. BearSSL has no Ed25519: HMD_SIG_UNSUPPORTED, so a device needs another implementation for
 * the keys of log and witnesses (hm_device_bearssl_sodium.h combines two). */
#ifndef DEVICE_BEARSSL_HM_DEVICE_BEARSSL_H
#define DEVICE_BEARSSL_HM_DEVICE_BEARSSL_H

#include "device/hm_device_crypto.h"

/* Needs no closing; no heap; thread-safe. */
struct hmd_crypto hmd_bearssl_crypto(void);

#endif
