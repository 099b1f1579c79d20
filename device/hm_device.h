/* Hallmark's device verifier: everything. Freestanding C11, no allocation, no recursion, at most 4
 * KiB of stack in the core (tests/unit/device/footprint.py measures it). It shares no parser with
 * the signing service: a second implementation is a check of the first. */
#ifndef DEVICE_HM_DEVICE_H
#define DEVICE_HM_DEVICE_H

#include "device/hm_device_boot.h"
#include "device/hm_device_crypto.h"
#include "device/hm_device_reason.h"
#include "device/hm_device_store.h"
#include "device/hm_device_verify.h"

#endif
