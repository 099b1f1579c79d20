/* Runs every case that fixtures.py wrote: one folder is one reported test. The cases are built from
 * docs/formats with foreign libraries. */
#include "tests/unit/device/device_util.h"

#ifdef HAVE_BEARSSL
#include "device/bearssl/hm_device_bearssl_sodium.h"
#endif

#include <dirent.h>
#include <errno.h>

#define CASES_MAX 512

/* One folder. */
struct fixture {
    char step[16];
    char reason[64];
    struct hmd_identity id;
    struct hmd_facts facts;
    struct hmd_rules rules;
    uint8_t pin[HM_KID_LEN];
    bool pinned;
    char version[HMD_NAME_MAX + 1];
    uint64_t expect_time;
    uint8_t expect_image[HMD_DIGEST_LEN];
    bool has_image;
};

static void take(struct fixture *f, const char *name, const char *value)
{
    const uint64_t number = strtoull(value, NULL, 10);
    if (strcmp(name, "step") == 0)
        (void)snprintf(f->step, sizeof f->step, "%s", value);
    else if (strcmp(name, "reason") == 0)
        (void)snprintf(f->reason, sizeof f->reason, "%s", value);
    else if (strcmp(name, "vendor") == 0)
        from_hex(value, f->id.vendor, HMD_ID_LEN);
    else if (strcmp(name, "class_id") == 0)
        from_hex(value, f->id.class_id, HMD_ID_LEN);
    else if (strcmp(name, "confirmed") == 0)
        f->facts.confirmed = true;
    else if (strcmp(name, "sequence") == 0)
        f->facts.sequence = number;
    else if (strcmp(name, "digest") == 0)
        from_hex(value, f->facts.digest, HMD_DIGEST_LEN);
    else if (strcmp(name, "floor") == 0)
        f->facts.rollback_floor = number;
    else if (strcmp(name, "epoch") == 0)
        f->facts.store_epoch = number;
    else if (strcmp(name, "time") == 0)
        f->facts.time_floor_s = number;
    else if (strcmp(name, "rules_time") == 0)
        f->rules.time_s = number;
    else if (strcmp(name, "expect_time") == 0)
        f->expect_time = number;
    else if (strcmp(name, "expect_image") == 0)
        f->has_image = from_hex(value, f->expect_image, HMD_DIGEST_LEN);
    else if (strcmp(name, "version") == 0)
        (void)snprintf(f->version, sizeof f->version, "%s", value);
    else if (strcmp(name, "pin") == 0)
        f->pinned = from_hex(value, f->pin, HM_KID_LEN);
    else
        fail_msg("unknown line %s", name);
}

static void load_case(const char *folder, struct fixture *f)
{
    char text[4096];
    char *rest = text;
    struct file file = read_fixture(folder, "case");
    assert_true(file.len < sizeof text);
    memcpy(text, file.data, file.len);
    text[file.len] = '\0';
    free(file.data);
    memset(f, 0, sizeof *f);
    while (rest != NULL && *rest != '\0') {
        char *value = strsep(&rest, "\n");
        const char *name = strsep(&value, " ");
        take(f, name, value);
    }
    f->facts.version = f->rules.installed_version =
        (struct hmd_bytes){(const uint8_t *)f->version, strlen(f->version)};
}

static enum hmd_reason open_store(const struct hmd_crypto *crypto, const struct fixture *f,
                                  struct hmd_bytes bytes, struct hmd_store *store)
{
    const struct hmd_pins pins = {f->pin, 1, 0};
    return hmd_store_open(crypto, bytes, f->pinned ? &pins : NULL, store);
}

/* One folder's files, judged with one crypto table. */
static enum hmd_reason judge(const struct fixture *f, const struct hmd_crypto *crypto,
                             const struct file files[3])
{
    struct hmd_store store;
    struct hmd_manifest manifest;
    struct hmd_release release;
    struct hmd_work work;
    enum hmd_reason reason = open_store(crypto, f, bytes_of(&files[0]), &store);
    if (strcmp(f->step, "store") == 0)
        return reason;
    assert_string_equal(hmd_reason_name(reason), "ok");
    if (strcmp(f->step, "manifest") == 0) {
        reason =
            hmd_verify_manifest(crypto, &store, &f->id, bytes_of(&files[1]), &f->rules, &manifest);
        assert_int_equal(manifest.reason, reason);
        return reason;
    }
    reason = hmd_verify_release(crypto, &store, &f->id, &f->facts, bytes_of(&files[1]),
                                bytes_of(&files[2]), &work, &release);
    assert_int_equal(release.reason, reason);
    if (f->expect_time != 0)
        assert_int_equal(release.time_floor_s, f->expect_time);
    if (f->has_image)
        assert_memory_equal(release.manifest.image[0].digest, f->expect_image, HMD_DIGEST_LEN);
    return reason;
}

static void run_case(void **state)
{
    const char *folder = *state;
    struct fixture f;
    const struct hmd_crypto openssl = hmd_openssl_crypto();
    load_case(folder, &f);
    struct file files[3] = {read_fixture(folder, "store"), read_fixture(folder, "envelope"),
                            read_fixture(folder, "proof")};
    assert_string_equal(hmd_reason_name(judge(&f, &openssl, files)), f.reason);
#ifdef HAVE_BEARSSL
    /* as on a microcontroller */
    const struct hmd_crypto small = hmd_bearssl_sodium_crypto();
    assert_string_equal(hmd_reason_name(judge(&f, &small, files)), f.reason);
#endif
    for (unsigned i = 0; i < 3; i++)
        free(files[i].data);
}

static int by_name(const void *a, const void *b)
{
    const struct CMUnitTest *x = a;
    const struct CMUnitTest *y = b;
    return strcmp(x->name, y->name);
}

int main(void)
{
    static struct CMUnitTest tests[CASES_MAX];
    size_t n = 0;
    DIR *d = opendir(fixture_dir());
    if (d == NULL) {
        (void)fprintf(stderr, "%s: %s\n", fixture_dir(), strerror(errno));
        return 1;
    }
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (e->d_name[0] == '.' || n == CASES_MAX)
            continue;
        char *name = strdup(e->d_name);
        tests[n++] = (struct CMUnitTest){name, run_case, NULL, NULL, name};
    }
    (void)closedir(d);
    qsort(tests, n, sizeof tests[0], by_name);
    int failed = n < 200 ? 1 : _cmocka_run_group_tests("device cases", tests, n, NULL, NULL);
    for (size_t i = 0; i < n; i++)
        free(tests[i].initial_state);
    return failed;
}
