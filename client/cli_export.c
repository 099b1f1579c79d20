#include "client/cli_export.h"

#include "client/cli_csv.h"
#include "schema/io/hm_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROW_BYTES ((size_t)4 * HM_RECORD_MAX)

static enum hm_err fail_io(struct hm_why *why)
{
    return hm_fail_errno(why, errno, "cannot write the export");
}

/* ---- the file ---- */

static enum hm_err open_partial(struct cli_export *e, bool resume, struct hm_why *why)
{
    if (snprintf(e->partial, sizeof e->partial, "%s.partial", e->to.file) >= (int)sizeof e->partial)
        return hm_fail(why, HM_E_CONFIG, "--out: path too long");
    int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (resume ? 0 : O_CREAT);
    HM_FD_AUTO fd = open(e->partial, flags, 0600);
    if (fd < 0 && resume && errno == ENOENT)
        return hm_fail(why, HM_E_CONFIG, "%.300s: there is nothing to resume", e->partial);
    if (fd < 0)
        return cli_local(hm_fail_errno(why, errno, "%.300s: cannot open", e->partial));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return hm_fail(why, HM_E_IO, "%.300s: another export writes it", e->partial);
    if (!resume && ftruncate(fd, 0) != 0)
        return fail_io(why);
    e->out = fdopen(fd, "r+");
    if (e->out == NULL)
        return fail_io(why);
    fd = -1;
    return HM_OK;
}

/* Where the last whole line of a file of this size begins and ends; false where there is none. */
static bool last_line(const uint8_t *tail, size_t len, size_t *from, size_t *to)
{
    const uint8_t *end = len > 0 ? memrchr(tail, '\n', len) : NULL;
    if (end == NULL)
        return false;
    *to = (size_t)(end - tail);
    const uint8_t *before = *to > 0 ? memrchr(tail, '\n', *to) : NULL;
    *from = before != NULL ? (size_t)(before - tail) + 1 : 0;
    return true;
}

/* Cuts what is no whole line, and stands behind the last record. */
static enum hm_err find_place(struct cli_export *e, uint64_t *next, struct hm_why *why)
{
    HM_FREE uint8_t *tail = malloc(2 * (HM_RECORD_MAX + 1));
    struct hm_record r;
    struct stat st;
    size_t from;
    size_t to;
    if (tail == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    if (fstat(fileno(e->out), &st) != 0)
        return fail_io(why);
    size_t size = (size_t)st.st_size;
    size_t len = size < 2 * (HM_RECORD_MAX + 1) ? size : 2 * (HM_RECORD_MAX + 1);
    if (pread(fileno(e->out), tail, len, (off_t)(size - len)) != (ssize_t)len)
        return hm_fail(why, HM_E_IO, "%.300s: cannot read", e->partial);
    *next = 0;
    off_t keep = 0;
    if (last_line(tail, len, &from, &to)) {
        if (hm_record_parse(hm_bytes_of(tail + from, to - from), &r, why) != HM_OK)
            return hm_fail(why, HM_E_CONFIG,
                           "%.300s: its last line is no record; remove it and begin again",
                           e->partial);
        *next = r.idx + 1;
        keep = (off_t)(size - len + to + 1);
    }
    if (ftruncate(fileno(e->out), keep) != 0 || fseeko(e->out, keep, SEEK_SET) != 0)
        return fail_io(why);
    e->appended = *next > 0;
    return HM_OK;
}

/* What is no file gets the rows as they come, like stdout. */
static enum hm_err open_out(struct cli_export *e, bool resume, struct hm_why *why)
{
    enum hm_err err = cli_out_open(e->path, &e->to, why);
    if (err != HM_OK || e->to.stream == NULL)
        return err == HM_OK ? open_partial(e, resume, why) : err;
    if (resume)
        return hm_fail(why, HM_E_CONFIG, "--resume: %.300s is no file", e->path);
    e->out = e->to.stream;
    e->path = NULL;
    return HM_OK;
}

enum hm_err cli_export_begin(struct cli_export *e, bool resume, uint64_t *next, struct hm_why *why)
{
    *next = 0;
    e->row.limit = ROW_BYTES;
    enum hm_err err = open_out(e, resume, why);
    if (err == HM_OK && resume)
        err = find_place(e, next, why);
    if (err == HM_OK && e->proofs != NULL)
        err = cli_local(hm_dir_make(e->proofs, 0755, why));
    if (err != HM_OK || !e->csv)
        return err;
    cli_csv_header(&e->row);
    return fwrite(e->row.data, 1, e->row.len, e->out) == e->row.len ? HM_OK : fail_io(why);
}

/* ---- rows ---- */

static enum hm_err write_proof(struct cli_export *e, const struct cli_source_record *x,
                               struct hm_why *why)
{
    char path[CLI_PATH_MAX];
    CLI_RECORD_AUTO rec = {.leaf = {{0}}};
    if (snprintf(path, sizeof path, "%s/%" PRIu64 ".tlog-proof", e->proofs, x->r->idx) >=
        (int)sizeof path)
        return hm_fail(why, HM_E_CONFIG, "--proofs: path too long");
    enum hm_err err = cli_source_proof(e->source, x->r->idx, x->bytes, &rec);
    return err == HM_OK ? cli_write(path, hm_buf_bytes(&rec.text), why) : err;
}

enum hm_err cli_export_row(void *export, const struct cli_source_record *x, struct hm_why *why)
{
    struct cli_export *e = export;
    hm_buf_reset(&e->row);
    if (e->csv) {
        cli_csv_row(x->r, &x->leaf, &e->row);
    } else {
        hm_buf_put(&e->row, x->bytes.data, x->bytes.len);
        hm_buf_putc(&e->row, '\n');
    }
    enum hm_err err = hm_buf_err(&e->row);
    if (err == HM_OK && e->proofs != NULL)
        err = write_proof(e, x, why);
    if (err != HM_OK)
        return err;
    if (fwrite(e->row.data, 1, e->row.len, e->out) != e->row.len)
        return fail_io(why);
    e->rows++;
    e->last = x->r->idx;
    return HM_OK;
}

/* ---- the end ---- */

enum hm_err cli_export_sync(struct cli_export *e, struct hm_why *why)
{
    if (fflush(e->out) != 0 || ferror(e->out))
        return fail_io(why);
    if (e->path != NULL && (fchmod(fileno(e->out), 0644) != 0 || fsync(fileno(e->out)) != 0))
        return hm_fail_errno(why, errno, "%.300s: cannot sync", e->partial);
    return HM_OK;
}

enum hm_err cli_export_name(struct cli_export *e, struct hm_why *why)
{
    if (e->path != NULL && rename(e->partial, e->to.file) != 0)
        return cli_local(hm_fail_errno(why, errno, "%.300s: cannot rename", e->to.file));
    return HM_OK;
}

void cli_export_end(struct cli_export *e, bool keep)
{
    hm_buf_free(&e->row);
    if (e->path != NULL && e->out != NULL && !keep)
        (void)unlink(e->partial);
    if (e->out != NULL && e->out != stdout)
        (void)fclose(e->out);
    e->out = NULL;
}
