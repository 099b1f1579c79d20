/* hallmark-device trust-store: a newer trust store in place of the device's own. */
#include "device/tool/hm_device_tool_priv.h"

#include <fcntl.h>

static void report(const struct tool_device *d)
{
    struct tool_out o;
    tool_begin(&o, d->json, "Trust store taken");
    tool_flag(&o, NULL, "ok", true);
    tool_number(&o, "trust store epoch:", "store_epoch", d->store.epoch);
    tool_witnesses(&o, &d->store);
    tool_end(&o);
}

/* The file before the state: after a power cut in between the device has the new store, and takes
 * it again. */
static enum tool_exit take(struct tool_device *d, const char *path)
{
    struct hmd_state s;
    enum tool_exit code = tool_store_open(d, AT_FDCWD, path);
    if (code != TOOL_OK)
        return code;
    enum hmd_reason reason = hmd_state_load(&d->ports, &s);
    if (reason == HMD_OK && d->store.epoch < s.store_epoch)
        reason = HMD_STORE_ROLLED_BACK;
    if (reason == HMD_OK &&
        !hmd_linux_replace(&d->files, TOOL_STORE_FILE, d->store_bytes, d->store_len))
        reason = HMD_STORAGE_FAILED;
    if (reason == HMD_OK)
        reason = hmd_state_take_store(&d->ports, d->store.epoch);
    tool_outcome(d, "trust-store", reason, 0, NULL);
    if (reason != HMD_OK)
        return tool_refused(d->json, "trust-store", reason, NULL);
    report(d);
    return TOOL_OK;
}

enum tool_exit tool_cmd_trust_store(const struct tool_args *args)
{
    struct tool_device d;
    if (args->path_count != 1)
        return tool_error(args->json, TOOL_USAGE, "expected one file with a trust store");
    enum tool_exit code = tool_device_open(args, &d);
    if (code == TOOL_OK)
        code = take(&d, args->path[0]);
    tool_device_close(&d);
    return code;
}
