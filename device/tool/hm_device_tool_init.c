/* hallmark-device init. */
#include "device/tool/hm_device_tool_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool set(char *field, size_t cap, const char *value)
{
    return value != NULL && snprintf(field, cap, "%s", value) < (int)cap;
}

static enum tool_exit read_identity(const struct tool_args *a, struct tool_identity *id)
{
    const char *what = "";
    memset(id, 0, sizeof *id);
    if (a->path_count > 0)
        return tool_error(a->json, TOOL_USAGE, "init takes no file '%s'", a->path[0]);
    if (a->trust_store == NULL)
        return tool_error(a->json, TOOL_USAGE, "--trust-store FILE is missing");
    if (!set(id->vendor_domain, sizeof id->vendor_domain, a->vendor_domain) ||
        !set(id->product, sizeof id->product, a->product) ||
        !set(id->model, sizeof id->model, a->model) ||
        !set(id->revision, sizeof id->revision, a->revision) ||
        !set(id->region, sizeof id->region, a->region))
        return tool_error(a->json, TOOL_USAGE,
                          "--vendor-domain, --product, --model, --revision and --region are all "
                          "needed, with at most %d characters (the domain %d)",
                          HMD_NAME_MAX, TOOL_DOMAIN_MAX);
    if (!tool_identity_compute(id, &what))
        return tool_error(a->json, TOOL_USAGE,
                          "%s: expected letters, digits and . _ + - only, a letter or digit first",
                          what);
    for (unsigned i = 0; i < a->root_key_count; i++)
        if (!tool_pin_read(a->root_key[i], id->pins[id->pin_count++]))
            return tool_error(a->json, TOOL_USAGE,
                              "--root-key %s: expected a readable PEM public key, or 32 or 64 hex "
                              "digits of its key id",
                              a->root_key[i]);
    return TOOL_OK;
}

static enum tool_exit write_device(const struct tool_args *a, struct tool_device *d,
                                   const char *version)
{
    struct hmd_bytes text = {(const uint8_t *)version, strlen(version)};
    if (!d->storage.counter_raise(d->storage.ctx, 0) ||
        hmd_state_init(&d->ports, d->store.epoch, text) != HMD_OK ||
        !hmd_linux_replace(&d->files, TOOL_STORE_FILE, d->store_bytes, d->store_len) ||
        !tool_identity_save(&d->files, &d->identity))
        return tool_error(a->json, TOOL_IO, "device directory %s: %s", a->state, strerror(errno));
    return TOOL_OK;
}

static void report(const struct tool_args *a, const struct tool_device *d)
{
    struct tool_out o;
    tool_begin(&o, a->json, "Device initialised");
    tool_flag(&o, NULL, "ok", true);
    tool_uuid(&o, "vendor:", "vendor", d->identity.ids.vendor);
    tool_uuid(&o, "class:", "class", d->identity.ids.class_id);
    tool_number(&o, "trust store epoch:", "store_epoch", d->store.epoch);
    tool_witnesses(&o, &d->store);
    tool_text(&o, "root keys:", "root_keys",
              d->identity.pin_count > 0 ? "pinned"
                                        : "taken from the trust store itself, not pinned");
    tool_end(&o);
}

static enum tool_exit initialise(const struct tool_args *a, struct tool_device *d)
{
    struct stat st;
    struct hmd_version parsed;
    const char *version = a->installed_version != NULL ? a->installed_version : "0";
    if (fstatat(d->files.dir, "identity.conf", &st, 0) == 0)
        return tool_error(a->json, TOOL_USAGE, "%s is a device already: choose a new directory",
                          a->state);
    if (strlen(version) > HMD_NAME_MAX ||
        !hmd_version_parse((struct hmd_bytes){(const uint8_t *)version, strlen(version)}, &parsed))
        return tool_error(a->json, TOOL_USAGE, "--installed-version %s: expected a dotted version",
                          version);
    enum tool_exit code = tool_store_open(d, AT_FDCWD, a->trust_store);
    if (code != TOOL_OK)
        return code;
    /* Later stores may ask for fewer signatures; this device goes on to ask for as many. */
    if (d->identity.pin_count > 0)
        d->identity.root_threshold = d->store.root_threshold;
    code = write_device(a, d, version);
    if (code == TOOL_OK)
        report(a, d);
    return code;
}

enum tool_exit tool_cmd_init(const struct tool_args *args)
{
    struct tool_device d;
    struct tool_identity id;
    enum tool_exit code = read_identity(args, &id);
    if (code != TOOL_OK)
        return code;
    if (mkdir(args->state, 0700) != 0 && errno != EEXIST)
        return tool_error(args->json, TOOL_IO, "device directory %s: %s", args->state,
                          strerror(errno));
    code = tool_device_open(args, &d);
    d.identity = id;
    if (code == TOOL_OK)
        code = initialise(args, &d);
    tool_device_close(&d);
    return code;
}
