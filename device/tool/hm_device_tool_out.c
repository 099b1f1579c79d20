/* Output: aligned rows for people, one JSON object for scripts; refusals and errors. */
#include "device/tool/hm_device_tool_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

static void json_string(const char *text)
{
    (void)putchar('"');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            (void)printf("\\%c", *c);
        else if ((unsigned char)*c < 0x20 || (unsigned char)*c == 0x7f)
            (void)printf("\\u%04x", (unsigned)(unsigned char)*c);
        else
            (void)putchar(*c);
    }
    (void)putchar('"');
}

void tool_begin(struct tool_out *o, bool json, const char *title)
{
    o->json = json;
    o->any = false;
    if (json)
        (void)putchar('{');
    else if (title != NULL)
        (void)printf("%s\n", title);
}

static bool member(struct tool_out *o, const char *label, const char *name)
{
    if (o->json) {
        (void)printf("%s\"%s\":", o->any ? "," : "", name);
        o->any = true;
        return true;
    }
    if (label == NULL)
        return false;
    (void)printf("  %-20s ", label);
    return true;
}

static void end_row(const struct tool_out *o)
{
    if (!o->json)
        (void)putchar('\n');
}

void tool_text(struct tool_out *o, const char *label, const char *name, const char *value)
{
    if (!member(o, label, name))
        return;
    if (o->json)
        json_string(value);
    else
        (void)printf("%s", value);
    end_row(o);
}

void tool_number(struct tool_out *o, const char *label, const char *name, uint64_t value)
{
    if (!member(o, label, name))
        return;
    (void)printf("%llu", (unsigned long long)value);
    end_row(o);
}

void tool_flag(struct tool_out *o, const char *label, const char *name, bool value)
{
    if (!member(o, label, name))
        return;
    (void)printf("%s", o->json ? (value ? "true" : "false") : (value ? "yes" : "no"));
    end_row(o);
}

void tool_time(struct tool_out *o, const char *label, const char *name, uint64_t unix_s)
{
    char text[32] = "none";
    struct tm tm;
    time_t t = (time_t)unix_s;
    if (o->json) {
        tool_number(o, label, name, unix_s);
        return;
    }
    if (unix_s != 0 && unix_s < (uint64_t)1 << 40 && gmtime_r(&t, &tm) != NULL)
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    tool_text(o, label, name, text);
}

void tool_hex(struct tool_out *o, const char *label, const char *name, const uint8_t *data,
              size_t len)
{
    char text[2 * HMD_DIGEST_LEN + 1] = "";
    for (size_t i = 0; i < len && i < HMD_DIGEST_LEN; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", data[i]);
    tool_text(o, label, name, text);
}

void tool_uuid(struct tool_out *o, const char *label, const char *name, const uint8_t *id)
{
    char text[37];
    size_t n = 0;
    for (size_t i = 0; i < HMD_ID_LEN; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[n++] = '-';
        (void)snprintf(text + n, 3, "%02x", id[i]);
        n += 2;
    }
    tool_text(o, label, name, text);
}

void tool_witnesses(struct tool_out *o, const struct hmd_store *store)
{
    char text[64] = "none";
    if (store->quorum > 0)
        (void)snprintf(text, sizeof text, "%llu of %llu", (unsigned long long)store->quorum,
                       (unsigned long long)store->witness_count);
    tool_text(o, "witnesses:", "witnesses", text);
}

void tool_end(struct tool_out *o)
{
    if (o->json)
        (void)printf("}\n");
}

static bool is_io(enum hmd_reason reason)
{
    return reason == HMD_STORAGE_FAILED || reason == HMD_SLOT_FAULT || reason == HMD_CRYPTO_FAILED;
}

enum tool_exit tool_refused(bool json, const char *step, enum hmd_reason reason,
                            const struct hmd_manifest *manifest)
{
    struct tool_out o;
    char title[64];
    (void)snprintf(title, sizeof title, "REFUSED (%s)", step);
    tool_begin(&o, json, title);
    tool_flag(&o, NULL, "ok", false);
    tool_text(&o, NULL, "step", step);
    tool_text(&o, "reason:", "reason", hmd_reason_name(reason));
    tool_number(&o, NULL, "reason_code", (uint64_t)reason);
    tool_number(&o, NULL, "suit_report_reason", (uint64_t)hmd_reason_suit(reason));
    tool_text(&o, "what it means:", "explanation", tool_explain(reason));
    tool_text(&o, "what to do:", "next", tool_advise(reason));
    if (manifest != NULL) {
        tool_number(&o, "sequence:", "sequence", manifest->sequence);
        tool_hex(&o, "manifest:", "manifest", manifest->digest, HMD_DIGEST_LEN);
    }
    tool_end(&o);
    return is_io(reason) ? TOOL_IO : TOOL_REFUSED;
}

enum tool_exit tool_error(bool json, enum tool_exit code, const char *fmt, ...)
{
    char text[512];
    struct tool_out o;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (!json) {
        (void)fprintf(stderr, "hallmark-device: %s\n", text);
        return code;
    }
    tool_begin(&o, true, NULL);
    tool_flag(&o, NULL, "ok", false);
    tool_text(&o, NULL, "error", code == TOOL_USAGE ? "usage" : "io");
    tool_text(&o, NULL, "explanation", text);
    tool_end(&o);
    return code;
}

void tool_outcome(struct tool_device *d, const char *step, enum hmd_reason reason,
                  uint64_t sequence, const uint8_t *digest)
{
    const struct hmd_outcome o = {step, reason, (uint64_t)time(NULL), sequence, digest};
    if (hmd_outcome_append(&d->storage, &o) != HMD_OK)
        (void)fprintf(stderr, "hallmark-device: the outcome log could not be written: %s\n",
                      strerror(errno));
}
