/* Every bit flipped and every length cut, of envelope, proof and trust store: all must be refused.
 */
#include "tests/unit/device/device_util.h"

/* One good release, opened. */
struct good {
    struct hmd_crypto crypto;
    struct hmd_identity id;
    struct file store_file;
    struct file envelope;
    struct file proof;
    struct hmd_store store;
};

static const char vendor_hex[] = "cfbff0d193755685968c48ce8b15ae17";
static const char class_hex[] = "0404c1c9cea951d4b1357d9a5b33c0a7";

static int open_good(void **state, const char *folder)
{
    struct good *g = calloc(1, sizeof *g);
    assert_non_null(g);
    g->crypto = hmd_openssl_crypto();
    (void)from_hex(vendor_hex, g->id.vendor, HMD_ID_LEN);
    (void)from_hex(class_hex, g->id.class_id, HMD_ID_LEN);
    g->store_file = read_fixture(folder, "store");
    g->envelope = read_fixture(folder, "envelope");
    g->proof = read_fixture(folder, "proof");
    assert_int_equal(hmd_store_open(&g->crypto, bytes_of(&g->store_file), NULL, &g->store), HMD_OK);
    *state = g;
    return 0;
}

static int setup(void **state)
{
    return open_good(state, "good");
}

static int setup_slots(void **state)
{
    return open_good(state, "good-slots");
}

/* Just the quorum has cosigned, so that each cosignature is needed. */
static int setup_witnesses(void **state)
{
    return open_good(state, "good-witnesses-two");
}

static int teardown(void **state)
{
    struct good *g = *state;
    free(g->store_file.data);
    free(g->envelope.data);
    free(g->proof.data);
    free(g);
    return 0;
}

static enum hmd_reason judge(const struct good *g, struct hmd_bytes envelope,
                             struct hmd_bytes proof)
{
    static struct hmd_work work; /* one thread */
    struct hmd_release release;
    const struct hmd_facts facts = {.confirmed = false};
    enum hmd_reason reason =
        hmd_verify_release(&g->crypto, &g->store, &g->id, &facts, envelope, proof, &work, &release);
    assert_int_equal(reason, release.reason);
    return reason;
}

static void good_is_accepted(void **state)
{
    const struct good *g = *state;
    assert_int_equal(judge(g, bytes_of(&g->envelope), bytes_of(&g->proof)), HMD_OK);
}

/* An exact heap copy, so that a sanitizer sees one byte too far. */
static uint8_t *copy_of(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, data, len);
    return copy;
}

static void refused_envelope(const struct good *g, const uint8_t *data, size_t len)
{
    uint8_t *copy = copy_of(data, len);
    assert_int_not_equal(judge(g, (struct hmd_bytes){copy, len}, bytes_of(&g->proof)), HMD_OK);
    free(copy);
}

static void refused_proof(const struct good *g, const uint8_t *data, size_t len)
{
    uint8_t *copy = copy_of(data, len);
    assert_int_not_equal(judge(g, bytes_of(&g->envelope), (struct hmd_bytes){copy, len}), HMD_OK);
    free(copy);
}

static void refused_store(const struct good *g, const uint8_t *data, size_t len)
{
    struct hmd_store store;
    uint8_t *copy = copy_of(data, len);
    assert_int_not_equal(hmd_store_open(&g->crypto, (struct hmd_bytes){copy, len}, NULL, &store),
                         HMD_OK);
    free(copy);
}

typedef void (*refuse)(const struct good *g, const uint8_t *data, size_t len);

static void flip_all(const struct good *g, const struct file *f, refuse check)
{
    for (size_t i = 0; i < f->len; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            f->data[i] ^= (uint8_t)(1u << bit);
            check(g, f->data, f->len);
            f->data[i] ^= (uint8_t)(1u << bit);
        }
}

static void cut_all(const struct good *g, const struct file *f, refuse check)
{
    for (size_t len = 0; len < f->len; len++)
        check(g, f->data, len);
}

static void envelope_flips(void **state)
{
    const struct good *g = *state;
    flip_all(g, &g->envelope, refused_envelope);
}

static void envelope_cuts(void **state)
{
    const struct good *g = *state;
    cut_all(g, &g->envelope, refused_envelope);
}

static void proof_flips(void **state)
{
    const struct good *g = *state;
    flip_all(g, &g->proof, refused_proof);
}

static void proof_cuts(void **state)
{
    const struct good *g = *state;
    cut_all(g, &g->proof, refused_proof);
}

static void store_flips(void **state)
{
    const struct good *g = *state;
    flip_all(g, &g->store_file, refused_store);
}

static void store_cuts(void **state)
{
    const struct good *g = *state;
    cut_all(g, &g->store_file, refused_store);
}

/* A fault of the hash or of the signature check is never read as success. */
static bool broken_hash(void *ctx, struct hmd_sha256 *h, uint8_t out[HMD_DIGEST_LEN])
{
    (void)ctx;
    (void)h;
    (void)out;
    return false;
}

static enum hmd_sig knows_nothing(void *ctx, int alg, struct hmd_bytes pub, struct hmd_bytes msg,
                                  struct hmd_bytes sig)
{
    (void)ctx;
    (void)alg;
    (void)pub;
    (void)msg;
    (void)sig;
    return HMD_SIG_UNSUPPORTED;
}

static enum hmd_sig answers_one(void *ctx, int alg, struct hmd_bytes pub, struct hmd_bytes msg,
                                struct hmd_bytes sig)
{
    (void)ctx;
    (void)alg;
    (void)pub;
    (void)msg;
    (void)sig;
    return (enum hmd_sig)2;
}

static void crypto_faults(void **state)
{
    struct good *g = *state;
    const struct hmd_crypto right = g->crypto;
    g->crypto.sha256_finish = broken_hash;
    assert_int_equal(judge(g, bytes_of(&g->envelope), bytes_of(&g->proof)), HMD_CRYPTO_FAILED);
    g->crypto = right;
    g->crypto.verify = knows_nothing;
    assert_int_equal(judge(g, bytes_of(&g->envelope), bytes_of(&g->proof)),
                     HMD_ALGORITHM_UNSUPPORTED);
    g->crypto.verify = answers_one;
    assert_int_equal(judge(g, bytes_of(&g->envelope), bytes_of(&g->proof)), HMD_SIGNATURE_INVALID);
    g->crypto = right;
}

#define ALL(f)                                                                                     \
    cmocka_unit_test_setup_teardown(f, setup, teardown),                                           \
        cmocka_unit_test_setup_teardown(f, setup_slots, teardown),                                 \
        cmocka_unit_test_setup_teardown(f, setup_witnesses, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ALL(good_is_accepted), ALL(envelope_flips), ALL(envelope_cuts), ALL(proof_flips),
        ALL(proof_cuts),       ALL(store_flips),    ALL(store_cuts),    ALL(crypto_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
