/* A device in memory that can lose power at any operation. */
#include "tests/unit/device/device_machine.h"

/* True while there is power; *torn for the operation in which it goes. */
static bool powered(struct machine *m, bool *torn)
{
    *torn = m->power == 0;
    m->operations++;
    if (m->power > 0)
        m->power--;
    else if (m->power == 0)
        m->power = -2;
    else if (m->power == -2)
        return false;
    return true;
}

static uint64_t capacity(void *ctx, unsigned slot)
{
    (void)ctx;
    (void)slot;
    return SLOT_LEN;
}

static bool erase(void *ctx, unsigned slot)
{
    struct machine *m = ctx;
    bool torn;
    if (!powered(m, &torn))
        return false;
    memset(m->slot[slot], 0xff, torn ? SLOT_LEN / 2 : SLOT_LEN);
    return !torn;
}

static bool slot_write(void *ctx, unsigned slot, uint64_t offset, const uint8_t *data, size_t len)
{
    struct machine *m = ctx;
    bool torn;
    if (!powered(m, &torn) || offset + len > SLOT_LEN)
        return false;
    memcpy(m->slot[slot] + offset, data, torn ? len / 2 : len);
    return !torn;
}

static bool slot_read(void *ctx, unsigned slot, uint64_t offset, uint8_t *data, size_t len)
{
    struct machine *m = ctx;
    if (m->power == -2 || offset + len > SLOT_LEN)
        return false;
    memcpy(data, m->slot[slot] + offset, len);
    if (m->flip_on_read && len > 0)
        data[0] ^= 1;
    return true;
}

static bool slot_sync(void *ctx, unsigned slot)
{
    bool torn;
    (void)slot;
    return powered(ctx, &torn) && !torn;
}

static bool state_read(void *ctx, unsigned copy, uint8_t data[HMD_STATE_LEN])
{
    struct machine *m = ctx;
    if (m->power == -2 || !m->state_there[copy])
        return false;
    memcpy(data, m->state[copy], HMD_STATE_LEN);
    return true;
}

static bool state_write(void *ctx, unsigned copy, const uint8_t data[HMD_STATE_LEN])
{
    struct machine *m = ctx;
    bool torn;
    if (!powered(m, &torn))
        return false;
    torn |= (m->tear >> m->state_writes++ % 32 & 1) != 0;
    memcpy(m->state[copy], data, torn ? HMD_STATE_LEN / 3 : HMD_STATE_LEN);
    m->state_there[copy] = true;
    return !torn;
}

static bool counter_read(void *ctx, uint64_t *value)
{
    struct machine *m = ctx;
    *value = m->counter;
    return m->power != -2;
}

static bool counter_raise(void *ctx, uint64_t value)
{
    struct machine *m = ctx;
    bool torn;
    if (!powered(m, &torn) || torn)
        return false;
    if (value > m->counter)
        m->counter = value;
    return true;
}

static bool outcome(void *ctx, const char *line, size_t len)
{
    struct machine *m = ctx;
    assert_true(len > 2 && line[len - 1] == '\n');
    m->outcomes++;
    return true;
}

struct machine *new_machine(void)
{
    struct machine *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->power = -1;
    m->crypto = hmd_openssl_crypto();
    m->slots = (struct hmd_slots){m, capacity, erase, slot_write, slot_read, slot_sync};
    m->storage =
        (struct hmd_storage){m, state_read, state_write, counter_read, counter_raise, outcome};
    m->ports = (struct hmd_ports){&m->crypto, &m->slots, &m->storage};
    assert_int_equal(hmd_state_init(&m->ports, 1, (struct hmd_bytes){(const uint8_t *)"1.0", 3}),
                     HMD_OK);
    return m;
}

struct machine *clone_machine(const struct machine *from)
{
    struct machine *m = malloc(sizeof *m);
    assert_non_null(m);
    *m = *from;
    m->slots.ctx = m;
    m->storage.ctx = m;
    m->ports = (struct hmd_ports){&m->crypto, &m->slots, &m->storage};
    return m;
}
