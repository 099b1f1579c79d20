/* A device in memory that can lose power at any operation: the ports of the boot tests. */
#ifndef TESTS_UNIT_DEVICE_DEVICE_MACHINE_H
#define TESTS_UNIT_DEVICE_DEVICE_MACHINE_H

#include "tests/unit/device/device_util.h"

#define SLOT_LEN 4096

/* A device in memory. `power` operations succeed; the one after them is torn, and then nothing
 * works. */
struct machine {
    uint8_t slot[HMD_SLOTS][SLOT_LEN];
    uint8_t state[HMD_STATE_COPIES][HMD_STATE_LEN];
    bool state_there[HMD_STATE_COPIES];
    uint64_t counter;
    long power; /* -1: never fails */
    unsigned long operations;
    unsigned outcomes;
    bool flip_on_read;     /* the medium gives back other bytes */
    unsigned state_writes; /* of copies of the state, so far */
    unsigned tear;         /* bit i: write i of them is torn, though the power stays */
    struct hmd_crypto crypto;
    struct hmd_slots slots;
    struct hmd_storage storage;
    struct hmd_ports ports;
};

/* A freshly initialised device with its tables. The caller frees it. */
struct machine *new_machine(void);
/* A copy with tables of its own. The caller frees it. */
struct machine *clone_machine(const struct machine *from);

#endif
