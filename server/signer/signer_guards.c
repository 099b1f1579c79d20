/* state_dir/guards-last: magic, u64be serial number, SHA-256 of the document, SHA-256 of all that.
 */
#include "server/signer/signer_guards.h"

#include "schema/io/hm_file.h"
#include "server/ipc/ipc_msg.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_LIMIT 4096
#define FILE_SIZE (8 + 8 + 2 * HM_SHA256_LEN)

static const char magic[8] = {'H', 'M', 'S', 'G', 'U', 'A', 'R', '1'};

struct last {
    uint64_t serial;
    struct hm_digest document;
};

static enum hm_err read_last(const char *path, struct last *out, struct hm_why *why)
{
    HM_BUF_AUTO b = {.limit = FILE_SIZE + 1};
    struct ipc_in in;
    enum hm_err err = hm_file_read(path, FILE_SIZE, &b, why);
    if (err != HM_OK)
        return err;
    size_t checked = FILE_SIZE - HM_SHA256_LEN;
    struct hm_digest sum = hm_sha256(hm_bytes_of(b.data, b.len < checked ? b.len : checked));
    if (b.len != FILE_SIZE || memcmp(b.data, magic, sizeof magic) != 0 ||
        memcmp(sum.b, b.data + checked, sizeof sum.b) != 0)
        return hm_fail(why, HM_E_MALFORMED, "%s: damaged: its checksum does not hold", path);
    ipc_in_begin(&in, hm_bytes_of(b.data + sizeof magic, checked - sizeof magic));
    out->serial = ipc_get_u64(&in);
    ipc_get_digest(&in, &out->document);
    return ipc_in_end(&in, why);
}

static enum hm_err write_last(const char *path, const struct last *l, struct hm_why *why)
{
    HM_BUF_AUTO b = {.limit = FILE_SIZE};
    hm_buf_put(&b, magic, sizeof magic);
    ipc_put_u64(&b, l->serial);
    ipc_put_digest(&b, &l->document);
    struct hm_digest sum = hm_sha256(hm_buf_bytes(&b));
    hm_buf_put(&b, sum.b, sizeof sum.b);
    return hm_buf_err(&b) == HM_OK ? hm_file_write_atomic(path, hm_buf_bytes(&b), 0600, why)
                                   : hm_buf_err(&b);
}

enum hm_err signer_guards_remember(const char *state_dir, const struct hm_guards *g,
                                   struct hm_bytes document, struct hm_why *why)
{
    char path[PATH_LIMIT];
    struct last now = {g->serial, hm_sha256(document)};
    struct last before = {.serial = 0};
    if (snprintf(path, sizeof path, "%s/guards-last", state_dir) >= PATH_LIMIT)
        return hm_fail(why, HM_E_LIMIT, "%s: path too long", state_dir);
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return write_last(path, &now, why);
    enum hm_err err = read_last(path, &before, why);
    if (err != HM_OK)
        return err;
    if (now.serial < before.serial)
        return hm_fail(why, HM_E_DENIED,
                       "the guards document has serial number %" PRIu64
                       ", this signer has served %" PRIu64,
                       now.serial, before.serial);
    bool same = hm_digest_eq(&now.document, &before.document);
    if (now.serial == before.serial && !same)
        return hm_fail(why, HM_E_DENIED,
                       "another guards document with serial number %" PRIu64
                       " than the one that this signer served",
                       now.serial);
    return same ? HM_OK : write_last(path, &now, why);
}
