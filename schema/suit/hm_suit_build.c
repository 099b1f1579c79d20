/* The manifest, written: one description, one sequence of bytes (docs/formats/manifest.md). Thread:
 * any. */
#include "schema/suit/hm_suit.h"

#include "schema/core/hm_text.h"
#include "schema/core/hm_wire.h"
#include "schema/cose/hm_authwrap.h"
#include "schema/suit/hm_suit_priv.h"

#include <string.h>

static enum hm_err bad(struct hm_why *why, const char *what)
{
    return hm_fail(why, HM_E_MALFORMED, "manifest: expected %s", what);
}

/* Images of slots may come in any order; they are written in the order of their slots. */
static const struct hm_suit_image *image_of_slot(const struct hm_suit_release *r, int slot)
{
    for (size_t i = 0; i < r->image_count; i++)
        if (r->images[i].slot == slot)
            return &r->images[i];
    return NULL;
}

static enum hm_err check_image(const struct hm_suit_release *r, size_t i, struct hm_why *why)
{
    const struct hm_suit_image *m = &r->images[i];
    if (m->size == 0)
        return bad(why, "images of at least one byte");
    if (m->size > HM_ARTIFACT_MAX)
        return hm_fail(why, HM_E_LIMIT, "manifest: image of more than %llu bytes", HM_ARTIFACT_MAX);
    if (memchr(m->uri, 0, sizeof m->uri) == NULL || !hm_uri_ok(m->uri))
        return bad(why, "URIs of 1 to 512 printable characters");
    if (r->image_count == 1 ? m->slot != -1 : image_of_slot(r, (int)i) == NULL)
        return bad(why, "one image without slot, or one each for slot 0 and slot 1");
    return HM_OK;
}

static enum hm_err check_classes(const struct hm_suit_release *r, struct hm_why *why)
{
    if (r->class_count == 0)
        return bad(why, "at least one class");
    if (r->class_count > HM_CLASSES_MAX)
        return hm_fail(why, HM_E_LIMIT, "manifest: more than %d classes", HM_CLASSES_MAX);
    for (size_t i = 0; i < r->class_count; i++)
        for (size_t j = 0; j < i; j++)
            if (memcmp(r->classes[i].b, r->classes[j].b, sizeof r->classes[i].b) == 0)
                return bad(why, "every class once");
    return HM_OK;
}

static enum hm_err check(const struct hm_suit_release *r, struct hm_why *why)
{
    if (r->sequence == 0 || r->sequence > HM_SUIT_UINT_MAX)
        return bad(why, "a sequence number from 1 to 2^53-1");
    if (r->image_count == 0 || r->image_count > HM_SUIT_SLOTS)
        return bad(why, "one image, or one for each of two slots");
    if (r->use_before > HM_SUIT_TIME_MAX)
        return bad(why, "use-before as Unix seconds up to the year 9999");
    if (r->rollback_floor > r->sequence)
        return bad(why, "a rollback floor of at most the sequence number");
    if (r->at_least_count > sizeof r->at_least / sizeof r->at_least[0])
        return bad(why, "an installed version of at most 4 numbers");
    enum hm_err err = check_classes(r, why);
    for (size_t i = 0; i < r->image_count && err == HM_OK; i++)
        err = check_image(r, i, why);
    return err;
}

/* A condition or directive with its reporting policy. */
static void put_command(struct hm_buf *b, int command, unsigned policy)
{
    hm_cbor_int(b, command);
    hm_cbor_uint(b, policy);
}

/* override-parameters with a map of count parameters, which the caller writes next. */
static void put_override(struct hm_buf *b, unsigned count)
{
    hm_cbor_int(b, HM_SUIT_DIR_OVERRIDE);
    hm_cbor_map(b, count);
}

/* Appends inner as a byte string and passes its error on. */
static void put_wrapped(struct hm_buf *b, const struct hm_buf *inner)
{
    hm_cbor_bstr(b, hm_buf_bytes(inner));
    if (hm_buf_err(inner) != HM_OK && b->err == HM_OK)
        b->err = inner->err;
}

static void put_uuid(struct hm_buf *b, int parameter, const struct hm_uuid *u)
{
    hm_cbor_int(b, parameter);
    hm_cbor_bstr(b, hm_bytes_of(u->b, sizeof u->b));
}

static void put_image(struct hm_buf *b, const struct hm_suit_image *m)
{
    HM_BUF_AUTO digest = {.limit = HM_MANIFEST_MAX};
    hm_auth_suit_digest(&digest, &m->digest);
    hm_cbor_int(b, HM_SUIT_PARAM_DIGEST);
    put_wrapped(b, &digest);
    hm_cbor_int(b, HM_SUIT_PARAM_SIZE);
    hm_cbor_uint(b, m->size);
}

/* Sets the slot and asks for it: how each branch of a per-slot try-each begins. */
static void put_slot_condition(struct hm_buf *b, const struct hm_suit_image *m)
{
    put_override(b, 1);
    hm_cbor_int(b, HM_SUIT_PARAM_SLOT);
    hm_cbor_uint(b, (uint64_t)m->slot);
    put_command(b, HM_SUIT_COND_SLOT, HM_SUIT_REPORT_SLOT);
}

static void put_class_branches(struct hm_buf *b, const struct hm_suit_release *r)
{
    hm_cbor_int(b, HM_SUIT_DIR_TRY_EACH);
    hm_cbor_array(b, r->class_count);
    for (size_t i = 0; i < r->class_count; i++) {
        HM_BUF_AUTO branch = {.limit = HM_MANIFEST_MAX};
        hm_cbor_array(&branch, 4);
        put_override(&branch, 1);
        put_uuid(&branch, HM_SUIT_PARAM_CLASS, &r->classes[i]);
        put_command(&branch, HM_SUIT_COND_CLASS, HM_SUIT_REPORT_CONDITION);
        put_wrapped(b, &branch);
    }
}

static void put_image_branches(struct hm_buf *b, const struct hm_suit_release *r)
{
    hm_cbor_int(b, HM_SUIT_DIR_TRY_EACH);
    hm_cbor_array(b, r->image_count);
    for (int i = 0; i < HM_SUIT_SLOTS; i++) {
        const struct hm_suit_image *m = image_of_slot(r, i);
        HM_BUF_AUTO branch = {.limit = HM_MANIFEST_MAX};
        hm_cbor_array(&branch, 6);
        put_slot_condition(&branch, m);
        put_override(&branch, 2);
        put_image(&branch, m);
        put_wrapped(b, &branch);
    }
}

static void put_shared(struct hm_buf *b, const struct hm_suit_release *r)
{
    bool one_class = r->class_count == 1;
    bool one_image = r->image_count == 1;
    hm_cbor_array(b, one_image ? 6 : 8);
    put_override(b, 1u + (one_class ? 1 : 0) + (one_image ? 2 : 0));
    put_uuid(b, HM_SUIT_PARAM_VENDOR, &r->vendor);
    if (one_class)
        put_uuid(b, HM_SUIT_PARAM_CLASS, &r->classes[0]);
    if (one_image)
        put_image(b, &r->images[0]);
    put_command(b, HM_SUIT_COND_VENDOR, HM_SUIT_REPORT_CONDITION);
    if (one_class)
        put_command(b, HM_SUIT_COND_CLASS, HM_SUIT_REPORT_CONDITION);
    else
        put_class_branches(b, r);
    if (!one_image)
        put_image_branches(b, r);
}

/* One component, [h'00'], whatever the number of images: slots share it. */
static void put_common(struct hm_buf *b, const struct hm_suit_release *r)
{
    static const uint8_t component[1] = {0};
    HM_BUF_AUTO shared = {.limit = HM_MANIFEST_MAX};
    put_shared(&shared, r);
    hm_cbor_map(b, 2);
    hm_cbor_int(b, HM_SUIT_COMMON_COMPONENTS);
    hm_cbor_array(b, 1);
    hm_cbor_array(b, 1);
    hm_cbor_bstr(b, hm_bytes_of(component, sizeof component));
    hm_cbor_int(b, HM_SUIT_COMMON_SHARED);
    put_wrapped(b, &shared);
}

static void put_use_before(struct hm_buf *b, const struct hm_suit_release *r)
{
    put_override(b, 1);
    hm_cbor_int(b, HM_SUIT_PARAM_USE_BEFORE);
    hm_cbor_uint(b, r->use_before);
    put_command(b, HM_SUIT_COND_USE_BEFORE, HM_SUIT_REPORT_CONDITION);
}

/* [comparison, [+ int]]: the device's installed version must be this one or a later one. */
static void put_version(struct hm_buf *b, const struct hm_suit_release *r)
{
    put_override(b, 1);
    hm_cbor_int(b, HM_SUIT_PARAM_VERSION);
    hm_cbor_array(b, 2);
    hm_cbor_uint(b, HM_SUIT_VERSION_GREATER_EQUAL);
    hm_cbor_array(b, r->at_least_count);
    for (size_t i = 0; i < r->at_least_count; i++)
        hm_cbor_uint(b, r->at_least[i]);
    put_command(b, HM_SUIT_COND_VERSION, HM_SUIT_REPORT_CONDITION);
}

static void put_uri_and_fetch(struct hm_buf *b, const struct hm_suit_image *m)
{
    put_override(b, 1);
    hm_cbor_int(b, HM_SUIT_PARAM_URI);
    hm_cbor_tstr(b, m->uri);
    put_command(b, HM_SUIT_DIR_FETCH, HM_SUIT_REPORT_DIRECTIVE);
}

static void put_fetch_branches(struct hm_buf *b, const struct hm_suit_release *r)
{
    hm_cbor_int(b, HM_SUIT_DIR_TRY_EACH);
    hm_cbor_array(b, r->image_count);
    for (int i = 0; i < HM_SUIT_SLOTS; i++) {
        const struct hm_suit_image *m = image_of_slot(r, i);
        HM_BUF_AUTO branch = {.limit = HM_MANIFEST_MAX};
        hm_cbor_array(&branch, 8);
        put_slot_condition(&branch, m);
        put_uri_and_fetch(&branch, m);
        put_wrapped(b, &branch);
    }
}

static void put_install(struct hm_buf *b, const struct hm_suit_release *r)
{
    bool one_image = r->image_count == 1;
    hm_cbor_array(b, (r->use_before != 0 ? 4u : 0) + (r->at_least_count != 0 ? 4u : 0) +
                         (r->rollback_floor != 0 ? 2u : 0) + (one_image ? 4u : 2u) + 2u);
    if (r->use_before != 0)
        put_use_before(b, r);
    if (r->at_least_count != 0)
        put_version(b, r);
    if (r->rollback_floor != 0) {
        hm_cbor_int(b, HM_SUIT_CUSTOM_ROLLBACK_FLOOR);
        hm_cbor_uint(b, r->rollback_floor);
    }
    if (one_image)
        put_uri_and_fetch(b, &r->images[0]);
    else
        put_fetch_branches(b, r);
    put_command(b, HM_SUIT_COND_IMAGE, HM_SUIT_REPORT_CONDITION);
}

/* A manifest member whose sequence is one command. */
static void put_single(struct hm_buf *b, int member, int command, unsigned policy)
{
    HM_BUF_AUTO sequence = {.limit = HM_MANIFEST_MAX};
    hm_cbor_array(&sequence, 2);
    put_command(&sequence, command, policy);
    hm_cbor_int(b, member);
    put_wrapped(b, &sequence);
}

static void put_manifest(struct hm_buf *b, const struct hm_suit_release *r)
{
    HM_BUF_AUTO common = {.limit = HM_MANIFEST_MAX};
    HM_BUF_AUTO install = {.limit = HM_MANIFEST_MAX};
    put_common(&common, r);
    put_install(&install, r);
    hm_cbor_map(b, 6);
    hm_cbor_int(b, HM_SUIT_VERSION);
    hm_cbor_uint(b, HM_SUIT_MANIFEST_VERSION);
    hm_cbor_int(b, HM_SUIT_SEQUENCE);
    hm_cbor_uint(b, r->sequence);
    hm_cbor_int(b, HM_SUIT_COMMON);
    put_wrapped(b, &common);
    put_single(b, HM_SUIT_VALIDATE, HM_SUIT_COND_IMAGE, HM_SUIT_REPORT_CONDITION);
    put_single(b, HM_SUIT_INVOKE, HM_SUIT_DIR_INVOKE, HM_SUIT_REPORT_DIRECTIVE);
    hm_cbor_int(b, HM_SUIT_INSTALL);
    put_wrapped(b, &install);
}

enum hm_err hm_suit_build(const struct hm_suit_release *r, struct hm_buf *out, struct hm_why *why)
{
    HM_BUF_AUTO b = {.limit = HM_MANIFEST_MAX};
    enum hm_err err = check(r, why);
    if (err != HM_OK)
        return err;
    put_manifest(&b, r);
    if (hm_buf_err(&b) != HM_OK)
        return hm_fail(why, b.err, "manifest: larger than %zu bytes", HM_MANIFEST_MAX);
    hm_buf_put(out, b.data, b.len);
    return hm_buf_err(out);
}
