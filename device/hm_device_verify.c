/* The order of checks 1 to 5 (docs/formats/manifest.md). */
#include "device/hm_device_verify.h"
#include "device/hm_device_envelope_priv.h"
#include "device/hm_device_log_priv.h"
#include "device/hm_device_suit_priv.h"
#include "device/hm_device_text_priv.h"

/* Checks 1 and 2, and strict decoding of what the signatures cover. */
static enum hmd_reason authenticate(const struct hmd_crypto *crypto, const struct hmd_store *store,
                                    const struct hmd_identity *id, struct hmd_bytes envelope,
                                    struct hmd_suit *suit, struct hmd_manifest *out)
{
    struct hmd_envelope env;
    struct hmd_quorum q = {store, {NULL, 0}, 0, 0, NULL};
    if (envelope.len > HMD_ENVELOPE_MAX)
        return HMD_ENVELOPE_TOO_LARGE;
    enum hmd_reason reason = hmd_envelope_open(crypto, envelope, HMD_CLOTHES_MANIFEST, &env);
    if (reason != HMD_OK && reason != HMD_UNSIGNED)
        return reason;
    hmd_copy(out->digest, env.digest, HMD_DIGEST_LEN);
    if (reason == HMD_UNSIGNED)
        return reason;
    if (env.content.len > HMD_MANIFEST_MAX)
        return HMD_ENVELOPE_TOO_LARGE;
    if (!hmd_store_rule(store, id->class_id, &q.kids, &q.kid_count, &q.threshold))
        return HMD_CLASS_WITHOUT_RULE;
    reason = hmd_envelope_authenticate(crypto, &env, &q, out->signer, &out->signer_count);
    if (reason != HMD_OK)
        return reason;
    reason = hmd_suit_open(env.content, true, suit);
    if (reason != HMD_OK)
        return reason;
    out->sequence = suit->sequence;
    return hmd_suit_decode(suit, out);
}

/* The second half of check 2. */
static enum hmd_reason check_key_times(const struct hmd_store *store, const struct hmd_manifest *m,
                                       uint64_t time_s)
{
    for (unsigned i = 0; i < m->signer_count; i++) {
        struct hmd_key key;
        if (!hmd_store_key(store, m->signer[i], &key))
            return HMD_KEY_UNKNOWN;
        if (time_s < key.not_before_s)
            return HMD_KEY_NOT_YET_VALID;
        if (key.not_after_s != 0 && time_s >= key.not_after_s)
            return HMD_KEY_EXPIRED;
    }
    return HMD_OK;
}

/* Check 5: one slot at least must be served; a reason that is not about slots refuses at once. */
static enum hmd_reason check_compatibility(const struct hmd_suit *suit,
                                           const struct hmd_identity *id,
                                           const struct hmd_rules *rules, struct hmd_manifest *out)
{
    enum hmd_reason result = HMD_NO_IMAGE_FOR_SLOT;
    for (unsigned slot = 0; slot < HMD_SLOTS; slot++) {
        enum hmd_reason reason = hmd_suit_evaluate(suit, id, rules, slot, out);
        if (reason == HMD_OK)
            result = HMD_OK;
        else if (reason != HMD_NO_IMAGE_FOR_SLOT)
            return reason;
    }
    return result;
}

enum hmd_reason hmd_verify_manifest(const struct hmd_crypto *crypto, const struct hmd_store *store,
                                    const struct hmd_identity *id, struct hmd_bytes envelope,
                                    const struct hmd_rules *rules, struct hmd_manifest *out)
{
    struct hmd_suit suit;
    hmd_clear(out, sizeof *out);
    enum hmd_reason reason = authenticate(crypto, store, id, envelope, &suit, out);
    if (reason == HMD_OK && rules->time_s != 0)
        reason = check_key_times(store, out, rules->time_s);
    if (reason == HMD_OK)
        reason = check_compatibility(&suit, id, rules, out);
    out->reason = reason;
    return reason;
}

static uint64_t latest(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Check 3. */
static enum hmd_reason check_log(const struct hmd_crypto *crypto, const struct hmd_store *store,
                                 struct hmd_bytes proof_file, struct hmd_work *work,
                                 struct hmd_record *record, struct hmd_release *out)
{
    struct hmd_proof proof;
    enum hmd_reason reason = hmd_proof_open(proof_file, work, &proof);
    if (reason != HMD_OK)
        return reason;
    struct hmd_bytes text = {work->record, proof.record_len};
    reason = hmd_checkpoint_verify(crypto, store, &proof, &out->witnesses, &out->witness_time_s);
    if (reason == HMD_OK)
        reason = hmd_proof_included(crypto, &proof, text);
    if (reason == HMD_OK)
        reason = hmd_record_check(text, &out->manifest, record);
    if (reason != HMD_OK)
        return reason;
    if (record->index != proof.index)
        return HMD_RECORD_MEMBER;
    out->record_index = proof.index;
    out->log_size = proof.size;
    out->record_time_s = record->time_ms / 1000;
    out->product = record->product;
    out->version = record->version;
    out->time_floor_s = latest(store->issued_s, out->witness_time_s);
    return check_key_times(store, &out->manifest,
                           store->quorum > 0 ? out->witness_time_s : out->record_time_s);
}

/* Check 4. */
static enum hmd_reason check_freshness(const struct hmd_store *store, const struct hmd_identity *id,
                                       const struct hmd_facts *facts,
                                       const struct hmd_record *record, struct hmd_release *out)
{
    const struct hmd_manifest *m = &out->manifest;
    if (store->epoch < facts->store_epoch)
        return HMD_STORE_ROLLED_BACK;
    if (record->store_epoch > store->epoch)
        return HMD_STORE_TOO_OLD;
    if (facts->confirmed && m->sequence < facts->sequence)
        return HMD_SEQUENCE_TOO_LOW;
    if (facts->confirmed && m->sequence == facts->sequence &&
        !hmd_equal(m->digest, facts->digest, HMD_DIGEST_LEN))
        return HMD_SEQUENCE_REUSED;
    if (m->sequence < hmd_store_floor(store, id->class_id))
        return HMD_BELOW_STORE_FLOOR;
    if (m->sequence < facts->rollback_floor)
        return HMD_BELOW_ROLLBACK_FLOOR;
    out->time_floor_s = latest(out->time_floor_s, facts->time_floor_s);
    if (m->use_before_s != 0 && out->time_floor_s >= m->use_before_s)
        return HMD_USE_BEFORE_PASSED;
    return HMD_OK;
}

/* An unknown installed version meets no version condition. */
static enum hmd_reason check_installed(const struct hmd_facts *facts, const struct hmd_manifest *m)
{
    struct hmd_version installed;
    if (m->installed_at_least.count == 0)
        return HMD_OK;
    return hmd_version_parse(facts->version, &installed) &&
                   hmd_version_compare(&installed, &m->installed_at_least) >= 0
               ? HMD_OK
               : HMD_VERSION_TOO_LOW;
}

enum hmd_reason hmd_verify_release(const struct hmd_crypto *crypto, const struct hmd_store *store,
                                   const struct hmd_identity *id, const struct hmd_facts *facts,
                                   struct hmd_bytes envelope, struct hmd_bytes proof,
                                   struct hmd_work *work, struct hmd_release *out)
{
    struct hmd_suit suit;
    struct hmd_record record;
    hmd_clear(out, sizeof *out);
    out->store_epoch = store->epoch;
    if (!hmd_equal(store->vendor, id->vendor, HMD_ID_LEN))
        return out->reason = HMD_STORE_OTHER_VENDOR;
    enum hmd_reason reason = authenticate(crypto, store, id, envelope, &suit, &out->manifest);
    if (reason == HMD_OK)
        reason = check_log(crypto, store, proof, work, &record, out);
    if (reason == HMD_OK)
        reason = check_freshness(store, id, facts, &record, out);
    if (reason == HMD_OK) {
        const struct hmd_rules rules = {out->time_floor_s, {NULL, 0}};
        reason = check_compatibility(&suit, id, &rules, &out->manifest);
    }
    if (reason == HMD_OK)
        reason = check_installed(facts, &out->manifest);
    out->manifest.reason = reason;
    out->reason = reason;
    return reason;
}

/* Severed members that are present must be the ones whose digests the manifest holds. */
static enum hmd_reason join_severed(const struct hmd_crypto *crypto, const struct hmd_envelope *env,
                                    struct hmd_suit *s)
{
    struct hmd_cbor r = hmd_cbor_over(env->severed);
    for (uint64_t i = 0; i < env->severed_count; i++) {
        uint64_t key = 0;
        struct hmd_bytes member;
        uint8_t digest[HMD_DIGEST_LEN];
        if (!hmd_cbor_uint(&r, &key))
            return HMD_ENVELOPE_MALFORMED;
        size_t start = r.pos;
        if (!hmd_cbor_bstr(&r, &member))
            return HMD_ENVELOPE_MALFORMED;
        struct hmd_bytes whole = {r.p + start, r.pos - start};
        const uint8_t *wanted = key == HM_SUIT_PAYLOAD_FETCH ? s->fetch_digest
                                : key == HM_SUIT_INSTALL     ? s->install_digest
                                : key == HM_SUIT_TEXT        ? s->text_digest
                                                             : NULL;
        if (wanted == NULL)
            return HMD_SEVERED_UNSUPPORTED;
        if (!hmd_sha256(crypto, whole, (struct hmd_bytes){NULL, 0}, digest))
            return HMD_CRYPTO_FAILED;
        if (!hmd_equal(digest, wanted, HMD_DIGEST_LEN))
            return HMD_SEVERED_MISMATCH;
        if (key == HM_SUIT_TEXT)
            s->text = member;
        else if (key == HM_SUIT_INSTALL)
            s->install = member;
        else
            s->fetch = member;
    }
    return HMD_OK;
}

/* The text member is a CBOR map for people: well-formed is enough. */
static bool text_valid(struct hmd_bytes text)
{
    struct hmd_cbor r = hmd_cbor_over(text);
    struct hmd_bytes whole;
    unsigned major;
    return text.p == NULL || (hmd_cbor_peek(&r, &major) && major == HMD_CBOR_MAP &&
                              hmd_cbor_skip(&r, &whole) && hmd_cbor_done(&r));
}

static enum hmd_reason all_signed_by(const struct hmd_crypto *crypto, int alg, struct hmd_bytes pub,
                                     const struct hmd_envelope *env)
{
    struct hmd_cbor r = hmd_cbor_over(env->signatures);
    for (uint64_t i = 0; i < env->signature_count; i++) {
        struct hmd_signature s;
        if (!hmd_envelope_next(&r, &s))
            return HMD_ENVELOPE_MALFORMED;
        if (s.alg != alg)
            return HMD_ALGORITHM_UNSUPPORTED;
        enum hmd_reason reason = hmd_envelope_verify(crypto, env, &s, pub);
        if (reason != HMD_OK)
            return reason;
    }
    return HMD_OK;
}

enum hmd_reason hmd_accept_vector(const struct hmd_crypto *crypto, int alg, struct hmd_bytes pub,
                                  struct hmd_bytes envelope)
{
    struct hmd_envelope env;
    struct hmd_suit suit;
    struct hmd_manifest unused;
    if (envelope.len > HMD_ENVELOPE_MAX)
        return HMD_ENVELOPE_TOO_LARGE;
    enum hmd_reason reason = hmd_envelope_open(crypto, envelope, HMD_CLOTHES_VECTOR, &env);
    if (reason == HMD_OK)
        reason = all_signed_by(crypto, alg, pub, &env);
    if (reason == HMD_OK)
        reason = hmd_suit_open(env.content, false, &suit);
    if (reason == HMD_OK)
        reason = join_severed(crypto, &env, &suit);
    if (reason != HMD_OK)
        return reason;
    hmd_clear(&unused, sizeof unused);
    reason = hmd_suit_decode(&suit, &unused);
    return reason == HMD_OK && !text_valid(suit.text) ? HMD_MANIFEST_MALFORMED : reason;
}
