#include "server/ipc/proc_config.h"

#include "schema/core/hm_limits.h"
#include "schema/io/hm_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What a person has to put right, and no restart does. */
static bool is_of_path(int e)
{
    return e == ENOENT || e == ENOTDIR || e == EACCES || e == EPERM || e == ELOOP ||
           e == ENAMETOOLONG;
}

static enum hm_err read_text(const char *path, struct hm_buf *out, struct hm_why *why)
{
    struct stat st;
    HM_FD_AUTO fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        int e = errno;
        enum hm_err err = hm_fail_errno(why, e, "%s: cannot open", path);
        return is_of_path(e) ? HM_E_CONFIG : err;
    }
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        return hm_fail(why, HM_E_CONFIG, "%s: a folder, expected a file", path);
    enum hm_err err = hm_fd_read(fd, path, HM_CONFIG_MAX, out, why);
    return err == HM_E_LIMIT ? HM_E_CONFIG : err;
}

enum hm_err proc_config_open(const char *path, struct proc_config *c, struct hm_why *why)
{
    memset(c, 0, sizeof *c);
    c->why = why;
    c->path = strdup(path);
    if (c->path == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    enum hm_err err = read_text(path, &c->text, why);
    if (err == HM_OK) {
        err = hm_json_parse(hm_buf_bytes(&c->text), HM_JSON_OURS(HM_CONFIG_MAX), &c->doc, why);
        if (err != HM_OK)
            err = hm_fail_in(why, HM_E_CONFIG, "%s", path);
    }
    if (err != HM_OK) {
        proc_config_close(c);
        return err;
    }
    hm_json_begin(&c->in, c->doc, "$", why);
    return HM_OK;
}

char *proc_config_resolve(const struct proc_config *c, const char *value)
{
    const char *slash = strrchr(c->path, '/');
    HM_BUF_AUTO b = {.limit = 4096};
    if (value[0] != '/' && slash != NULL)
        hm_buf_put(&b, c->path, (size_t)(slash - c->path) + 1);
    hm_buf_puts(&b, value);
    const char *text = hm_buf_str(&b);
    return text != NULL ? strdup(text) : NULL;
}

char *proc_config_path(struct proc_config *c, const char *member)
{
    const char *v = hm_json_str(&c->in, member);
    if (v == NULL)
        return NULL;
    if (v[0] == '\0') {
        hm_json_bad(&c->in, HM_E_CONFIG, member, "expected a path, found an empty text");
        return NULL;
    }
    char *out = proc_config_resolve(c, v);
    if (out == NULL)
        hm_json_bad(&c->in, HM_E_LIMIT, member, "expected a path of at most 4096 bytes");
    return out;
}

char *proc_config_path_or_null(struct proc_config *c, const char *member)
{
    return hm_json_has(&c->in, member) ? proc_config_path(c, member) : NULL;
}

enum hm_err proc_config_end(struct proc_config *c)
{
    enum hm_err err = hm_json_end(&c->in);
    if (err == HM_OK)
        return HM_OK;
    hm_json_locate(c->why, c->path, hm_buf_bytes(&c->text));
    return HM_E_CONFIG;
}

void proc_config_close(struct proc_config *c)
{
    if (c == NULL)
        return;
    json_decref(c->doc);
    hm_buf_free(&c->text);
    free(c->path);
    memset(c, 0, sizeof *c);
}
