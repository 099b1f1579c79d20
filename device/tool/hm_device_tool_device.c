/* Opening a device directory: lock, identity, trust store. */
#include "device/tool/hm_device_tool_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

enum tool_exit tool_store_open(struct tool_device *d, int dir, const char *path)
{
    const struct hmd_pins pins = {d->identity.pins[0], d->identity.pin_count,
                                  d->identity.root_threshold};
    struct hmd_bytes kids;
    uint64_t count;
    uint64_t threshold;
    free(d->store_bytes);
    d->store_bytes = malloc(HMD_STORE_MAX);
    if (d->store_bytes == NULL)
        return tool_error(d->json, TOOL_IO, "out of memory");
    if (!hmd_linux_read(dir, path, d->store_bytes, HMD_STORE_MAX, &d->store_len))
        return errno == EFBIG
                   ? tool_refused(d->json, "trust-store", HMD_STORE_TOO_LARGE, NULL)
                   : tool_error(d->json, TOOL_IO, "trust store %s: %s", path, strerror(errno));
    enum hmd_reason reason =
        hmd_store_open(&d->crypto, (struct hmd_bytes){d->store_bytes, d->store_len},
                       pins.count > 0 ? &pins : NULL, &d->store);
    if (reason == HMD_OK && memcmp(d->store.vendor, d->identity.ids.vendor, HMD_ID_LEN) != 0)
        reason = HMD_STORE_OTHER_VENDOR;
    if (reason == HMD_OK &&
        !hmd_store_rule(&d->store, d->identity.ids.class_id, &kids, &count, &threshold))
        reason = HMD_CLASS_WITHOUT_RULE;
    if (reason == HMD_OK)
        return TOOL_OK;
    if (dir == d->files.dir) /* the device's own, not one that is offered to it */
        tool_outcome(d, "trust-store", reason, 0, NULL);
    return tool_refused(d->json, "trust-store", reason, NULL);
}

static enum tool_exit open_files(const struct tool_args *args, struct tool_device *d)
{
    if (!hmd_linux_open(args->state, &d->files))
        return tool_error(d->json, TOOL_IO, "device directory %s: %s", args->state,
                          strerror(errno));
    if (flock(d->files.dir, LOCK_EX | LOCK_NB) != 0)
        return tool_error(d->json, TOOL_IO, "device directory %s: another hallmark-device uses it",
                          args->state);
    return TOOL_OK;
}

static void connect_ports(struct tool_device *d)
{
    d->crypto = hmd_openssl_crypto();
    d->slots = hmd_linux_slots(&d->files);
    d->storage = hmd_linux_storage(&d->files);
    d->ports = (struct hmd_ports){&d->crypto, &d->slots, &d->storage};
}

enum tool_exit tool_device_open(const struct tool_args *args, struct tool_device *out)
{
    memset(out, 0, sizeof *out);
    out->json = args->json;
    out->files.dir = -1;
    enum tool_exit code = open_files(args, out);
    if (code != TOOL_OK)
        return code;
    connect_ports(out);
    if (args->trust_store != NULL) /* init: there is no identity yet */
        return TOOL_OK;
    errno = 0;
    if (!tool_identity_load(&out->files, &out->identity))
        return tool_error(out->json, TOOL_IO,
                          "%s is not a device directory, or its identity.conf is damaged: run "
                          "'hallmark-device init' first",
                          args->state);
    return tool_store_open(out, out->files.dir, TOOL_STORE_FILE);
}

void tool_device_close(struct tool_device *d)
{
    if (d->files.dir >= 0)
        hmd_linux_close(&d->files);
    free(d->store_bytes);
    d->store_bytes = NULL;
}
