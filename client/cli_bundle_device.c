/* The device's own verification of a bundle, once for every class that the release is for. */
#include "client/cli_bundle.h"

#include "device/linux/hm_device_linux.h"
#include "schema/core/hm_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct hmd_bytes device_bytes(struct hm_bytes b)
{
    return (struct hmd_bytes){b.data, b.len};
}

static enum hm_err pins_from_store(struct cli *c, struct cli_pins *out)
{
    HM_BUF_AUTO text = {.limit = HM_TRUST_STORE_MAX + 1};
    HM_FREE struct hm_trust_store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return hm_fail(&c->why, HM_E_MEMORY, "out of memory");
    enum hm_err err = cli_read(c->set.trust_store, HM_TRUST_STORE_MAX, &text, &c->why);
    if (err == HM_OK)
        err = hm_trust_store_open(hm_buf_bytes(&text), store, &c->why);
    if (err != HM_OK)
        return hm_fail_in(&c->why, err, "trust store %.200s", c->set.trust_store);
    memcpy(out->kids, store->root_kids, sizeof out->kids);
    out->count = store->root_count;
    out->threshold = store->root_threshold;
    out->epoch_min = store->epoch;
    return HM_OK;
}

enum hm_err cli_pins_load(struct cli *c, struct cli_pins *out)
{
    struct cli_pins p = {.count = 0};
    enum hm_err err = HM_OK;
    if (c->set.trust_store[0] != '\0')
        err = pins_from_store(c, &p);
    else if (c->set.root_key_count == 0) {
        cli_next(c,
                 "hallmark bundle %s --trust-store FILE (or --root-key ID), from the key ceremony",
                 c->args.operand[0]);
        return hm_fail(&c->why, HM_E_CONFIG,
                       "no root is pinned: nothing says which keys a device "
                       "believes");
    }
    for (size_t i = 0; p.epoch_min == 0 && i < c->set.root_key_count; i++) {
        struct hm_bytes hex = hm_bytes_of(c->set.root_keys[i], 2 * HM_KID_LEN);
        if (hm_unhex(hex, p.kids[p.count], HM_KID_LEN) == HM_OK)
            p.count++;
    }
    if (p.epoch_min == 0) /* how many the root asks for is not known: no minority of them will do */
        p.threshold = p.count / 2 + 1;
    if (err == HM_OK)
        *out = p;
    return err;
}

/* Facts of a device that has nothing installed but the version the release asks for. */
static struct hmd_facts fresh_device(const struct cli_facts *f, char version[static 64])
{
    struct hmd_facts facts = {.confirmed = false};
    size_t n = 0;
    for (size_t i = 0; i < f->suit.at_least_count; i++)
        n += (size_t)snprintf(version + n, 64 - n, "%s%" PRIu32, i > 0 ? "." : "",
                              f->suit.at_least[i]);
    facts.version = (struct hmd_bytes){(const uint8_t *)version, n};
    return facts;
}

static enum hm_err check_class(const struct hmd_crypto *crypto, const struct hmd_store *store,
                               struct cli_bundle *b, const struct cli_facts *f, size_t i,
                               struct hm_why *why)
{
    char version[64] = "";
    struct hmd_facts facts = fresh_device(f, version);
    struct hmd_identity id;
    HM_FREE struct hmd_work *work = calloc(1, sizeof *work);
    HM_FREE struct hmd_release *out = calloc(1, sizeof *out);
    if (work == NULL || out == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    memcpy(id.vendor, f->suit.vendor.b, sizeof id.vendor);
    memcpy(id.class_id, f->suit.classes[i].b, sizeof id.class_id);
    enum hmd_reason reason =
        hmd_verify_release(crypto, store, &id, &facts, device_bytes(hm_buf_bytes(&b->envelope)),
                           device_bytes(hm_buf_bytes(&b->signed_record.text)), work, out);
    if (reason != HMD_OK || out->reason != HMD_OK) {
        char hex[33];
        hm_hex(id.class_id, sizeof id.class_id, hex);
        return hm_fail(why, HM_E_DENIED, "a device of class %s would refuse this bundle: %s", hex,
                       hmd_reason_name(reason));
    }
    struct hm_bytes product = hm_bytes_of(out->product.p, out->product.len);
    struct hm_bytes name = hm_bytes_of(out->version.p, out->version.len);
    if (!hm_bytes_eq_str(product, f->statement.product) ||
        !hm_bytes_eq_str(name, f->statement.version))
        return hm_fail(why, HM_E_DENIED, "the proven record names another product or version");
    b->cosigned = out->witnesses;
    return HM_OK;
}

enum hm_err cli_bundle_check_device(struct cli_bundle *b, const struct cli_facts *f,
                                    const struct cli_pins *pins, struct hm_why *why)
{
    struct hmd_crypto crypto = hmd_openssl_crypto();
    struct hmd_store store;
    const struct hmd_pins roots = {pins->kids[0], pins->count, pins->threshold};
    enum hmd_reason reason =
        hmd_store_open(&crypto, device_bytes(hm_buf_bytes(&b->trust_store)), &roots, &store);
    if (reason != HMD_OK)
        return hm_fail(why, HM_E_DENIED, "the bundle's trust store is not of the pinned root: %s",
                       hmd_reason_name(reason));
    if (store.epoch < pins->epoch_min)
        return hm_fail(why, HM_E_DENIED,
                       "the bundle's trust store has epoch %" PRIu64 ", the pinned one %" PRIu64
                       " (is it of the same environment?)",
                       store.epoch, pins->epoch_min);
    if (f->suit.class_count == 0)
        return hm_fail(why, HM_E_DENIED, "the manifest is for no device class");
    for (size_t i = 0; i < f->suit.class_count; i++) {
        enum hm_err err = check_class(&crypto, &store, b, f, i, why);
        if (err != HM_OK)
            return err;
    }
    b->store_epoch = store.epoch;
    b->witnesses = (size_t)store.witness_count;
    b->quorum = (size_t)store.quorum;
    return HM_OK;
}
