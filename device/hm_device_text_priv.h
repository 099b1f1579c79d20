/* Bytes and text without libc: comparison, UTF-8, base64, decimal, lines. */
#ifndef DEVICE_HM_DEVICE_TEXT_PRIV_H
#define DEVICE_HM_DEVICE_TEXT_PRIV_H

#include "device/hm_device_crypto.h"

#define HMD_JSON_INT_MAX (((uint64_t)1 << 53) - 1)

bool hmd_equal(const uint8_t *a, const uint8_t *b, size_t len);
bool hmd_same(struct hmd_bytes a, struct hmd_bytes b);
bool hmd_is(struct hmd_bytes a, const char *text); /* text: NUL-terminated */
void hmd_copy(void *dst, const void *src, size_t len);
void hmd_clear(void *dst, size_t len);
/* Bytewise lexicographic; a prefix is smaller. */
int hmd_order(struct hmd_bytes a, struct hmd_bytes b);
bool hmd_utf8_valid(struct hmd_bytes text);
/* 64 lower-case hex digits. */
bool hmd_hex_digest(struct hmd_bytes text, uint8_t out[HMD_DIGEST_LEN]);
/* Shortest decimal, at most 2^53-1. */
bool hmd_decimal(struct hmd_bytes text, uint64_t *value);
/* Standard base64 with padding, canonical (RFC 4648 3.5: unused bits are zero). */
bool hmd_base64(struct hmd_bytes text, uint8_t *out, size_t cap, size_t *len);
/* Cuts the text up to the next LF off *rest. False where no LF is left. */
bool hmd_line(struct hmd_bytes *rest, struct hmd_bytes *line);
/* Cuts a prefix off *text; false (and untouched) where it does not begin so. */
bool hmd_prefix(struct hmd_bytes *text, const char *prefix);
/* Name of the wire formats: [A-Za-z0-9][A-Za-z0-9._+-]*, 1 to 64 bytes. */
bool hmd_name_valid(struct hmd_bytes text);
/* Origin or key name: 1 to 128 printable ASCII characters without space " \ + < >. */
bool hmd_origin_valid(struct hmd_bytes text);

#endif
