/* Signatures on a checkpoint: the log's own (C2SP signed-note, tlog-checkpoint) and those of
 * witnesses (C2SP tlog-cosignature, cosignature/v1). */
#include "device/hm_device_log_priv.h"
#include "device/hm_device_store_priv.h"
#include "device/hm_device_text_priv.h"

#define KEY_ID_LEN 4
#define TYPE_ED25519 0x01
#define TYPE_COSIGNATURE 0x04
#define TIME_LEN 8
#define TIME_MAX (UINT64_MAX / 2) /* tlog-cosignature: 2^63 - 1 */
#define LOG_BLOB_LEN (KEY_ID_LEN + HMD_SIG_LEN)
#define WITNESS_BLOB_LEN (KEY_ID_LEN + TIME_LEN + HMD_SIG_LEN)
#define LINES_MAX 32 /* signature lines that are looked at */
/* "cosignature/v1\ntime <20 digits>\n" and the note: origin, size, root */
#define COSIGNED_MAX (15 + 26 + HMD_ORIGIN_MAX + 1 + 21 + 45)

struct signature_line {
    struct hmd_bytes name;
    size_t len; /* of the blob; 0 where it is longer than any we know */
    uint8_t blob[WITNESS_BLOB_LEN];
};

/* "— name base64". False where the line is not one. */
static bool read_line(struct hmd_bytes *rest, struct signature_line *out)
{
    struct hmd_bytes line;
    size_t space = 0;
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
    if (!hmd_base64(text, out->blob, sizeof out->blob, &out->len))
        out->len = 0;
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

/* How many lines one key has, and the first of them. */
static unsigned lines_of(const struct hmd_proof *proof, struct hmd_bytes name, const uint8_t *id,
                         struct signature_line *first)
{
    struct hmd_bytes rest = proof->signatures;
    struct signature_line line;
    unsigned n = 0;
    while (rest.len > 0 && read_line(&rest, &line)) {
        if (line.len < KEY_ID_LEN || !hmd_same(line.name, name) ||
            !hmd_equal(line.blob, id, KEY_ID_LEN))
            continue;
        if (n == 0)
            *first = line;
        n++;
    }
    return n;
}

static enum hmd_reason verify_log(const struct hmd_crypto *crypto, const struct hmd_store *store,
                                  const struct hmd_proof *proof)
{
    uint8_t id[HMD_DIGEST_LEN];
    struct signature_line line;
    if (!key_id(crypto, store->origin, TYPE_ED25519, store->log_key, id))
        return HMD_CRYPTO_FAILED;
    unsigned n = lines_of(proof, store->origin, id, &line);
    if (n != 1)
        return n == 0 ? HMD_CHECKPOINT_UNSIGNED : HMD_CHECKPOINT_MALFORMED;
    if (line.len != LOG_BLOB_LEN)
        return HMD_CHECKPOINT_SIGNATURE;
    struct hmd_bytes pub = {store->log_key, HMD_ED25519_LEN};
    struct hmd_bytes sig = {line.blob + KEY_ID_LEN, HMD_SIG_LEN};
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

static enum hmd_reason verify_cosignature(const struct hmd_crypto *crypto,
                                          const struct hmd_proof *proof,
                                          const struct hmd_witness *w, struct hmd_bytes sig,
                                          uint64_t time_s)
{
    uint8_t text[COSIGNED_MAX];
    struct hmd_bytes pub = {w->key, HMD_ED25519_LEN};
    struct hmd_bytes msg = {text, cosigned_text(time_s, proof->note, text)};
    return crypto->verify(crypto->ctx, HM_COSE_ED25519, pub, msg, sig) == HMD_SIG_VALID
               ? HMD_OK
               : HMD_WITNESS_SIGNATURE;
}

/* *time_s is 0 where this witness has not cosigned. */
static enum hmd_reason verify_witness(const struct hmd_crypto *crypto,
                                      const struct hmd_proof *proof, const struct hmd_witness *w,
                                      uint64_t *time_s)
{
    uint8_t id[HMD_DIGEST_LEN];
    struct signature_line line;
    uint64_t t = 0;
    *time_s = 0;
    if (!key_id(crypto, w->name, TYPE_COSIGNATURE, w->key, id))
        return HMD_CRYPTO_FAILED;
    unsigned n = lines_of(proof, w->name, id, &line);
    if (n == 0)
        return HMD_OK;
    if (n > 1)
        return HMD_WITNESS_REPEATED;
    if (line.len != WITNESS_BLOB_LEN)
        return HMD_WITNESS_SIGNATURE;
    for (unsigned i = 0; i < TIME_LEN; i++)
        t = t << 8 | line.blob[KEY_ID_LEN + i];
    if (t == 0 || t > TIME_MAX)
        return HMD_WITNESS_TIME;
    struct hmd_bytes sig = {line.blob + KEY_ID_LEN + TIME_LEN, HMD_SIG_LEN};
    enum hmd_reason reason = verify_cosignature(crypto, proof, w, sig, t);
    if (reason == HMD_OK)
        *time_s = t;
    return reason;
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

/* Every witness of the store once: its names and keys are distinct (hmd_store_check). */
static enum hmd_reason verify_witnesses(const struct hmd_crypto *crypto,
                                        const struct hmd_store *store,
                                        const struct hmd_proof *proof,
                                        uint64_t times[HMD_WITNESSES_MAX], unsigned *verified)
{
    struct hmd_cbor r = hmd_cbor_over(store->witnesses);
    struct hmd_witness w;
    *verified = 0;
    while (*verified < HMD_WITNESSES_MAX && hmd_store_read_witness(&r, &w)) {
        uint64_t time_s;
        enum hmd_reason reason = verify_witness(crypto, proof, &w, &time_s);
        if (reason != HMD_OK)
            return reason;
        if (time_s != 0)
            times[(*verified)++] = time_s;
    }
    return *verified < store->quorum ? HMD_WITNESS_QUORUM : HMD_OK;
}

enum hmd_reason hmd_checkpoint_verify(const struct hmd_crypto *crypto,
                                      const struct hmd_store *store, const struct hmd_proof *proof,
                                      unsigned *witnesses, uint64_t *quorum_time_s)
{
    uint64_t times[HMD_WITNESSES_MAX];
    unsigned verified = 0;
    if (!hmd_same(proof->origin, store->origin))
        return HMD_CHECKPOINT_ORIGIN;
    if (!lines_valid(proof))
        return HMD_CHECKPOINT_MALFORMED;
    enum hmd_reason reason = verify_log(crypto, store, proof);
    if (reason == HMD_OK)
        reason = verify_witnesses(crypto, store, proof, times, &verified);
    if (reason != HMD_OK)
        return reason;
    *witnesses = verified;
    *quorum_time_s = store->quorum == 0 ? 0 : kth_largest(times, verified, store->quorum);
    return HMD_OK;
}
