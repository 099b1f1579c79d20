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
 * exists, over signatures that were verified a moment ago. */
static enum hmd_sig remembered_verify(void *ctx, int alg, struct hmd_bytes pub,
                                      struct hmd_bytes msg, struct hmd_bytes sig)
{
    uint8_t head[HM_KEY_RAW_MAX + 2 + 64];
    const struct hmd_crypto base = hmd_openssl_crypto();
    if (pub.len > HM_KEY_RAW_MAX || sig.len > 64)
        return HMD_SIG_BAD;
    head[0] = (uint8_t)(alg & 0xff);
    head[1] = (uint8_t)pub.len;
    memcpy(head + 2, pub.p, pub.len);
    memcpy(head + 2 + pub.len, sig.p, sig.len);
    struct hm_digest m =
        hm_sha256_3(hm_bytes_str("device"), hm_bytes_of(head, 2 + pub.len + sig.len),
                    hm_bytes_of(msg.p, msg.len));
    if (reg_memo_has(ctx, &m))
        return HMD_SIG_VALID;
    enum hmd_sig got = base.verify(base.ctx, alg, pub, msg, sig);
    if (got == HMD_SIG_VALID)
        reg_memo_add(ctx, &m);
    return got;
}

struct check {
    const struct reg_trust_store *store;
    struct hmd_crypto crypto;
    struct hmd_bytes file, proof;
    struct hmd_bytes version;
    struct hmd_work *work;
};

static enum hmd_reason check_class(const struct check *c, const struct hmd_identity *id)
{
    if (c->proof.len == 0) {
        struct hmd_manifest m;
        struct hmd_rules rules = {.time_s = 0, .installed_version = c->version};
        return hmd_verify_manifest(&c->crypto, &c->store->device, id, c->file, &rules, &m);
    }
    struct hmd_release rel;
    struct hmd_facts facts = {.store_epoch = c->store->device.epoch,
                              .time_floor_s = c->store->device.issued_s,
                              .version = c->version};
    return hmd_verify_release(&c->crypto, &c->store->device, id, &facts, c->file, c->proof, c->work,
                              &rel);
}

static enum hm_err suit_check(const struct reg_world *w, struct reg_memo *memo,
                              const struct reg_trust_store *store, const struct hm_request *r,
                              struct hm_bytes file, struct hm_bytes proof, struct hm_why *why)
{
    struct hm_uuid classes[HM_CLASSES_MAX];
    char version[64] = "";
    struct hmd_work work;
    struct check c = {.store = store,
                      .crypto = hmd_openssl_crypto(),
                      .file = {file.data, file.len},
                      .proof = {proof.data, proof.len},
                      .work = &work};
    c.crypto.ctx = memo;
    c.crypto.verify = remembered_verify;
    /* A device that has just the version which the release asks for. */
    for (size_t i = 0, n = 0; i < r->at_least_count; i++)
        n += (size_t)snprintf(version + n, sizeof version - n, "%s%u", i > 0 ? "." : "",
                              r->at_least[i]);
    c.version = (struct hmd_bytes){(const uint8_t *)version, strlen(version)};
    size_t count = reg_format_classes(w, r, classes);
    if (count == 0)
        return hm_fail(why, HM_E_DENIED, "the release has no hardware class");
    for (size_t i = 0; i < count; i++) {
        struct hmd_identity id;
        memcpy(id.vendor, w->vendor.b, sizeof id.vendor);
        memcpy(id.class_id, classes[i].b, sizeof id.class_id);
        enum hmd_reason reason = check_class(&c, &id);
        if (reason != HMD_OK)
            return hm_fail(why, HM_E_DENIED,
                           "a device of class %zu of %zu would refuse the result: %s", i + 1, count,
                           hmd_reason_name(reason));
    }
    return HM_OK;
}

const struct reg_format *reg_format_suit(void)
{
    static const struct reg_format suit = {"suit",   suit_build,    hm_auth_digest,
                                           suit_tbs, suit_assemble, suit_check};
    return &suit;
}
