/* The proof file (C2SP tlog-proof) and the path to the root (RFC 9162 2.1.3.2). */
#include "device/hm_device_log_priv.h"
#include "device/hm_device_text_priv.h"

#define HASH_TEXT_LEN 44 /* base64 of 32 bytes */
#define LEAF 0x00
#define NODE 0x01

static bool read_hash(struct hmd_bytes line, uint8_t out[HMD_DIGEST_LEN])
{
    size_t len;
    return line.len == HASH_TEXT_LEN && hmd_base64(line, out, HMD_DIGEST_LEN, &len) &&
           len == HMD_DIGEST_LEN;
}

static enum hmd_reason read_checkpoint(struct hmd_bytes text, struct hmd_proof *out)
{
    struct hmd_bytes rest = text;
    struct hmd_bytes size;
    struct hmd_bytes root;
    struct hmd_bytes blank;
    if (!hmd_line(&rest, &out->origin) || !hmd_line(&rest, &size) || !hmd_line(&rest, &root))
        return HMD_CHECKPOINT_MALFORMED;
    out->note = (struct hmd_bytes){text.p, text.len - rest.len};
    if (!hmd_line(&rest, &blank) || blank.len != 0 || !hmd_origin_valid(out->origin) ||
        !hmd_decimal(size, &out->size) || !read_hash(root, out->root))
        return HMD_CHECKPOINT_MALFORMED;
    out->signatures = rest;
    return HMD_OK;
}

/* The hash lines up to the blank line. */
static bool read_hashes(struct hmd_bytes *rest, struct hmd_proof *out)
{
    struct hmd_bytes start = *rest;
    struct hmd_bytes line;
    out->hash_count = 0;
    for (;;) {
        size_t left = rest->len;
        if (!hmd_line(rest, &line))
            return false;
        if (line.len == 0) {
            out->hashes = (struct hmd_bytes){start.p, start.len - left};
            return true;
        }
        if (line.len != HASH_TEXT_LEN || out->hash_count == HMD_PROOF_HASHES_MAX)
            return false;
        out->hash_count++;
    }
}

enum hmd_reason hmd_proof_open(struct hmd_bytes proof, struct hmd_work *work, struct hmd_proof *out)
{
    struct hmd_bytes rest = proof;
    struct hmd_bytes line;
    if (proof.len > HMD_PROOF_MAX || !hmd_line(&rest, &line) ||
        !hmd_is(line, "c2sp.org/tlog-proof@v1") || !hmd_line(&rest, &line) ||
        !hmd_prefix(&line, "extra "))
        return HMD_PROOF_MALFORMED;
    if (line.len > (HMD_RECORD_MAX + 2) / 3 * 4)
        return HMD_RECORD_TOO_LARGE;
    if (!hmd_base64(line, work->record, sizeof work->record, &out->record_len) ||
        !hmd_line(&rest, &line) || !hmd_prefix(&line, "index ") ||
        !hmd_decimal(line, &out->index) || !read_hashes(&rest, out))
        return HMD_PROOF_MALFORMED;
    return read_checkpoint(rest, out);
}

static bool hash_node(const struct hmd_crypto *crypto, const uint8_t left[HMD_DIGEST_LEN],
                      const uint8_t right[HMD_DIGEST_LEN], uint8_t out[HMD_DIGEST_LEN])
{
    static const uint8_t prefix = NODE;
    struct hmd_sha256 h;
    return crypto->sha256_start(crypto->ctx, &h) &&
           crypto->sha256_update(crypto->ctx, &h, &prefix, 1) &&
           crypto->sha256_update(crypto->ctx, &h, left, HMD_DIGEST_LEN) &&
           crypto->sha256_update(crypto->ctx, &h, right, HMD_DIGEST_LEN) &&
           crypto->sha256_finish(crypto->ctx, &h, out);
}

static bool hash_leaf(const struct hmd_crypto *crypto, struct hmd_bytes record,
                      uint8_t out[HMD_DIGEST_LEN])
{
    static const uint8_t prefix = LEAF;
    struct hmd_sha256 h;
    return crypto->sha256_start(crypto->ctx, &h) &&
           crypto->sha256_update(crypto->ctx, &h, &prefix, 1) &&
           crypto->sha256_update(crypto->ctx, &h, record.p, record.len) &&
           crypto->sha256_finish(crypto->ctx, &h, out);
}

enum hmd_reason hmd_proof_included(const struct hmd_crypto *crypto, const struct hmd_proof *proof,
                                   struct hmd_bytes record)
{
    uint8_t hash[HMD_DIGEST_LEN];
    uint8_t sibling[HMD_DIGEST_LEN];
    struct hmd_bytes rest = proof->hashes;
    struct hmd_bytes line;
    uint64_t fn = proof->index;
    uint64_t sn = proof->size - 1;
    if (proof->size == 0 || proof->index >= proof->size)
        return HMD_RECORD_NOT_INCLUDED;
    if (!hash_leaf(crypto, record, hash))
        return HMD_CRYPTO_FAILED;
    for (unsigned i = 0; i < proof->hash_count; i++) {
        if (!hmd_line(&rest, &line) || !read_hash(line, sibling))
            return HMD_PROOF_MALFORMED;
        if (sn == 0)
            return HMD_RECORD_NOT_INCLUDED;
        bool sibling_left = fn % 2 == 1 || fn == sn;
        if (!hash_node(crypto, sibling_left ? sibling : hash, sibling_left ? hash : sibling, hash))
            return HMD_CRYPTO_FAILED;
        /* At the right edge the levels without a sibling are passed over. */
        while (fn % 2 == 0 && fn == sn && fn != 0) {
            fn >>= 1;
            sn >>= 1;
        }
        fn >>= 1;
        sn >>= 1;
    }
    if (sn != 0 || !hmd_equal(hash, proof->root, HMD_DIGEST_LEN))
        return HMD_RECORD_NOT_INCLUDED;
    return HMD_OK;
}
