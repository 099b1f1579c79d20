/* Shared by the device's fuzz targets: a crypto table with a real hash and signatures that always
 * verify, so that mutated input reaches the code behind them. */
#ifndef TESTS_FUZZ_DEVICE_DEVICE_FUZZ_UTIL_H
#define TESTS_FUZZ_DEVICE_DEVICE_FUZZ_UTIL_H

#include "device/linux/hm_device_linux.h"

struct hmd_crypto fuzz_crypto(void);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
