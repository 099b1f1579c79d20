#include "server/registrar/reg_format.h"

#include "device/hm_device_verify.h"
#include "device/linux/hm_device_linux.h"
#include "schema/suit/hm_suit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t reg_format_classes(const struct reg_world *w, const struct hm_request *r,
                          struct hm_uuid out[static HM_CLASSES_MAX])
{
    size_t n = 0;
    for (size_t h = 0; h < r->hardware_count; h++)
        for (size_t g = 0; g < r->region_count && n < HM_CLASSES_MAX; g++)
            out[n++] = hm_class_id(&w->vendor, r->product, r->hardware[h].model,
                                   r->hardware[h].revision, r->regions[g]);
    return n;
}

static enum hm_err suit_build(const struct reg_world *w, const struct hm_request *r,
                              uint64_t sequence, struct hm_buf *out, struct hm_why *why)
{
    struct hm_suit_release *s = calloc(1, sizeof *s);
    if (s == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    s->sequence = sequence;
    s->vendor = w->vendor;
    s->class_count = reg_format_classes(w, r, s->classes);
    s->image_count = r->artifact_count;
    for (size_t i = 0; i < r->artifact_count; i++) {
        const struct hm_artifact *a = &r->artifacts[i];
        s->images[i].digest = a->digest;
        s->images[i].size = a->size;
        s->images[i].slot = a->slot;
        (void)snprintf(s->images[i].uri, sizeof s->images[i].uri, "%s", a->uri);
    }
    s->use_before = (uint64_t)r->use_before_s;
    s->rollback_floor = r->rollback_floor;
    s->at_least_count = r->at_least_count;
    memcpy(s->at_least, r->at_least, sizeof s->at_least);
    enum hm_err err = hm_suit_build(s, out, why);
    free(s);
    return err;
}

static void suit_tbs(struct hm_bytes manifest, const struct hm_key *key, struct hm_buf *out)
{
    hm_auth_tbs(out, key, manifest);
}

static void suit_assemble(struct hm_bytes manifest, const struct hm_auth_signature *sigs,
                          size_t count, struct hm_buf *out)
{
    hm_auth_envelope(out, true, manifest, sigs, count);
}

/* The device's crypto table with a memory: the whole verification runs a second time once the proof
 * exists, over signatures that were verified a moment ago. Release keys are imported once. */
static enum hmd_sig verify_once(const struct reg_check *c, int alg, struct hmd_bytes pub,
                                struct hmd_bytes msg, struct hmd_bytes sig)
{
    const struct hmd_crypto base = hmd_openssl_crypto();
    enum hm_err err = reg_world_verify(c->world, hm_bytes_of(pub.p, pub.len),
                                       hm_bytes_of(msg.p, msg.len), hm_bytes_of(sig.p, sig.len));
    if (alg != HM_COSE_ESP256 || err == HM_E_NOT_FOUND)
        return base.verify(base.ctx, alg, pub, msg, sig);
    return err == HM_OK ? HMD_SIG_VALID : HMD_SIG_BAD;
}

static enum hmd_sig remembered_verify(void *ctx, int alg, struct hmd_bytes pub,
                                      struct hmd_bytes msg, struct hmd_bytes sig)
{
    const struct reg_check *c = ctx;
    if (pub.len > HM_KEY_RAW_MAX || sig.len != HMD_SIG_LEN)
        return HMD_SIG_BAD;
    struct hm_digest m = reg_memo_signature(
        alg, hm_bytes_of(pub.p, pub.len), hm_bytes_of(msg.p, msg.len), hm_bytes_of(sig.p, sig.len));
    if (reg_memo_has(c->memo, &m))
        return HMD_SIG_VALID;
    enum hmd_sig got = verify_once(c, alg, pub, msg, sig);
    if (got == HMD_SIG_VALID)
        reg_memo_add(c->memo, &m);
    return got;
}

static enum hmd_reason check_class(const struct reg_check *c, const struct hmd_crypto *crypto,
                                   const struct hm_uuid *class_id, struct hmd_work *work)
{
    struct hmd_identity id;
    struct hmd_bytes file = {c->file.data, c->file.len};
    struct hmd_bytes proof = {c->proof.data, c->proof.len};
    /* A device that has just the version which the release asks for. */
    struct hmd_bytes version = {(const uint8_t *)c->at_least, strlen(c->at_least)};
    memcpy(id.vendor, c->world->vendor.b, sizeof id.vendor);
    memcpy(id.class_id, class_id->b, sizeof id.class_id);
    if (proof.len == 0) {
        struct hmd_manifest m;
        struct hmd_rules rules = {.time_s = 0, .installed_version = version};
        return hmd_verify_manifest(crypto, &c->store->device, &id, file, &rules, &m);
    }
    struct hmd_release rel;
    struct hmd_facts facts = {.store_epoch = c->store->device.epoch,
                              .time_floor_s = c->store->device.issued_s,
                              .version = version};
    return hmd_verify_release(crypto, &c->store->device, &id, &facts, file, proof, work, &rel);
}

static enum hm_err suit_check(const struct reg_check *c, struct hm_why *why)
{
    struct hmd_work work;
    struct reg_check copy = *c; /* the table's context is not const */
    struct hmd_crypto crypto = hmd_openssl_crypto();
    crypto.ctx = &copy;
    crypto.verify = remembered_verify;
    if (c->class_count == 0 || c->store == NULL)
        return hm_fail(why, HM_E_DENIED,
                       "the release has no hardware class, or its environment no trust store");
    for (size_t i = 0; i < c->class_count; i++) {
        enum hmd_reason reason = check_class(c, &crypto, &c->classes[i], &work);
        if (reason != HMD_OK)
            return hm_fail(why, HM_E_DENIED,
                           "a device of class %zu of %zu would refuse the result: %s", i + 1,
                           c->class_count, hmd_reason_name(reason));
    }
    return HM_OK;
}

const struct reg_format *reg_format_suit(void)
{
    static const struct reg_format suit = {"suit",   suit_build,    hm_auth_digest,
                                           suit_tbs, suit_assemble, suit_check};
    return &suit;
}
