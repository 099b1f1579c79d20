/* The manifest: golden bytes for every shape of release, the way back, and descriptions and bytes
 * that are refused. */
#include "tests/unit/schema/schema_rows.h"

#include "schema/suit/hm_suit.h"

#include <stdio.h>

static struct hm_digest digest_of(uint8_t fill)
{
    struct hm_digest d;
    memset(d.b, fill, sizeof d.b);
    return d;
}

static void image(struct hm_suit_release *r, size_t i, const char *uri, int slot)
{
    r->images[i].digest = digest_of((uint8_t)(0xa0 + i));
    r->images[i].size = 786432 + i;
    r->images[i].slot = slot;
    memset(r->images[i].uri, 0, sizeof r->images[i].uri);
    (void)snprintf(r->images[i].uri, sizeof r->images[i].uri, "%s", uri);
}

static void single(struct hm_suit_release *r)
{
    memset(r, 0, sizeof *r);
    r->sequence = 12;
    r->vendor = hm_vendor_id("example.com");
    r->classes[0] = hm_class_id(&r->vendor, "edge-router", "er-100", "b", "world");
    r->class_count = 1;
    r->image_count = 1;
    image(r, 0, "firmware.bin", -1);
}

static void conditions(struct hm_suit_release *r)
{
    single(r);
    r->use_before = 1830297600;
    r->rollback_floor = 4;
    r->at_least[0] = 2;
    r->at_least[2] = 7;
    r->at_least_count = 3;
}

static void classes(struct hm_suit_release *r)
{
    single(r);
    r->classes[1] = hm_class_id(&r->vendor, "edge-router", "er-100", "c", "world");
    r->classes[2] = hm_class_id(&r->vendor, "edge-router", "er-200", "a", "eu");
    r->class_count = 3;
}

static void slots(struct hm_suit_release *r)
{
    single(r);
    r->image_count = 2;
    image(r, 0, "a.bin", 0);
    image(r, 1, "b.bin", 1);
}

static void everything(struct hm_suit_release *r)
{
    conditions(r);
    r->classes[1] = hm_class_id(&r->vendor, "edge-router", "er-100", "c", "world");
    r->class_count = 2;
    r->image_count = 2;
    image(r, 0, "https://firmware.example.com/edge-router/2.1.0/a.bin", 0);
    image(r, 1, "https://firmware.example.com/edge-router/2.1.0/b.bin", 1);
}

static void all_classes(struct hm_suit_release *r)
{
    single(r);
    r->class_count = HM_CLASSES_MAX;
    for (size_t i = 0; i < HM_CLASSES_MAX; i++)
        memset(r->classes[i].b, (int)i + 1, sizeof r->classes[i].b);
}

struct golden_row {
    const char *name; /* of the file in golden/ */
    void (*fill)(struct hm_suit_release *r);
};

static const struct golden_row golden_rows[] = {
    {"single", single}, {"conditions", conditions}, {"classes", classes},
    {"slots", slots},   {"everything", everything},
};

static void read_golden(const char *name, struct hm_buf *out)
{
    char path[4096];
    char hex[8192];
    const char *source = getenv("HALLMARK_SOURCE");
    if (source == NULL)
        skip();
    (void)snprintf(path, sizeof path, "%s/tests/unit/schema/golden/manifest-%s.hex", source, name);
    FILE *f = fopen(path, "r");
    if (f == NULL || fgets(hex, sizeof hex, f) == NULL)
        fail_msg("cannot read %s", path);
    (void)fclose(f);
    hex[strcspn(hex, "\n")] = '\0';
    from_hex(out, hex);
}

static void golden(void **state)
{
    const struct golden_row *row = *state;
    struct hm_suit_release *r = calloc(2, sizeof *r);
    HM_BUF_AUTO want = {.limit = 0};
    HM_BUF_AUTO got = {.limit = 0};
    assert_non_null(r);
    row->fill(r);
    assert_int_equal(hm_suit_build(r, &got, NULL), HM_OK);
    read_golden(row->name, &want);
    assert_int_equal(got.len, want.len);
    assert_memory_equal(got.data, want.data, want.len);
    assert_int_equal(hm_suit_describe(hm_buf_bytes(&want), &r[1], NULL), HM_OK);
    assert_memory_equal(&r[0], &r[1], sizeof r[0]);
    free(r);
}

static enum hm_err describe(struct hm_bytes data, void *ctx)
{
    return hm_suit_describe(data, ctx, NULL);
}

/* A flip may give another manifest of this profile, but then it must describe another release. */
static enum hm_err describe_same(struct hm_bytes data, void *ctx)
{
    const struct hm_suit_release *original = ctx;
    struct hm_suit_release *r = calloc(1, sizeof *r);
    assert_non_null(r);
    enum hm_err err = hm_suit_describe(data, r, NULL);
    if (err == HM_OK && memcmp(r, original, sizeof *r) != 0)
        err = HM_E_MALFORMED;
    free(r);
    return err;
}

static void near_misses(void **state)
{
    const struct golden_row *row = *state;
    struct hm_suit_release *r = calloc(2, sizeof *r);
    HM_BUF_AUTO b = {.limit = 0};
    assert_non_null(r);
    row->fill(r);
    assert_int_equal(hm_suit_build(r, &b, NULL), HM_OK);
    assert_int_equal(describe_same(hm_buf_bytes(&b), r), HM_OK);
    refuses_every_cut(hm_buf_bytes(&b), describe, &r[1]);
    refuses_every_flip(hm_buf_bytes(&b), describe_same, r);
    refuses_more(hm_buf_bytes(&b), describe, &r[1]);
    struct hm_suit_release zero;
    memset(&zero, 0, sizeof zero);
    assert_memory_equal(&r[1], &zero, sizeof zero); /* untouched on failure */
    free(r);
}

static void no_sequence(struct hm_suit_release *r)
{
    r->sequence = 0;
}
static void sequence_too_high(struct hm_suit_release *r)
{
    r->sequence = UINT64_C(1) << 53;
}
static void no_class(struct hm_suit_release *r)
{
    r->class_count = 0;
}
static void class_twice(struct hm_suit_release *r)
{
    r->classes[1] = r->classes[0];
    r->class_count = 2;
}
static void too_many_classes(struct hm_suit_release *r)
{
    r->class_count = HM_CLASSES_MAX + 1;
}
static void no_image(struct hm_suit_release *r)
{
    r->image_count = 0;
}
static void three_images(struct hm_suit_release *r)
{
    slots(r);
    image(r, 2, "c.bin", 2);
    r->image_count = 3;
}
static void single_with_slot(struct hm_suit_release *r)
{
    r->images[0].slot = 0;
}
static void two_without_slot(struct hm_suit_release *r)
{
    slots(r);
    r->images[0].slot = r->images[1].slot = -1;
}
static void slot_twice(struct hm_suit_release *r)
{
    slots(r);
    r->images[1].slot = 0;
}
static void slot_2(struct hm_suit_release *r)
{
    slots(r);
    r->images[1].slot = 2;
}
static void empty_image(struct hm_suit_release *r)
{
    r->images[0].size = 0;
}
static void huge_image(struct hm_suit_release *r)
{
    r->images[0].size = HM_ARTIFACT_MAX + 1;
}
static void no_uri(struct hm_suit_release *r)
{
    r->images[0].uri[0] = '\0';
}
static void uri_with_space(struct hm_suit_release *r)
{
    image(r, 0, "a b", -1);
}
static void uri_with_newline(struct hm_suit_release *r)
{
    image(r, 0, "a\nb", -1);
}
static void uri_without_end(struct hm_suit_release *r)
{
    memset(r->images[0].uri, 'a', sizeof r->images[0].uri);
}
static void use_before_too_late(struct hm_suit_release *r)
{
    r->use_before = UINT64_C(253402300800);
}
static void floor_above_itself(struct hm_suit_release *r)
{
    r->rollback_floor = r->sequence + 1;
}
static void version_of_five(struct hm_suit_release *r)
{
    r->at_least_count = 5;
}

struct refuse_row {
    const char *name;
    void (*spoil)(struct hm_suit_release *r);
    enum hm_err expected;
};

static const struct refuse_row refuse_rows[] = {
    {"refuse: sequence 0", no_sequence, HM_E_MALFORMED},
    {"refuse: sequence 2^53", sequence_too_high, HM_E_MALFORMED},
    {"refuse: no class", no_class, HM_E_MALFORMED},
    {"refuse: class twice", class_twice, HM_E_MALFORMED},
    {"refuse: 65 classes", too_many_classes, HM_E_LIMIT},
    {"refuse: no image", no_image, HM_E_MALFORMED},
    {"refuse: three images", three_images, HM_E_MALFORMED},
    {"refuse: single image with slot", single_with_slot, HM_E_MALFORMED},
    {"refuse: two images without slot", two_without_slot, HM_E_MALFORMED},
    {"refuse: slot twice", slot_twice, HM_E_MALFORMED},
    {"refuse: slot 2", slot_2, HM_E_MALFORMED},
    {"refuse: empty image", empty_image, HM_E_MALFORMED},
    {"refuse: image above 4 GiB", huge_image, HM_E_LIMIT},
    {"refuse: no URI", no_uri, HM_E_MALFORMED},
    {"refuse: URI with space", uri_with_space, HM_E_MALFORMED},
    {"refuse: URI with newline", uri_with_newline, HM_E_MALFORMED},
    {"refuse: URI without end", uri_without_end, HM_E_MALFORMED},
    {"refuse: use-before after year 9999", use_before_too_late, HM_E_MALFORMED},
    {"refuse: rollback floor above the sequence", floor_above_itself, HM_E_MALFORMED},
    {"refuse: version of five numbers", version_of_five, HM_E_MALFORMED},
};

static void refuse(void **state)
{
    const struct refuse_row *row = *state;
    struct hm_suit_release *r = calloc(1, sizeof *r);
    HM_BUF_AUTO b = {.limit = 0};
    struct hm_why why = {""};
    assert_non_null(r);
    single(r);
    row->spoil(r);
    assert_int_equal(hm_suit_build(r, &b, &why), row->expected);
    assert_int_equal(b.len, 0);
    assert_true(why.text[0] != '\0');
    free(r);
}

/* The order in which the images of slots are given does not show. */
static void slots_in_any_order(void **state)
{
    (void)state;
    struct hm_suit_release *r = calloc(2, sizeof *r);
    HM_BUF_AUTO a = {.limit = 0};
    HM_BUF_AUTO b = {.limit = 0};
    assert_non_null(r);
    slots(&r[0]);
    slots(&r[1]);
    r[1].images[0] = r[0].images[1];
    r[1].images[1] = r[0].images[0];
    assert_int_equal(hm_suit_build(&r[0], &a, NULL), HM_OK);
    assert_int_equal(hm_suit_build(&r[1], &b, NULL), HM_OK);
    assert_true(hm_bytes_eq(hm_buf_bytes(&a), hm_buf_bytes(&b)));
    free(r);
}

static void most_classes_and_longest_uri(void **state)
{
    (void)state;
    struct hm_suit_release *r = calloc(2, sizeof *r);
    HM_BUF_AUTO b = {.limit = 0};
    assert_non_null(r);
    all_classes(r);
    memset(r->images[0].uri, 'a', HM_URI_MAX);
    assert_int_equal(hm_suit_build(r, &b, NULL), HM_OK);
    assert_true(b.len < HM_MANIFEST_MAX);
    assert_int_equal(hm_suit_describe(hm_buf_bytes(&b), &r[1], NULL), HM_OK);
    assert_memory_equal(&r[0], &r[1], sizeof r[0]);
    free(r);
}

/* A valid encoding of commands that the profile does not have. */
static void foreign_manifests(void **state)
{
    (void)state;
    static const char *const rows[] = {
        /* the working group's example 0, as its manifest bytes */
        "a50101020003585fa202818141000458568614a40150fa6b4a53d5ad5fdfbe9de663e4d41ffe02501492af1425"
        "695e48bf429b2d51f2ab45035824822f5820001122334455667788990123456789abcdeffedcba98765432"
        "10001122334455667788990e1987d0010f020f074382030f0943821702",
        "a0",
        "80",
        "f6",
        "",
    };
    struct hm_suit_release *r = calloc(1, sizeof *r);
    assert_non_null(r);
    for (size_t i = 0; i < COUNT(rows); i++) {
        HM_BUF_AUTO b = {.limit = 0};
        assert_int_equal(hm_suit_describe(from_hex(&b, rows[i]), r, NULL), HM_E_MALFORMED);
    }
    uint8_t *big = calloc(1, HM_MANIFEST_MAX + 1);
    assert_non_null(big);
    assert_int_equal(hm_suit_describe(hm_bytes_of(big, HM_MANIFEST_MAX + 1), r, NULL), HM_E_LIMIT);
    free(big);
    free(r);
}

int main(void)
{
    struct CMUnitTest tests[2 * COUNT(golden_rows) + COUNT(refuse_rows) + 3];
    size_t n = ADD_ROWS(tests, 0, golden, golden_rows);
    n = ADD_ROWS(tests, n, near_misses, golden_rows);
    n = ADD_ROWS(tests, n, refuse, refuse_rows);
    n = ADD_TEST(tests, n, slots_in_any_order);
    n = ADD_TEST(tests, n, most_classes_and_longest_uri);
    n = ADD_TEST(tests, n, foreign_manifests);
    return _cmocka_run_group_tests("schema_suit", tests, n, NULL, NULL);
}
