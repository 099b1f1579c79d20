#include "hsm/ceremony/cer_out.h"

#include "schema/core/hm_hash.h"
#include "schema/core/hm_text.h"
#include "schema/core/hm_time.h"
#include "schema/io/hm_clock.h"
#include "schema/io/hm_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPORT_FILE "ceremony-report.txt"
#define FILE_MAX ((size_t)16 * 1024 * 1024)

enum hm_err cer_out_open(struct cer_out *o, struct hm_why *why)
{
    char now[HM_TIME_TEXT];
    HM_FREE char *keys = cer_path(o, "keys");
    o->doc = json_object();
    if (keys == NULL || o->doc == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    hm_time_format(hm_clock_unix_s(), now);
    hm_buf_printf(&o->report, "=== %s\n", now);
    return hm_dir_make(keys, 0755, why);
}

enum hm_err cer_out_close(struct cer_out *o, struct hm_why *why)
{
    HM_FREE char *path = cer_path(o, REPORT_FILE);
    if (path == NULL || hm_buf_err(&o->report) != HM_OK)
        return hm_fail(why, HM_E_MEMORY, "no memory for the report");
    HM_FD_AUTO fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        return hm_fail_errno(why, errno, "%s: cannot write", path);
    enum hm_err err = hm_fd_write(fd, hm_buf_bytes(&o->report), why);
    if (err == HM_OK && fsync(fd) != 0)
        err = hm_fail_errno(why, errno, "%s: cannot fsync", path);
    if (err == HM_OK && o->json &&
        (json_dumpf(o->doc, stdout, JSON_SORT_KEYS | JSON_INDENT(2)) != 0 || putchar('\n') < 0))
        err = hm_fail(why, HM_E_IO, "cannot print the result");
    return err;
}

void cer_out_free(struct cer_out *o)
{
    json_decref(o->doc);
    o->doc = NULL;
    hm_buf_free(&o->report);
}

void cer_say(struct cer_out *o, const char *fmt, ...)
{
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    size_t at = o->report.len;
    hm_escape(&o->report, hm_bytes_str(text));
    hm_buf_putc(&o->report, '\n');
    if (!o->json && hm_buf_err(&o->report) == HM_OK)
        (void)fwrite(o->report.data + at, 1, o->report.len - at, stdout);
}

void cer_fact(struct cer_out *o, const char *group, const char *name, const char *value)
{
    json_t *g = json_object_get(o->doc, group);
    if (g == NULL) {
        g = json_object();
        (void)json_object_set_new(o->doc, group, g);
    }
    (void)json_object_set_new(g, name, json_string(value));
}

char *cer_path(const struct cer_out *o, const char *name)
{
    HM_BUF_AUTO b = {.limit = 4096};
    hm_buf_printf(&b, "%s/%s", o->dir, name);
    const char *text = hm_buf_str(&b);
    return text != NULL ? strdup(text) : NULL;
}

enum hm_err cer_read(const struct cer_out *o, const char *name, size_t max, struct hm_buf *out,
                     struct hm_why *why)
{
    HM_FREE char *path = cer_path(o, name);
    return path != NULL ? hm_file_read(path, max, out, why)
                        : hm_fail(why, HM_E_MEMORY, "%s: path too long", name);
}

enum hm_err cer_write(struct cer_out *o, const char *name, struct hm_bytes data, struct hm_why *why)
{
    HM_BUF_AUTO there = {.limit = FILE_MAX};
    HM_FREE char *path = cer_path(o, name);
    char hex[HM_SHA256_HEX];
    if (path == NULL)
        return hm_fail(why, HM_E_MEMORY, "%s: path too long", name);
    struct hm_digest d = hm_sha256(data);
    hm_digest_hex(&d, hex);
    enum hm_err err = hm_file_read(path, FILE_MAX, &there, NULL);
    bool same = err == HM_OK && hm_bytes_eq(hm_buf_bytes(&there), data);
    if (err != HM_E_NOT_FOUND && !same && !o->force)
        return hm_fail(why, HM_E_CONFLICT,
                       "%s: exists already with other content; move it away, or use --force", path);
    err = same ? HM_OK : hm_file_write_atomic(path, data, 0644, why);
    if (err != HM_OK)
        return err;
    cer_say(o, "  %s %s  sha256:%s", same ? "kept " : "wrote", name, hex);
    cer_fact(o, "files", name, hex);
    return HM_OK;
}
