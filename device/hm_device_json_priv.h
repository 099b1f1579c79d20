/* Scanner for canonical JSON (RFC 8785) restricted as docs/formats/record.md says: strings,
 * booleans, integers 0..2^53-1, arrays, objects, ASCII member names in ascending order. No tree is
 * built: one pass checks the whole, lookups then walk the bytes. */
#ifndef DEVICE_HM_DEVICE_JSON_PRIV_H
#define DEVICE_HM_DEVICE_JSON_PRIV_H

#include "device/hm_device_crypto.h"

#define HMD_JSON_DEPTH_MAX 16

/* True if `text` is exactly one canonical object. All functions below need that to have been true.
 */
bool hmd_json_canonical(struct hmd_bytes text);

/* Members that are asked for in one pass: names in ascending order; value is the raw text of the
 * member (a string with its quotes), empty where there is none. */
struct hmd_json_want {
    const char *name;
    struct hmd_bytes value;
};
void hmd_json_members(struct hmd_bytes object, struct hmd_json_want *want, unsigned count);

/* A single one. False where there is no such member. */
bool hmd_json_member(struct hmd_bytes object, const char *name, struct hmd_bytes *value);

/* Content of a string value without escapes; false for any other value. */
bool hmd_json_string(struct hmd_bytes value, struct hmd_bytes *content);

/* Begins to walk an array value: *rest holds what follows the bracket. */
bool hmd_json_array(struct hmd_bytes value, struct hmd_bytes *rest);

/* Next element; false at the end of the array. */
bool hmd_json_next(struct hmd_bytes *rest, struct hmd_bytes *element);

#endif
