/* Signatures on a checkpoint: the log's own (C2SP signed-note, tlog-checkpoint) and those of
 * witnesses (C2SP tlog-cosignature, cosignature/v1). */
#include "device/hm_device_log_priv.h"
#include "device/hm_device_store_priv.h"
#include "device/hm_device_text_priv.h"

#define KEY_ID_LEN 4
#define TYPE_ED25519 0x01
#define TYPE_COSIGNATURE 0x04
#define TIME_LEN 8
#define LOG_BLOB_LEN (KEY_ID_LEN + HMD_SIG_LEN)
#define WITNESS_BLOB_LEN (KEY_ID_LEN + TIME_LEN + HMD_SIG_LEN)
#define LINES_MAX 32 /* signature lines that are looked at */
/* "cosignature/v1\ntime <20 digits>\n" and the note: origin, size, root */
#define COSIGNED_MAX (15 + 26 + HMD_ORIGIN_MAX + 1 + 21 + 45)

struct signature_line {
    struct hmd_bytes name;
    struct hmd_bytes blob;
    uint8_t bytes[WITNESS_BLOB_LEN];
};

/* "— name base64"; blobs longer than any we know are kept as empty. False where the line is not
 * one. */
static bool read_line(struct hmd_bytes *rest, struct signature_line *out)
{
    struct hmd_bytes line;
    size_t space = 0;
    size_t len = 0;
    if (!hmd_line(rest, &line) || !hmd_prefix(&line, "\xe2\x80\x94 "))
        return false;
    while (space < line.len && line.p[space] != ' ')
        space++;
    if (space == line.len)
        return false;
    out->name = (struct hmd_bytes){line.p, space};
    struct hmd_bytes text = {line.p + space + 1, line.len - space - 1};
    if (!hmd_origin_valid(out->name))
        return false;
    if (!hmd_base64(text, out->bytes, sizeof out->bytes, &len))
        len = 0;
    out->blob = (struct hmd_bytes){out->bytes, len};
    return true;
}

/* First bytes of SHA-256(name, LF, type, key). */
static bool key_id(const struct hmd_crypto *crypto, struct hmd_bytes name, uint8_t type,
                   const uint8_t key[HMD_ED25519_LEN], uint8_t out[HMD_DIGEST_LEN])
{
    const uint8_t middle[2] = {'\n', type};
    struct hmd_sha256 h;
    return crypto->sha256_start(crypto->ctx, &h) &&
           crypto->sha256_update(crypto->ctx, &h, name.p, name.len) &&
           crypto->sha256_update(crypto->ctx, &h, middle, sizeof middle) &&
           crypto->sha256_update(crypto->ctx, &h, key, HMD_ED25519_LEN) &&
           crypto->sha256_finish(crypto->ctx, &h, out);
}

/* Finds the line of a name whose blob has this length and key id. */
static bool find_line(const struct hmd_proof *proof, struct hmd_bytes name, const uint8_t *id,
                      size_t blob_len, struct signature_line *out)
{
    struct hmd_bytes rest = proof->signatures;
    for (unsigned i = 0; i < LINES_MAX && rest.len > 0; i++) {
        if (!read_line(&rest, out))
            return false;
        if (out->blob.len == blob_len && hmd_same(out->name, name) &&
            hmd_equal(out->bytes, id, KEY_ID_LEN))
            return true;
    }
    return false;
}

/* Every line must be a signature line, and there must be no other bytes. */
static bool lines_valid(const struct hmd_proof *proof)
{
    struct hmd_bytes rest = proof->signatures;
    struct signature_line line;
    for (unsigned i = 0; rest.len > 0; i++)
        if (i == LINES_MAX || !read_line(&rest, &line))
            return false;
    return true;
}

static enum hmd_reason verify_log(const struct hmd_crypto *crypto, const struct hmd_store *store,
                                  const struct hmd_proof *proof)
{
    uint8_t id[HMD_DIGEST_LEN];
    struct signature_line line;
    if (!key_id(crypto, store->origin, TYPE_ED25519, store->log_key, id))
        return HMD_CRYPTO_FAILED;
    if (!find_line(proof, store->origin, id, LOG_BLOB_LEN, &line))
        return HMD_CHECKPOINT_UNSIGNED;
    struct hmd_bytes pub = {store->log_key, HMD_ED25519_LEN};
    struct hmd_bytes sig = {line.bytes + KEY_ID_LEN, HMD_SIG_LEN};
    switch (crypto->verify(crypto->ctx, HM_COSE_ED25519, pub, proof->note, sig)) {
    case HMD_SIG_VALID:
        return HMD_OK;
    case HMD_SIG_UNSUPPORTED:
        return HMD_ALGORITHM_UNSUPPORTED;
    case HMD_SIG_BAD:
    default:
        return HMD_CHECKPOINT_SIGNATURE;
    }
}

static size_t put_decimal(uint8_t *out, uint64_t value)
{
    uint8_t digits[20];
    size_t n = 0;
    do {
        digits[n++] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (size_t i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    return n;
}

/* What a witness signs; returns its length. */
static size_t cosigned_text(uint64_t time_s, struct hmd_bytes note, uint8_t out[COSIGNED_MAX])
{
    static const char head[] = "cosignature/v1\ntime ";
    size_t n = sizeof head - 1;
    hmd_copy(out, head, n);
    n += put_decimal(out + n, time_s);
    out[n++] = '\n';
    hmd_copy(out + n, note.p, note.len);
    return n + note.len;
}

static bool verify_witness(const struct hmd_crypto *crypto, const struct hmd_proof *proof,
                           const struct hmd_witness *w, uint64_t *time_s)
{
    uint8_t id[HMD_DIGEST_LEN];
    uint8_t text[COSIGNED_MAX];
    struct signature_line line;
    uint64_t t = 0;
    if (!key_id(crypto, w->name, TYPE_COSIGNATURE, w->key, id) ||
        !find_line(proof, w->name, id, WITNESS_BLOB_LEN, &line))
        return false;
    for (unsigned i = 0; i < TIME_LEN; i++)
        t = t << 8 | line.bytes[KEY_ID_LEN + i];
    struct hmd_bytes pub = {w->key, HMD_ED25519_LEN};
    struct hmd_bytes sig = {line.bytes + KEY_ID_LEN + TIME_LEN, HMD_SIG_LEN};
    struct hmd_bytes msg = {text, cosigned_text(t, proof->note, text)};
    if (crypto->verify(crypto->ctx, HM_COSE_ED25519, pub, msg, sig) != HMD_SIG_VALID)
        return false;
    *time_s = t;
    return true;
}

/* The k-th largest of n times: at least k witnesses say that it is this late. */
static uint64_t kth_largest(const uint64_t *times, unsigned n, uint64_t k)
{
    uint64_t best = 0;
    for (unsigned i = 0; i < n; i++) {
        unsigned not_earlier = 0;
        for (unsigned j = 0; j < n; j++)
            not_earlier += times[j] >= times[i] ? 1u : 0u;
        if (not_earlier >= k && times[i] > best)
            best = times[i];
    }
    return best;
}

enum hmd_reason hmd_checkpoint_verify(const struct hmd_crypto *crypto,
                                      const struct hmd_store *store, const struct hmd_proof *proof,
                                      unsigned *witnesses, uint64_t *quorum_time_s)
{
    uint64_t times[HMD_WITNESSES_MAX];
    unsigned verified = 0;
    struct hmd_witness w;
    if (!hmd_same(proof->origin, store->origin))
        return HMD_CHECKPOINT_ORIGIN;
    if (!lines_valid(proof))
        return HMD_CHECKPOINT_MALFORMED;
    enum hmd_reason reason = verify_log(crypto, store, proof);
    if (reason != HMD_OK)
        return reason;
    struct hmd_cbor r = hmd_cbor_over(store->witnesses);
    while (verified < HMD_WITNESSES_MAX && hmd_store_read_witness(&r, &w))
        if (verify_witness(crypto, proof, &w, &times[verified]))
            verified++;
    if (verified < store->quorum)
        return HMD_WITNESS_QUORUM;
    *witnesses = verified;
    *quorum_time_s = store->quorum == 0 ? 0 : kth_largest(times, verified, store->quorum);
    return HMD_OK;
}
