/* hallmark-device status. */
#include "device/tool/hm_device_tool_priv.h"

static const char *status_name(enum hmd_slot_status status)
{
    switch (status) {
    case HMD_STATUS_TRIAL:
        return "installed, not started yet";
    case HMD_STATUS_TRIED:
        return "on trial, not confirmed";
    case HMD_STATUS_GOOD:
        return "confirmed";
    case HMD_STATUS_FAILED:
        return "failed";
    case HMD_STATUS_EMPTY:
    default:
        return "empty";
    }
}

static void put_version(struct tool_out *o, const char *label, const char *name, const char *text,
                        unsigned len)
{
    char version[HMD_NAME_MAX + 1];
    (void)snprintf(version, sizeof version, "%.*s", (int)len, text);
    tool_text(o, label, name, version);
}

static void slot_rows(struct tool_out *o, const struct hmd_state *s, unsigned slot)
{
    const struct hmd_slot_info *i = &s->slot[slot];
    char label[32];
    char name[32];
    char text[160];
    const char letter = (char)('a' + (int)slot);
    (void)snprintf(label, sizeof label, "slot %c:", letter);
    (void)snprintf(text, sizeof text, "%s%s", status_name(i->status),
                   s->active == slot ? ", active" : "");
    if (!o->json && i->status != HMD_STATUS_EMPTY)
        (void)snprintf(text, sizeof text, "%s%s, version %.*s, sequence %llu, %llu bytes",
                       status_name(i->status), s->active == slot ? ", active" : "",
                       (int)i->version_len, i->version, (unsigned long long)i->sequence,
                       (unsigned long long)i->size);
    (void)snprintf(name, sizeof name, "slot_%c", letter);
    tool_text(o, label, name, text);
    (void)snprintf(name, sizeof name, "slot_%c_sequence", letter);
    if (o->json)
        tool_number(o, NULL, name, i->sequence);
    (void)snprintf(name, sizeof name, "slot_%c_version", letter);
    if (o->json)
        put_version(o, NULL, name, i->version, i->version_len);
}

static void origin_row(struct tool_out *o, const struct hmd_store *store)
{
    char origin[HMD_ORIGIN_MAX + 1];
    (void)snprintf(origin, sizeof origin, "%.*s", (int)store->origin.len,
                   (const char *)store->origin.p);
    tool_text(o, "log:", "log", origin);
}

/* Who they are; how many must cosign stands in the row before. */
static void witness_rows(struct tool_out *o, const struct hmd_store *store)
{
    struct hmd_bytes name;
    for (uint64_t i = 0; hmd_store_witness(store, i, &name); i++) {
        char member[32];
        char text[HMD_ORIGIN_MAX + 1];
        (void)snprintf(member, sizeof member, "witness_%llu", (unsigned long long)i + 1);
        (void)snprintf(text, sizeof text, "%.*s", (int)name.len, (const char *)name.p);
        tool_text(o, "witness:", member, text);
    }
}

static enum tool_exit show(struct tool_device *d)
{
    struct hmd_state s;
    struct tool_out o;
    enum hmd_reason reason = hmd_state_load(&d->ports, &s);
    if (reason != HMD_OK)
        return tool_refused(d->json, "status", reason, NULL);
    tool_begin(&o, d->json, "Device");
    tool_flag(&o, NULL, "ok", true);
    tool_text(&o, "product:", "product", d->identity.product);
    tool_text(&o, "model:", "model", d->identity.model);
    tool_text(&o, "revision:", "revision", d->identity.revision);
    tool_text(&o, "region:", "region", d->identity.region);
    tool_uuid(&o, "vendor:", "vendor", d->identity.ids.vendor);
    tool_uuid(&o, "class:", "class", d->identity.ids.class_id);
    tool_number(&o, "trust store epoch:", "store_epoch", d->store.epoch);
    tool_time(&o, "trust store issued:", "store_issued_s", d->store.issued_s);
    tool_text(&o, "root keys:", "root_keys", d->identity.pin_count > 0 ? "pinned" : "not pinned");
    origin_row(&o, &d->store);
    tool_witnesses(&o, &d->store);
    witness_rows(&o, &d->store);
    put_version(&o, "installed version:", "version", s.version, s.version_len);
    tool_flag(&o, NULL, "confirmed", s.confirmed);
    tool_number(&o, "confirmed sequence:", "sequence", s.sequence);
    if (s.confirmed || d->json)
        tool_hex(&o, "confirmed manifest:", "manifest", s.digest, HMD_DIGEST_LEN);
    tool_number(&o, "rollback floor:", "rollback_floor", s.rollback_floor);
    tool_time(&o, "time floor:", "time_floor_s", s.time_floor_s);
    tool_text(&o, NULL, "active", s.active == 0 ? "a" : (s.active == 1 ? "b" : "none"));
    for (unsigned slot = 0; slot < HMD_SLOTS; slot++)
        slot_rows(&o, &s, slot);
    tool_end(&o);
    return TOOL_OK;
}

enum tool_exit tool_cmd_status(const struct tool_args *args)
{
    struct tool_device d;
    if (args->path_count > 0)
        return tool_error(args->json, TOOL_USAGE, "expected no file, got '%s'", args->path[0]);
    enum tool_exit code = tool_device_open(args, &d);
    if (code == TOOL_OK)
        code = show(&d);
    tool_device_close(&d);
    return code;
}
