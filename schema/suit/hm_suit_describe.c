/* The manifest, read back. This reader only has to find the values: that nothing else stands in the
 * manifest is proven by building it again and comparing the bytes. Thread: any. */
#include "schema/suit/hm_suit.h"

#include "schema/core/hm_wire.h"
#include "schema/cbor/hm_cbor.h"
#include "schema/suit/hm_suit_priv.h"

#include <string.h>

#define COMMANDS_MAX                                                                               \
    64 /* items of one command sequence of this profile; 18 is the longest it writes */

/* A byte string that holds one CBOR item: a cursor over it. */
static struct hm_cbor_in enter(struct hm_cbor_in *in)
{
    struct hm_cbor_in inner;
    hm_cbor_begin(&inner, hm_cbor_get_bstr(in));
    inner.err = in->err;
    return inner;
}

static bool take_exact(struct hm_bytes v, uint8_t *out, size_t n)
{
    if (v.len != n)
        return false;
    memcpy(out, v.data, n);
    return true;
}

static bool take_digest(struct hm_cbor_in *in, struct hm_digest *out)
{
    struct hm_cbor_in d = enter(in);
    return hm_cbor_get_array(&d, 2) == 2 && hm_cbor_get_int(&d) == HM_COSE_SHA256 &&
           take_exact(hm_cbor_get_bstr(&d), out->b, sizeof out->b) && hm_cbor_done(&d) == HM_OK;
}

static bool take_uri(struct hm_cbor_in *in, struct hm_suit_image *m)
{
    struct hm_bytes v = hm_cbor_get_tstr(in);
    if (in->err != HM_OK || v.len == 0 || v.len > HM_URI_MAX)
        return false;
    memset(m->uri, 0, sizeof m->uri);
    memcpy(m->uri, v.data, v.len);
    return true;
}

static bool take_version(struct hm_cbor_in *in, struct hm_suit_release *r)
{
    size_t max = sizeof r->at_least / sizeof r->at_least[0];
    if (hm_cbor_get_array(in, 2) != 2 || hm_cbor_get_uint(in) != HM_SUIT_VERSION_GREATER_EQUAL)
        return false;
    r->at_least_count = hm_cbor_get_array(in, max);
    for (size_t i = 0; i < r->at_least_count; i++) {
        uint64_t v = hm_cbor_get_uint(in);
        if (v > UINT32_MAX)
            return false;
        r->at_least[i] = (uint32_t)v;
    }
    return in->err == HM_OK;
}

/* Where parameters go: the release, and the image and class of the branch that is being read. */
struct target {
    struct hm_suit_release *r;
    size_t image;
    size_t class_at;
};

static bool take_parameter(struct hm_cbor_in *in, const struct target *t)
{
    struct hm_suit_image *m = &t->r->images[t->image];
    switch (hm_cbor_get_int(in)) {
    case HM_SUIT_PARAM_VENDOR:
        return take_exact(hm_cbor_get_bstr(in), t->r->vendor.b, sizeof t->r->vendor.b);
    case HM_SUIT_PARAM_CLASS:
        return take_exact(hm_cbor_get_bstr(in), t->r->classes[t->class_at].b,
                          sizeof t->r->classes[0].b);
    case HM_SUIT_PARAM_DIGEST:
        return take_digest(in, &m->digest);
    case HM_SUIT_PARAM_SIZE:
        m->size = hm_cbor_get_uint(in);
        return in->err == HM_OK;
    case HM_SUIT_PARAM_URI:
        return take_uri(in, m);
    case HM_SUIT_PARAM_SLOT:
        return hm_cbor_get_uint(in) == t->image && in->err == HM_OK;
    case HM_SUIT_PARAM_USE_BEFORE:
        t->r->use_before = hm_cbor_get_uint(in);
        return in->err == HM_OK;
    case HM_SUIT_PARAM_VERSION:
        return take_version(in, t->r);
    default:
        return false;
    }
}

static bool take_override(struct hm_cbor_in *in, const struct target *t)
{
    size_t n = hm_cbor_get_map(in, COMMANDS_MAX);
    for (size_t i = 0; i < n; i++)
        if (!take_parameter(in, t))
            return false;
    return in->err == HM_OK;
}

/* Inside a branch: overrides, and conditions and directives whose argument is a reporting policy.
 */
static bool take_branch(struct hm_cbor_in *in, const struct target *t)
{
    struct hm_cbor_in b = enter(in);
    size_t n = hm_cbor_get_array(&b, COMMANDS_MAX);
    for (size_t i = 0; i + 1 < n; i += 2) {
        if (hm_cbor_get_int(&b) != HM_SUIT_DIR_OVERRIDE)
            (void)hm_cbor_get_uint(&b);
        else if (!take_override(&b, t))
            return false;
    }
    return hm_cbor_done(&b) == HM_OK;
}

/* One branch for each class, or one for each slot. What sort it is stands in its first parameter:
 * peeked. */
static bool first_is_class(struct hm_cbor_in in)
{
    (void)hm_cbor_get_array(&in, HM_CLASSES_MAX);
    struct hm_cbor_in b = enter(&in);
    (void)hm_cbor_get_array(&b, COMMANDS_MAX);
    (void)hm_cbor_get_int(&b);
    (void)hm_cbor_get_map(&b, COMMANDS_MAX);
    return hm_cbor_get_int(&b) == HM_SUIT_PARAM_CLASS && b.err == HM_OK;
}

static bool take_try_each(struct hm_cbor_in *in, struct hm_suit_release *r)
{
    bool classes = first_is_class(*in);
    size_t n = hm_cbor_get_array(in, classes ? HM_CLASSES_MAX : HM_SUIT_SLOTS);
    for (size_t i = 0; i < n; i++) {
        struct target t = {.r = r, .image = classes ? 0 : i, .class_at = classes ? i : 0};
        if (!take_branch(in, &t))
            return false;
    }
    if (classes)
        r->class_count = n;
    else
        r->image_count = n;
    return in->err == HM_OK;
}

/* A whole sequence: branches may stand in it, and the rollback floor. */
static bool take_sequence(struct hm_cbor_in *in, struct hm_suit_release *r)
{
    struct hm_cbor_in s = enter(in);
    struct target t = {.r = r, .image = 0, .class_at = 0};
    size_t n = hm_cbor_get_array(&s, COMMANDS_MAX);
    for (size_t i = 0; i + 1 < n; i += 2) {
        int64_t command = hm_cbor_get_int(&s);
        bool ok = true;
        if (command == HM_SUIT_DIR_OVERRIDE)
            ok = take_override(&s, &t);
        else if (command == HM_SUIT_DIR_TRY_EACH)
            ok = take_try_each(&s, r);
        else if (command == HM_SUIT_CUSTOM_ROLLBACK_FLOOR)
            r->rollback_floor = hm_cbor_get_uint(&s);
        else
            (void)hm_cbor_get_uint(&s);
        if (!ok)
            return false;
    }
    return hm_cbor_done(&s) == HM_OK;
}

static bool take_common(struct hm_cbor_in *in, struct hm_suit_release *r)
{
    struct hm_cbor_in c = enter(in);
    if (hm_cbor_get_map(&c, 2) != 2 || hm_cbor_get_uint(&c) != HM_SUIT_COMMON_COMPONENTS)
        return false;
    (void)hm_cbor_skip(&c);
    return hm_cbor_get_uint(&c) == HM_SUIT_COMMON_SHARED && take_sequence(&c, r) &&
           hm_cbor_done(&c) == HM_OK;
}

static bool take_manifest(struct hm_cbor_in *in, struct hm_suit_release *r)
{
    if (hm_cbor_get_map(in, 6) != 6 || hm_cbor_get_uint(in) != HM_SUIT_VERSION ||
        hm_cbor_get_uint(in) != HM_SUIT_MANIFEST_VERSION ||
        hm_cbor_get_uint(in) != HM_SUIT_SEQUENCE)
        return false;
    r->sequence = hm_cbor_get_uint(in);
    if (hm_cbor_get_uint(in) != HM_SUIT_COMMON || !take_common(in, r))
        return false;
    if (hm_cbor_get_uint(in) != HM_SUIT_VALIDATE)
        return false;
    (void)hm_cbor_skip(in);
    if (hm_cbor_get_uint(in) != HM_SUIT_INVOKE)
        return false;
    (void)hm_cbor_skip(in);
    return hm_cbor_get_uint(in) == HM_SUIT_INSTALL && take_sequence(in, r) &&
           hm_cbor_done(in) == HM_OK;
}

enum hm_err hm_suit_describe(struct hm_bytes manifest, struct hm_suit_release *out,
                             struct hm_why *why)
{
    struct hm_cbor_in in;
    struct hm_suit_release r;
    HM_BUF_AUTO again = {.limit = HM_MANIFEST_MAX};
    if (manifest.len > HM_MANIFEST_MAX)
        return hm_fail(why, HM_E_LIMIT, "manifest: %zu bytes, expected at most %zu", manifest.len,
                       HM_MANIFEST_MAX);
    memset(&r, 0, sizeof r);
    r.class_count = 1;
    r.image_count = 1;
    hm_cbor_begin(&in, manifest);
    if (!take_manifest(&in, &r))
        return hm_fail(why, HM_E_MALFORMED, "manifest: not of this profile");
    for (size_t i = 0; i < r.image_count; i++)
        r.images[i].slot = r.image_count == 1 ? -1 : (int)i;
    enum hm_err err = hm_suit_build(&r, &again, why);
    if (err != HM_OK)
        return err;
    if (!hm_bytes_eq(hm_buf_bytes(&again), manifest))
        return hm_fail(why, HM_E_MALFORMED,
                       "manifest: says more or other things than this profile does");
    *out = r;
    return HM_OK;
}
