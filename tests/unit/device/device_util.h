/* Shared by the device's tests: fixture files, hex, the usual includes of cmocka. */
#ifndef TESTS_UNIT_DEVICE_DEVICE_UTIL_H
#define TESTS_UNIT_DEVICE_DEVICE_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/linux/hm_device_linux.h"

struct file {
    uint8_t *data; /* the caller frees it */
    size_t len;
};

/* Folder of the cases that fixtures.py wrote, from the environment. */
const char *fixture_dir(void);
struct file read_path(const char *path); /* data NULL where it is missing */
struct file read_fixture(const char *folder, const char *name);
/* A file of ../shared/vectors, data NULL where it is missing. */
struct file read_vector(const char *name);
struct hmd_bytes bytes_of(const struct file *f);
/* Fails the test where it is not hex of this length. Returns true. */
bool from_hex(const char *hex, uint8_t *out, size_t len);

#endif
