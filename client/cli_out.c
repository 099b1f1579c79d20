#include "client/cli_out.h"

#include "schema/io/hm_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum hm_err fail(struct hm_why *why, const char *path, const char *what)
{
    return cli_local(hm_fail_errno(why, errno, "%.300s: %s", path, what));
}

/* /dev/stdout, or the file that stdout goes to: opened once more it would be written over by what
 * else is shown there. */
static bool is_stdout(const struct stat *st)
{
    struct stat out;
    return fstat(STDOUT_FILENO, &out) == 0 && out.st_dev == st->st_dev && out.st_ino == st->st_ino;
}

/* The name of the file that is replaced: behind links, so that they stay. */
static enum hm_err find_file(const char *path, bool there, struct cli_out *o, struct hm_why *why)
{
    HM_FREE char *real = there ? realpath(path, NULL) : strdup(path);
    if (real == NULL)
        return fail(why, path, "cannot be followed");
    if (snprintf(o->file, sizeof o->file, "%s", real) >= (int)sizeof o->file)
        return hm_fail(why, HM_E_IO, "%.300s: path too long", path);
    return HM_OK;
}

enum hm_err cli_out_open(const char *path, struct cli_out *out, struct hm_why *why)
{
    struct cli_out o = {.stream = NULL};
    struct stat st;
    struct stat link;
    enum hm_err err = HM_OK;
    bool there = path != NULL && stat(path, &st) == 0;
    if (path != NULL && !there && lstat(path, &link) == 0) /* a link, to nothing or to itself */
        return fail(why, path, "cannot be followed");
    if (path == NULL || (there && is_stdout(&st)))
        o.stream = stdout;
    else if (there && !S_ISREG(st.st_mode))
        err = (o.stream = fopen(path, "we")) != NULL ? HM_OK : fail(why, path, "cannot open");
    else
        err = find_file(path, there, &o, why);
    if (err == HM_OK)
        *out = o;
    return err;
}

/* What did not get out is told of with the first error. */
static enum hm_err put(FILE *stream, const char *name, struct hm_bytes data, struct hm_why *why)
{
    enum hm_err err = HM_OK;
    if (data.len > 0 && fwrite(data.data, 1, data.len, stream) != data.len)
        err = fail(why, name, "cannot write");
    if ((stream == stdout ? fflush(stream) : fclose(stream)) != 0 && err == HM_OK)
        err = fail(why, name, "cannot write");
    return err;
}

enum hm_err cli_write(const char *path, struct hm_bytes data, struct hm_why *why)
{
    struct cli_out o = {.stream = NULL};
    enum hm_err err = cli_out_open(path, &o, why);
    if (err != HM_OK)
        return err;
    return o.stream != NULL ? put(o.stream, path != NULL ? path : "stdout", data, why)
                            : cli_local(hm_file_write_atomic(o.file, data, 0644, why));
}
