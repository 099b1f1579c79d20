/* hallmark-device boot and confirm. */
#include "device/tool/hm_device_tool_priv.h"

#include <string.h>

static void report_boot(const struct tool_device *d, const struct hmd_boot *b)
{
    struct tool_out o;
    char slot[2] = {(char)('a' + (int)b->slot), '\0'};
    tool_begin(&o, d->json,
               b->trial ? "Started on trial: confirm it, or the next boot goes back" : "Started");
    tool_flag(&o, NULL, "ok", true);
    tool_text(&o, NULL, "step", "boot");
    tool_text(&o, NULL, "reason", hmd_reason_name(HMD_OK));
    tool_text(&o, "slot:", "slot", slot);
    tool_flag(&o, "on trial:", "trial", b->trial);
    tool_number(&o, "sequence:", "sequence", b->sequence);
    tool_hex(&o, "image:", "image", b->image, HMD_DIGEST_LEN);
    tool_hex(&o, "manifest:", "manifest", b->manifest, HMD_DIGEST_LEN);
    if (b->fallback != HMD_OK || d->json)
        tool_text(&o, "fell back because:", "fallback", hmd_reason_name(b->fallback));
    if (b->fallback != HMD_OK) {
        tool_text(&o, "what it means:", "explanation", tool_explain(b->fallback));
        tool_text(&o, "what to do:", "next", tool_advise(b->fallback));
    }
    tool_end(&o);
}

static enum tool_exit boot(const struct tool_args *args, struct tool_device *d)
{
    (void)args;
    struct hmd_boot b;
    enum hmd_reason reason = hmd_boot_select(&d->ports, &b);
    if (b.fallback != HMD_OK)
        tool_outcome(d, "boot", b.fallback, 0, NULL);
    tool_outcome(d, "boot", reason, b.sequence, reason == HMD_OK ? b.manifest : NULL);
    if (reason != HMD_OK)
        return tool_refused(d->json, "boot", reason, NULL);
    report_boot(d, &b);
    return TOOL_OK;
}

/* The slot that runs: as the caller says, else the one on trial. */
static unsigned running_slot(const struct tool_args *args, const struct hmd_state *s)
{
    if (args->slot != NULL)
        return args->slot[0] == 'a' ? 0 : 1;
    return s->slot[0].status == HMD_STATUS_TRIED ? 0 : 1;
}

static enum tool_exit confirm(const struct tool_args *args, struct tool_device *d)
{
    unsigned slot = 0;
    struct hmd_state s;
    struct tool_out o;
    if (args->slot != NULL && strcmp(args->slot, "a") != 0 && strcmp(args->slot, "b") != 0)
        return tool_error(d->json, TOOL_USAGE, "--slot %s: expected a or b", args->slot);
    enum hmd_reason reason = hmd_state_load(&d->ports, &s);
    if (reason == HMD_OK) {
        slot = running_slot(args, &s);
        reason = hmd_boot_confirm(&d->ports, slot);
    }
    if (reason == HMD_OK)
        reason = hmd_state_load(&d->ports, &s);
    if (reason != HMD_OK) {
        tool_outcome(d, "confirm", reason, 0, NULL);
        return tool_refused(d->json, "confirm", reason, NULL);
    }
    tool_outcome(d, "confirm", HMD_OK, s.sequence, s.digest);
    char name[2] = {(char)('a' + (int)slot), '\0'};
    tool_begin(&o, d->json, "Confirmed");
    tool_flag(&o, NULL, "ok", true);
    tool_text(&o, NULL, "step", "confirm");
    tool_text(&o, NULL, "reason", hmd_reason_name(HMD_OK));
    tool_text(&o, "slot:", "slot", name);
    tool_number(&o, "sequence:", "sequence", s.sequence);
    tool_number(&o, "rollback floor:", "rollback_floor", s.rollback_floor);
    tool_hex(&o, "manifest:", "manifest", s.digest, HMD_DIGEST_LEN);
    tool_end(&o);
    return TOOL_OK;
}

static enum tool_exit with_device(const struct tool_args *args,
                                  enum tool_exit (*run)(const struct tool_args *args,
                                                        struct tool_device *d))
{
    struct tool_device d;
    if (args->path_count > 0)
        return tool_error(args->json, TOOL_USAGE, "expected no file, got '%s'", args->path[0]);
    enum tool_exit code = tool_device_open(args, &d);
    if (code == TOOL_OK)
        code = run(args, &d);
    tool_device_close(&d);
    return code;
}

enum tool_exit tool_cmd_boot(const struct tool_args *args)
{
    return with_device(args, boot);
}

enum tool_exit tool_cmd_confirm(const struct tool_args *args)
{
    return with_device(args, confirm);
}
