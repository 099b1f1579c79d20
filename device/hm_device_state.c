/* The device's memory: two copies, each with a generation and a SHA-256, written in turn, so that a
 * cut in the middle leaves the other one. All integers little-endian. */
#include "device/hm_device_boot_priv.h"
#include "device/hm_device_envelope_priv.h"
#include "device/hm_device_text_priv.h"

#define HASH_AT (HMD_STATE_LEN - HMD_DIGEST_LEN)

static const uint8_t magic[8] = {'H', 'M', 'D', 'S', 'T', 'A', 'T', '1'};

/* A cursor that goes over the image in the same order for reading and writing. */
struct cursor {
    uint8_t *p;
    size_t pos;
    bool writing;
};

static void bytes(struct cursor *c, void *field, size_t len)
{
    if (c->writing)
        hmd_copy(c->p + c->pos, field, len);
    else
        hmd_copy(field, c->p + c->pos, len);
    c->pos += len;
}

static void u64(struct cursor *c, uint64_t *field)
{
    uint8_t le[8];
    for (unsigned i = 0; c->writing && i < 8; i++)
        le[i] = (uint8_t)(*field >> 8 * i);
    bytes(c, le, sizeof le);
    *field = 0;
    for (unsigned i = 0; i < 8; i++)
        *field |= (uint64_t)le[i] << 8 * i;
}

static void small(struct cursor *c, unsigned *field)
{
    uint8_t byte = (uint8_t)*field;
    bytes(c, &byte, 1);
    *field = byte;
}

static void slot_fields(struct cursor *c, struct hmd_slot_info *s)
{
    unsigned status = (unsigned)s->status;
    small(c, &status);
    s->status = status <= HMD_STATUS_FAILED ? (enum hmd_slot_status)status : HMD_STATUS_EMPTY;
    u64(c, &s->sequence);
    u64(c, &s->size);
    u64(c, &s->rollback_floor);
    u64(c, &s->time_floor_s);
    u64(c, &s->store_epoch);
    bytes(c, s->image, sizeof s->image);
    bytes(c, s->manifest, sizeof s->manifest);
    small(c, &s->version_len);
    bytes(c, s->version, sizeof s->version);
}

static void state_fields(struct cursor *c, struct hmd_state *s)
{
    unsigned confirmed = s->confirmed ? 1 : 0;
    u64(c, &s->generation);
    small(c, &s->active);
    small(c, &confirmed);
    s->confirmed = confirmed == 1;
    u64(c, &s->sequence);
    bytes(c, s->digest, sizeof s->digest);
    u64(c, &s->rollback_floor);
    u64(c, &s->time_floor_s);
    u64(c, &s->store_epoch);
    small(c, &s->version_len);
    bytes(c, s->version, sizeof s->version);
    for (unsigned i = 0; i < HMD_SLOTS; i++)
        slot_fields(c, &s->slot[i]);
}

static bool image_hash(const struct hmd_crypto *crypto, const uint8_t image[HMD_STATE_LEN],
                       uint8_t out[HMD_DIGEST_LEN])
{
    return hmd_sha256(crypto, (struct hmd_bytes){image, HASH_AT}, (struct hmd_bytes){NULL, 0}, out);
}

/* A copy that was written whole: magic and hash. */
static bool read_copy(const struct hmd_ports *ports, unsigned copy, uint8_t image[HMD_STATE_LEN])
{
    uint8_t hash[HMD_DIGEST_LEN];
    return ports->storage->read(ports->storage->ctx, copy, image) &&
           hmd_equal(image, magic, sizeof magic) && image_hash(ports->crypto, image, hash) &&
           hmd_equal(hash, image + HASH_AT, HMD_DIGEST_LEN);
}

/* False where a field cannot be, although the hash is right: written by another version. */
static bool decode(uint8_t image[HMD_STATE_LEN], struct hmd_state *out)
{
    struct cursor c = {image, sizeof magic, false};
    hmd_clear(out, sizeof *out);
    state_fields(&c, out);
    bool lengths = out->version_len <= HMD_NAME_MAX;
    for (unsigned i = 0; i < HMD_SLOTS; i++)
        lengths = lengths && out->slot[i].version_len <= HMD_NAME_MAX;
    return lengths && (out->active < HMD_SLOTS || out->active == HMD_NO_SLOT);
}

static enum hmd_reason write_copy(const struct hmd_ports *ports, struct hmd_state *state)
{
    uint8_t image[HMD_STATE_LEN];
    uint8_t hash[HMD_DIGEST_LEN];
    unsigned copy = (unsigned)(state->generation % HMD_STATE_COPIES);
    struct cursor c = {image, sizeof magic, true};
    hmd_clear(image, sizeof image);
    hmd_copy(image, magic, sizeof magic);
    state_fields(&c, state);
    if (!image_hash(ports->crypto, image, image + HASH_AT))
        return HMD_CRYPTO_FAILED;
    hmd_copy(hash, image + HASH_AT, sizeof hash);
    if (!ports->storage->write(ports->storage->ctx, copy, image) ||
        !ports->storage->read(ports->storage->ctx, copy, image) ||
        !hmd_equal(image + HASH_AT, hash, sizeof hash))
        return HMD_STORAGE_FAILED;
    return HMD_OK;
}

enum hmd_reason hmd_state_save(const struct hmd_ports *ports, struct hmd_state *state)
{
    state->generation++;
    enum hmd_reason reason = write_copy(ports, state);
    /* The next attempt goes over the same copy, not over the only whole one. */
    if (reason != HMD_OK)
        state->generation--;
    return reason;
}

enum hmd_reason hmd_state_mend(const struct hmd_ports *ports, struct hmd_state *state)
{
    uint8_t image[HMD_STATE_LEN];
    struct hmd_state other;
    const unsigned copy = (unsigned)((state->generation + 1) % HMD_STATE_COPIES);
    if (read_copy(ports, copy, image) && decode(image, &other) && other.sequence == state->sequence)
        return HMD_OK;
    return hmd_state_save(ports, state);
}

enum hmd_reason hmd_state_init(const struct hmd_ports *ports, uint64_t store_epoch,
                               struct hmd_bytes version)
{
    struct hmd_state s;
    hmd_clear(&s, sizeof s);
    s.active = HMD_NO_SLOT;
    s.store_epoch = store_epoch;
    s.version_len = (unsigned)(version.len <= HMD_NAME_MAX ? version.len : 0);
    hmd_copy(s.version, version.p, s.version_len);
    for (unsigned copy = 0; copy < HMD_STATE_COPIES; copy++) {
        enum hmd_reason reason = hmd_state_save(ports, &s);
        if (reason != HMD_OK)
            return reason;
    }
    return HMD_OK;
}

/* Number of the newest whole copy, HMD_STATE_COPIES where there is none. */
static unsigned newest_copy(const struct hmd_ports *ports, uint8_t image[HMD_STATE_LEN])
{
    unsigned newest = HMD_STATE_COPIES;
    uint64_t best = 0;
    for (unsigned copy = 0; copy < HMD_STATE_COPIES; copy++) {
        struct cursor c = {image, sizeof magic, false};
        uint64_t generation;
        if (!read_copy(ports, copy, image))
            continue;
        u64(&c, &generation);
        if (newest == HMD_STATE_COPIES || generation > best) {
            best = generation;
            newest = copy;
        }
    }
    return newest;
}

enum hmd_reason hmd_state_load(const struct hmd_ports *ports, struct hmd_state *out)
{
    uint8_t image[HMD_STATE_LEN];
    uint64_t counter;
    unsigned copy = newest_copy(ports, image);
    hmd_clear(out, sizeof *out);
    if (copy == HMD_STATE_COPIES || !read_copy(ports, copy, image) || !decode(image, out))
        return HMD_STATE_DAMAGED;
    if (!ports->storage->counter_read(ports->storage->ctx, &counter))
        return HMD_STORAGE_FAILED;
    return counter > out->sequence ? HMD_STATE_ROLLED_BACK : HMD_OK;
}

enum hmd_reason hmd_state_take_store(const struct hmd_ports *ports, uint64_t epoch)
{
    struct hmd_state s;
    enum hmd_reason reason = hmd_state_load(ports, &s);
    if (reason == HMD_OK && epoch < s.store_epoch)
        reason = HMD_STORE_ROLLED_BACK;
    if (reason != HMD_OK || epoch == s.store_epoch)
        return reason;
    s.store_epoch = epoch;
    /* Both copies: one that goes bad must not bring the older store back. */
    for (unsigned copy = 0; reason == HMD_OK && copy < HMD_STATE_COPIES; copy++)
        reason = hmd_state_save(ports, &s);
    return reason;
}

void hmd_state_facts(const struct hmd_state *state, struct hmd_facts *out)
{
    out->confirmed = state->confirmed;
    out->sequence = state->sequence;
    hmd_copy(out->digest, state->digest, HMD_DIGEST_LEN);
    out->rollback_floor = state->rollback_floor;
    out->store_epoch = state->store_epoch;
    out->time_floor_s = state->time_floor_s;
    out->version = (struct hmd_bytes){(const uint8_t *)state->version, state->version_len};
}

unsigned hmd_state_target(const struct hmd_state *state)
{
    return state->active == 0 ? 1 : 0;
}
