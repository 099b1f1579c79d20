/* Inside of the program hallmark-device: one file per subcommand, a device directory, output. */
#ifndef DEVICE_TOOL_HM_DEVICE_TOOL_PRIV_H
#define DEVICE_TOOL_HM_DEVICE_TOOL_PRIV_H

#include "device/linux/hm_device_linux.h"

#include <stdio.h>

/* Exit codes, documented in every --help. */
enum tool_exit {
    TOOL_OK = 0,
    TOOL_REFUSED = 1,
    TOOL_USAGE = 2,
    TOOL_IO = 3,
};

#define TOOL_STORE_FILE "trust-store.cbor"
#define TOOL_PINS_MAX 8
#define TOOL_PATHS_MAX 10
#define TOOL_DOMAIN_MAX 253

/* The command line; strings borrow argv. */
struct tool_args {
    const char *state;
    const char *trust_store;
    const char *vendor_domain;
    const char *product;
    const char *model;
    const char *revision;
    const char *region;
    const char *installed_version;
    const char *root_key[TOOL_PINS_MAX];
    unsigned root_key_count;
    const char *slot; /* "a" or "b", or NULL */
    const char *path[TOOL_PATHS_MAX];
    unsigned path_count;
    bool json;
};

/* What identity.conf holds: who the device is, and which root keys are pinned. */
struct tool_identity {
    char vendor_domain[TOOL_DOMAIN_MAX + 1];
    char product[HMD_NAME_MAX + 1];
    char model[HMD_NAME_MAX + 1];
    char revision[HMD_NAME_MAX + 1];
    char region[HMD_NAME_MAX + 1];
    uint8_t pins[TOOL_PINS_MAX][HM_KID_LEN];
    unsigned pin_count;
    uint64_t root_threshold; /* of the first trust store; pinned with the keys, 0: not pinned */
    struct hmd_identity ids; /* computed from the above */
};

/* An opened device directory. */
struct tool_device {
    struct hmd_linux files;
    struct tool_identity identity;
    struct hmd_crypto crypto;
    struct hmd_slots slots;
    struct hmd_storage storage;
    struct hmd_ports ports;
    struct hmd_store store;
    uint8_t *store_bytes; /* owned; store borrows it */
    size_t store_len;
    bool json;
};

/* Fills in the ids. False where a name is not valid; *what names it. */
bool tool_identity_compute(struct tool_identity *id, const char **what);
bool tool_identity_save(const struct hmd_linux *files, const struct tool_identity *id);
bool tool_identity_load(const struct hmd_linux *files, struct tool_identity *out);
/* A PEM file, or a key id in hex (32 or 64 digits). */
bool tool_pin_read(const char *arg, uint8_t kid[HM_KID_LEN]);

/* Opens an initialised device directory, locks it and opens its trust store. Prints what is wrong.
 */
enum tool_exit tool_device_open(const struct tool_args *args, struct tool_device *out);
void tool_device_close(struct tool_device *d);
/* Opens the trust store at path into *d and compares it with the identity. */
enum tool_exit tool_store_open(struct tool_device *d, int dir, const char *path);

/* Plain words for a reason, and what to do next; static, never NULL. */
const char *tool_explain(enum hmd_reason reason);
const char *tool_advise(enum hmd_reason reason);

/* Prints a refusal and returns the exit code that fits the reason. */
enum tool_exit tool_refused(bool json, const char *step, enum hmd_reason reason,
                            const struct hmd_manifest *manifest);
/* Prints an error of the surroundings (to stderr, or as JSON) and returns `code`. */
enum tool_exit tool_error(bool json, enum tool_exit code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Appends to the outcome log; HMD_STORAGE_FAILED is printed as a warning. */
void tool_outcome(struct tool_device *d, const char *step, enum hmd_reason reason,
                  uint64_t sequence, const uint8_t *digest);

/* Output: aligned rows for people, members for --json. tool_begin/tool_end frame the object. */
struct tool_out {
    bool json;
    bool any;
};
void tool_begin(struct tool_out *o, bool json, const char *title);
void tool_text(struct tool_out *o, const char *label, const char *name, const char *value);
void tool_number(struct tool_out *o, const char *label, const char *name, uint64_t value);
void tool_flag(struct tool_out *o, const char *label, const char *name, bool value);
void tool_time(struct tool_out *o, const char *label, const char *name, uint64_t unix_s);
void tool_hex(struct tool_out *o, const char *label, const char *name, const uint8_t *data,
              size_t len);
void tool_uuid(struct tool_out *o, const char *label, const char *name, const uint8_t *id);
void tool_witnesses(struct tool_out *o, const struct hmd_store *store);
void tool_end(struct tool_out *o);

enum tool_exit tool_cmd_init(const struct tool_args *args);
enum tool_exit tool_cmd_install(const struct tool_args *args);
enum tool_exit tool_cmd_verify(const struct tool_args *args);
enum tool_exit tool_cmd_boot(const struct tool_args *args);
enum tool_exit tool_cmd_confirm(const struct tool_args *args);
enum tool_exit tool_cmd_status(const struct tool_args *args);
enum tool_exit tool_cmd_trust_store(const struct tool_args *args);

#endif
