/* A/B installation and boot over memory that can fail at any operation: after every cut a slot
 * boots. */
#include "tests/unit/device/device_machine.h"

#define IMAGE_LEN 1000
#define WRITE_STEP 300

static void image_bytes(uint64_t sequence, uint8_t out[IMAGE_LEN])
{
    for (size_t i = 0; i < IMAGE_LEN; i++)
        out[i] = (uint8_t)(i * 31 + sequence * 7);
}

/* An accepted release of this sequence number. */
static struct hmd_release release_of(const struct machine *m, uint64_t sequence, uint64_t floor)
{
    struct hmd_release r;
    uint8_t image[IMAGE_LEN];
    struct hmd_sha256 h;
    static const char version[] = "2.0";
    memset(&r, 0, sizeof r);
    image_bytes(sequence, image);
    for (unsigned s = 0; s < HMD_SLOTS; s++) {
        r.manifest.image[s].present = true;
        r.manifest.image[s].size = IMAGE_LEN;
        assert_true(m->crypto.sha256_start(NULL, &h));
        assert_true(m->crypto.sha256_update(NULL, &h, image, IMAGE_LEN));
        assert_true(m->crypto.sha256_finish(NULL, &h, r.manifest.image[s].digest));
    }
    memset(r.manifest.digest, (int)sequence, HMD_DIGEST_LEN);
    r.manifest.sequence = sequence;
    r.manifest.rollback_floor = floor;
    r.manifest.reason = HMD_OK;
    r.time_floor_s = 1000 + sequence;
    r.store_epoch = 1;
    r.version = (struct hmd_bytes){(const uint8_t *)version, sizeof version - 1};
    r.reason = HMD_OK;
    return r;
}

static enum hmd_reason install(struct machine *m, uint64_t sequence, uint64_t floor)
{
    struct hmd_install in;
    uint8_t image[IMAGE_LEN];
    const struct hmd_release r = release_of(m, sequence, floor);
    image_bytes(sequence, image);
    enum hmd_reason reason = hmd_install_begin(&m->ports, &r, &in);
    for (size_t at = 0; reason == HMD_OK && at < IMAGE_LEN; at += WRITE_STEP) {
        size_t n = IMAGE_LEN - at < WRITE_STEP ? IMAGE_LEN - at : WRITE_STEP;
        reason = hmd_install_write(&in, (struct hmd_bytes){image + at, n});
    }
    return reason == HMD_OK ? hmd_install_end(&in) : reason;
}

static void assert_boots(struct machine *m, uint64_t sequence, bool trial, enum hmd_reason fallback)
{
    struct hmd_boot b;
    assert_string_equal(hmd_reason_name(hmd_boot_select(&m->ports, &b)), "ok");
    assert_int_equal(b.sequence, sequence);
    assert_int_equal(b.trial, trial);
    assert_string_equal(hmd_reason_name(b.fallback), hmd_reason_name(fallback));
}

static void assert_no_boot(struct machine *m, enum hmd_reason reason)
{
    struct hmd_boot b;
    assert_string_equal(hmd_reason_name(hmd_boot_select(&m->ports, &b)), hmd_reason_name(reason));
    assert_int_equal(b.slot, HMD_NO_SLOT);
}

static void bring_to(struct machine *m, uint64_t sequence, uint64_t floor)
{
    struct hmd_boot b;
    assert_string_equal(hmd_reason_name(install(m, sequence, floor)), "ok");
    assert_int_equal(hmd_boot_select(&m->ports, &b), HMD_OK);
    assert_int_equal(b.sequence, sequence);
    assert_true(b.trial);
    assert_int_equal(hmd_boot_confirm(&m->ports, b.slot), HMD_OK);
}

static void empty_device(void **state)
{
    struct machine *m = new_machine();
    (void)state;
    assert_no_boot(m, HMD_NO_BOOTABLE_SLOT);
    for (unsigned slot = 0; slot <= HMD_SLOTS; slot++)
        assert_int_equal(hmd_boot_confirm(&m->ports, slot), HMD_NOTHING_TO_CONFIRM);
    assert_int_equal(hmd_boot_confirm(&m->ports, HMD_NO_SLOT), HMD_NOTHING_TO_CONFIRM);
    free(m);
}

static void life(void **state)
{
    struct machine *m = new_machine();
    struct hmd_state s;
    (void)state;
    bring_to(m, 5, 0);
    assert_int_equal(m->counter, 5);
    assert_boots(m, 5, false, HMD_OK);
    bring_to(m, 6, 0);
    assert_boots(m, 6, false, HMD_OK);
    assert_int_equal(hmd_state_load(&m->ports, &s), HMD_OK);
    assert_int_equal(s.sequence, 6);
    assert_int_equal(s.time_floor_s, 1006);
    assert_int_equal(s.version_len, 3);
    assert_memory_equal(s.version, "2.0", 3);
    bring_to(m, 6, 0); /* the very same one again, into the other slot */
    assert_boots(m, 6, false, HMD_OK);
    free(m);
}

static void trial_without_confirmation(void **state)
{
    struct machine *m = new_machine();
    (void)state;
    bring_to(m, 5, 0);
    assert_int_equal(install(m, 6, 6), HMD_OK);
    assert_boots(m, 6, true, HMD_OK);
    assert_int_equal(m->counter, 5); /* counters rise on confirmation only */
    assert_boots(m, 5, false, HMD_TRIAL_NOT_CONFIRMED);
    assert_boots(m, 5, false, HMD_OK);
    for (unsigned slot = 0; slot < HMD_SLOTS; slot++)
        assert_int_equal(hmd_boot_confirm(&m->ports, slot), HMD_NOTHING_TO_CONFIRM);
    assert_int_equal(install(m, 6, 0), HMD_OK); /* may be tried again */
    free(m);
}

static void first_trial_without_confirmation(void **state)
{
    struct machine *m = new_machine();
    (void)state;
    assert_int_equal(install(m, 5, 0), HMD_OK);
    assert_boots(m, 5, true, HMD_OK);
    assert_no_boot(m, HMD_NO_BOOTABLE_SLOT);
    free(m);
}

static void no_installation_over_running_trial(void **state)
{
    struct machine *m = new_machine();
    (void)state;
    bring_to(m, 5, 0);
    assert_int_equal(install(m, 6, 0), HMD_OK);
    assert_boots(m, 6, true, HMD_OK);
    assert_int_equal(install(m, 7, 0), HMD_TRIAL_RUNNING);
    free(m);
}

static void rollback(void **state)
{
    struct machine *m = new_machine();
    (void)state;
    bring_to(m, 5, 0);
    bring_to(m, 9, 9);
    assert_int_equal(install(m, 8, 0), HMD_SEQUENCE_TOO_LOW);
    /* The older confirmed slot lies below the floor now: it does not come back. */
    m->slot[1][0] ^= 1;
    assert_no_boot(m, HMD_NO_BOOTABLE_SLOT);
    free(m);
}

static void damaged_image_falls_back(void **state)
{
    struct machine *m = new_machine();
    (void)state;
    bring_to(m, 5, 0);
    bring_to(m, 6, 0);
    m->slot[1][IMAGE_LEN - 1] ^= 0x80;
    assert_boots(m, 5, false, HMD_IMAGE_DAMAGED);
    assert_int_equal(install(m, 5, 0),
                     HMD_SEQUENCE_TOO_LOW); /* starting it does not lower counters */
    assert_int_equal(install(m, 6, 0), HMD_OK);
    assert_boots(m, 6, true, HMD_OK);
    free(m);
}

static void damaged_trial(void **state)
{
    struct machine *m = new_machine();
    (void)state;
    bring_to(m, 5, 0);
    assert_int_equal(install(m, 6, 0), HMD_OK);
    m->slot[1][0] ^= 1;
    assert_boots(m, 5, false, HMD_IMAGE_DAMAGED);
    free(m);
}

static void read_back_differs(void **state)
{
    struct machine *m = new_machine();
    (void)state;
    m->flip_on_read = true;
    assert_int_equal(install(m, 5, 0), HMD_SLOT_READBACK);
    m->flip_on_read = false;
    assert_no_boot(m, HMD_NO_BOOTABLE_SLOT);
    free(m);
}

/* Payload that is not what was signed: nothing starts, whatever was written. */
static enum hmd_reason install_payload(struct machine *m, const uint8_t *data, size_t len)
{
    struct hmd_install in;
    const struct hmd_release r = release_of(m, 5, 0);
    enum hmd_reason reason = hmd_install_begin(&m->ports, &r, &in);
    if (reason == HMD_OK)
        reason = hmd_install_write(&in, (struct hmd_bytes){data, len});
    return reason == HMD_OK ? hmd_install_end(&in) : reason;
}

static void wrong_payloads(void **state)
{
    struct machine *m = new_machine();
    uint8_t image[IMAGE_LEN + 1] = {0};
    (void)state;
    image_bytes(5, image);
    assert_int_equal(install_payload(m, image, IMAGE_LEN - 1), HMD_PAYLOAD_SIZE);
    assert_int_equal(install_payload(m, image, IMAGE_LEN + 1), HMD_PAYLOAD_SIZE);
    assert_int_equal(install_payload(m, image, 0), HMD_PAYLOAD_SIZE);
    image[500] ^= 1;
    assert_int_equal(install_payload(m, image, IMAGE_LEN), HMD_PAYLOAD_DIGEST);
    image[500] ^= 1;
    assert_no_boot(m, HMD_NO_BOOTABLE_SLOT);
    assert_int_equal(install_payload(m, image, IMAGE_LEN), HMD_OK);
    free(m);
}

static void failed_installation_leaves_an_empty_slot(void **state)
{
    struct machine *m = new_machine();
    struct hmd_state s;
    const uint8_t wrong[IMAGE_LEN] = {0};
    (void)state;
    bring_to(m, 3, 0);
    bring_to(m, 4, 0);
    assert_int_equal(install_payload(m, wrong, IMAGE_LEN), HMD_PAYLOAD_DIGEST);
    assert_int_equal(hmd_state_load(&m->ports, &s), HMD_OK);
    assert_int_equal(s.slot[0].status, HMD_STATUS_EMPTY);
    assert_int_equal(s.slot[1].status, HMD_STATUS_GOOD);
    free(m);
}

static void refused_releases_are_not_written(void **state)
{
    struct machine *m = new_machine();
    struct hmd_install in;
    struct hmd_release r = release_of(m, 5, 0);
    const unsigned long before = m->operations;
    (void)state;
    r.reason = HMD_SIGNATURE_INVALID;
    assert_int_equal(hmd_install_begin(&m->ports, &r, &in), HMD_NOT_CHECKED);
    assert_int_not_equal(hmd_install_write(&in, (struct hmd_bytes){m->slot[0], 1}), HMD_OK);
    assert_int_not_equal(hmd_install_end(&in), HMD_OK);
    r = release_of(m, 5, 0);
    r.manifest.image[0].present = false;
    assert_int_equal(hmd_install_begin(&m->ports, &r, &in), HMD_NO_IMAGE_FOR_SLOT);
    r = release_of(m, 5, 0);
    r.manifest.image[0].size = SLOT_LEN + 1;
    assert_int_equal(hmd_install_begin(&m->ports, &r, &in), HMD_SLOT_TOO_SMALL);
    assert_int_equal(m->operations, before);
    free(m);
}

/* Power goes at every operation of an update in turn; then the device starts again. */
static void power_cuts_in_install(void **state)
{
    struct machine *base = new_machine();
    (void)state;
    bring_to(base, 5, 0);
    bring_to(base, 6, 0);
    bool finished = false;
    for (long power = 0; !finished; power++) {
        struct machine *m = clone_machine(base);
        struct hmd_boot b;
        m->power = power;
        finished = install(m, 7, 0) == HMD_OK;
        m->power = -1;
        assert_int_equal(hmd_boot_select(&m->ports, &b), HMD_OK);
        assert_true(b.sequence == 6 || (b.sequence == 7 && b.trial));
        if (b.sequence == 6)
            assert_int_equal(install(m, 7, 0), HMD_OK);
        free(m);
    }
    free(base);
}

/* Whichever copy of the state is damaged now, the other one starts the device. */
static void assert_each_copy_is_enough(const struct machine *from)
{
    for (unsigned copy = 0; copy < HMD_STATE_COPIES; copy++) {
        struct machine *m = clone_machine(from);
        struct hmd_boot b;
        m->state[copy][40] ^= 1;
        assert_string_equal(hmd_reason_name(hmd_boot_select(&m->ports, &b)), "ok");
        free(m);
    }
}

static void power_cuts_in_boot_and_confirm(void **state)
{
    struct machine *base = new_machine();
    (void)state;
    bring_to(base, 5, 0);
    assert_int_equal(install(base, 6, 6), HMD_OK);
    bool finished = false;
    for (long power = 0; !finished; power++) {
        struct machine *m = clone_machine(base);
        struct hmd_boot b;
        m->power = power;
        finished = hmd_boot_select(&m->ports, &b) == HMD_OK && b.sequence == 6 &&
                   hmd_boot_confirm(&m->ports, b.slot) == HMD_OK;
        m->power = -1;
        assert_int_equal(hmd_boot_select(&m->ports, &b), HMD_OK);
        assert_true(b.sequence == 5 || b.sequence == 6);
        assert_int_equal(hmd_boot_select(&m->ports, &b), HMD_OK);
        if (finished)
            assert_int_equal(b.sequence, 6);
        assert_true(m->counter <= b.sequence);
        assert_each_copy_is_enough(m);
        free(m);
    }
    free(base);
}

/* A worn block or a sagging supply: writes of the state tear while the device goes on. */
static void torn_writes_leave_one_copy(void **state)
{
    struct machine *base = new_machine();
    (void)state;
    bring_to(base, 5, 0);
    assert_int_equal(install(base, 6, 0), HMD_OK);
    for (unsigned mask = 0; mask < 8; mask++) {
        struct machine *m = clone_machine(base);
        struct hmd_boot b;
        m->state_writes = 0;
        m->tear = mask;
        assert_int_equal(hmd_boot_select(&m->ports, &b), HMD_OK);
        m->tear = 0;
        assert_string_equal(hmd_reason_name(hmd_boot_select(&m->ports, &b)), "ok");
        free(m);
    }
    free(base);
}

/* Taken once, a newer trust store is remembered by both copies. */
static void newer_store_stays(void **state)
{
    (void)state;
    for (unsigned copy = 0; copy < HMD_STATE_COPIES; copy++) {
        struct machine *m = new_machine();
        struct hmd_state s;
        bring_to(m, 5, 0);
        assert_int_equal(hmd_state_take_store(&m->ports, 4), HMD_OK);
        assert_int_equal(hmd_state_take_store(&m->ports, 4), HMD_OK);
        assert_int_equal(hmd_state_take_store(&m->ports, 3), HMD_STORE_ROLLED_BACK);
        m->state[copy][9] ^= 1;
        assert_int_equal(hmd_state_load(&m->ports, &s), HMD_OK);
        assert_true(s.store_epoch == 4 && s.sequence == 5);
        assert_int_equal(hmd_state_take_store(&m->ports, 3), HMD_STORE_ROLLED_BACK);
        free(m);
    }
}

/* The release that fell back must not confirm the one that failed, whatever could be written down:
 * neither one that started and was not confirmed nor one whose image never held. */
static void fallback_confirms_nothing(void **state)
{
    (void)state;
    for (int damaged = 0; damaged < 2; damaged++) {
        struct machine *m = new_machine();
        struct hmd_boot b;
        bring_to(m, 5, 0);
        assert_int_equal(install(m, 6, 6), HMD_OK);
        m->slot[1][0] ^= (uint8_t)damaged;
        if (damaged == 0)
            assert_boots(m, 6, true, HMD_OK);
        m->state_writes = 0;
        m->tear = ~(unsigned)damaged; /* that it was tried can be written, not that it failed */
        assert_int_equal(hmd_boot_select(&m->ports, &b), HMD_OK);
        assert_int_equal(b.sequence, 5);
        m->tear = 0;
        assert_int_equal(hmd_boot_confirm(&m->ports, b.slot), HMD_NOTHING_TO_CONFIRM);
        assert_int_equal(m->counter, 5);
        assert_boots(m, 5, false, HMD_TRIAL_NOT_CONFIRMED);
        assert_boots(m, 5, false, HMD_OK);
        free(m);
    }
}

static void one_copy_damaged(void **state)
{
    struct machine *m = new_machine();
    (void)state;
    bring_to(m, 5, 0);
    for (unsigned copy = 0; copy < HMD_STATE_COPIES; copy++)
        for (size_t i = 0; i < HMD_STATE_LEN; i += 13) {
            m->state[copy][i] ^= 0x10; /* the start writes over it */
            assert_boots(m, 5, false, HMD_OK);
        }
    free(m);
}

static void both_copies_damaged(void **state)
{
    struct machine *m = new_machine();
    (void)state;
    bring_to(m, 5, 0);
    m->state[0][40] ^= 1;
    m->state[1][40] ^= 1;
    assert_no_boot(m, HMD_STATE_DAMAGED);
    m->state_there[0] = m->state_there[1] = false;
    assert_no_boot(m, HMD_STATE_DAMAGED);
    free(m);
}

static void state_put_back(void **state)
{
    struct machine *m = new_machine();
    (void)state;
    bring_to(m, 5, 0);
    struct machine *old = clone_machine(m);
    bring_to(m, 6, 0);
    memcpy(m->state, old->state, sizeof m->state);
    assert_no_boot(m, HMD_STATE_ROLLED_BACK);
    assert_int_equal(install(m, 7, 0), HMD_STATE_ROLLED_BACK);
    free(old);
    free(m);
}

static void facts_for_verification(void **state)
{
    struct machine *m = new_machine();
    struct hmd_state s;
    struct hmd_facts f;
    (void)state;
    assert_int_equal(hmd_state_load(&m->ports, &s), HMD_OK);
    hmd_state_facts(&s, &f);
    assert_false(f.confirmed);
    assert_int_equal(f.version.len, 3);
    bring_to(m, 9, 4);
    assert_int_equal(hmd_state_load(&m->ports, &s), HMD_OK);
    hmd_state_facts(&s, &f);
    assert_true(f.confirmed);
    assert_int_equal(f.sequence, 9);
    assert_int_equal(f.rollback_floor, 4);
    free(m);
}

static void outcome_lines(void **state)
{
    struct machine *m = new_machine();
    char line[HMD_OUTCOME_MAX];
    uint8_t digest[HMD_DIGEST_LEN] = {0xab};
    struct hmd_outcome o = {"install", HMD_BELOW_ROLLBACK_FLOOR, 1234, 7, digest};
    (void)state;
    size_t len = hmd_outcome_format(&o, line);
    line[len] = '\0';
    assert_string_equal(line,
                        "{\"manifest\":\"ab000000000000000000000000000000000000000000000000000000"
                        "00000000\",\"reason\":\"below-rollback-floor\",\"reason_code\":53,"
                        "\"sequence\":7,\"step\":\"install\",\"suit_report_reason\":10,"
                        "\"time_s\":1234}\n");
    o = (struct hmd_outcome){"boot", HMD_OK, 0, UINT64_MAX, NULL};
    len = hmd_outcome_format(&o, line);
    line[len] = '\0';
    assert_string_equal(line, "{\"reason\":\"ok\",\"reason_code\":1513920225,\"sequence\":"
                              "18446744073709551615,\"step\":\"boot\",\"suit_report_reason\":0}\n");
    assert_int_equal(hmd_outcome_append(&m->storage, &o), HMD_OK);
    assert_int_equal(m->outcomes, 1);
    free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_device),
        cmocka_unit_test(life),
        cmocka_unit_test(trial_without_confirmation),
        cmocka_unit_test(first_trial_without_confirmation),
        cmocka_unit_test(no_installation_over_running_trial),
        cmocka_unit_test(rollback),
        cmocka_unit_test(damaged_image_falls_back),
        cmocka_unit_test(damaged_trial),
        cmocka_unit_test(read_back_differs),
        cmocka_unit_test(wrong_payloads),
        cmocka_unit_test(failed_installation_leaves_an_empty_slot),
        cmocka_unit_test(refused_releases_are_not_written),
        cmocka_unit_test(power_cuts_in_install),
        cmocka_unit_test(power_cuts_in_boot_and_confirm),
        cmocka_unit_test(torn_writes_leave_one_copy),
        cmocka_unit_test(newer_store_stays),
        cmocka_unit_test(fallback_confirms_nothing),
        cmocka_unit_test(one_copy_damaged),
        cmocka_unit_test(both_copies_damaged),
        cmocka_unit_test(state_put_back),
        cmocka_unit_test(facts_for_verification),
        cmocka_unit_test(outcome_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
