/* hallmark-device install and verify: the same checks, with and without writing. */
#include "device/tool/hm_device_tool_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_LEN 4096
#define PIECE ((size_t)64 * 1024) /* bytes read from the payload at a time */

/* A release on its way in. */
struct incoming {
    char envelope_path[PATH_LEN];
    char proof_path[PATH_LEN];
    const char *bundle; /* directory, or NULL */
    uint8_t envelope[HMD_ENVELOPE_MAX];
    uint8_t proof[HMD_PROOF_MAX];
    uint8_t piece[PIECE];
    size_t envelope_len;
    size_t proof_len;
    struct hmd_work work;
    struct hmd_state state;
    struct hmd_release release;
    struct hmd_install install;
    struct hmd_payload payload;
};

/* Where a file goes. */
struct room {
    uint8_t *data;
    size_t cap;
    size_t *len;
};

static enum tool_exit find_files(const struct tool_args *a, struct incoming *in)
{
    struct stat st;
    if (a->path_count == 0)
        return tool_error(a->json, TOOL_USAGE, "expected BUNDLE_DIR, or ENVELOPE PROOF PAYLOAD...");
    if (a->path_count == 1 && stat(a->path[0], &st) == 0 && S_ISDIR(st.st_mode)) {
        in->bundle = a->path[0];
        (void)snprintf(in->envelope_path, PATH_LEN, "%s/manifest.suit", in->bundle);
        (void)snprintf(in->proof_path, PATH_LEN, "%s/release.tlog-proof", in->bundle);
        return TOOL_OK;
    }
    if (a->path_count < 3)
        return tool_error(a->json, TOOL_USAGE,
                          "expected a bundle directory, or ENVELOPE PROOF PAYLOAD...");
    (void)snprintf(in->envelope_path, PATH_LEN, "%s", a->path[0]);
    (void)snprintf(in->proof_path, PATH_LEN, "%s", a->path[1]);
    return TOOL_OK;
}

/* Refuses before there is a manifest to speak of. */
static enum tool_exit refuse_early(struct tool_device *d, bool write, enum hmd_reason reason)
{
    if (write)
        tool_outcome(d, "install", reason, 0, NULL);
    return tool_refused(d->json, write ? "install" : "verify", reason, NULL);
}

/* Reads a file; one that is too large is a refusal with a name, not an I/O error. */
static enum tool_exit read_file(struct tool_device *d, bool write, const char *path,
                                enum hmd_reason too_large, struct room room)
{
    if (hmd_linux_read(AT_FDCWD, path, room.data, room.cap, room.len))
        return TOOL_OK;
    return errno == EFBIG ? refuse_early(d, write, too_large)
                          : tool_error(d->json, TOOL_IO, "%s: %s", path, strerror(errno));
}

static bool plain_name(struct hmd_bytes uri, const char **name, char out[HMD_NAME_MAX + 1])
{
    size_t start = 0;
    for (size_t i = 0; i < uri.len; i++)
        if (uri.p[i] == '/')
            start = i + 1;
    size_t len = uri.len - start;
    if (len == 0 || len > HMD_NAME_MAX || uri.p[start] == '.')
        return false;
    for (size_t i = 0; i < len; i++)
        if (uri.p[start + i] <= ' ' || uri.p[start + i] > '~')
            return false;
    memcpy(out, uri.p + start, len);
    out[len] = '\0';
    *name = out;
    return true;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* Which file holds the image for the slot: the one the manifest names, else the only one. */
static const char *payload_path(const struct tool_args *a, const struct incoming *in,
                                const struct hmd_image *image, char path[PATH_LEN])
{
    char name_text[HMD_NAME_MAX + 1];
    const char *name = NULL;
    (void)plain_name(image->uri, &name, name_text);
    if (in->bundle != NULL) {
        if (name != NULL && snprintf(path, PATH_LEN, "%s/%s", in->bundle, name) < PATH_LEN &&
            access(path, R_OK) == 0)
            return path;
        (void)snprintf(path, PATH_LEN, "%s/firmware.bin", in->bundle);
        return path;
    }
    for (unsigned i = 2; name != NULL && i < a->path_count; i++)
        if (strcmp(last_part(a->path[i]), name) == 0)
            return a->path[i];
    return a->path[2];
}

/* Takes one piece: into the slot, or only through the hash. */
static enum hmd_reason take(struct tool_device *d, struct incoming *in, bool write, size_t len)
{
    const struct hmd_bytes piece = {in->piece, len};
    return write ? hmd_install_write(&in->install, piece)
                 : hmd_payload_update(&d->crypto, &in->payload, piece);
}

static enum hmd_reason begin(struct tool_device *d, struct incoming *in, bool write)
{
    unsigned slot = hmd_state_target(&in->state);
    return write ? hmd_install_begin(&d->ports, &in->release, &in->install)
                 : hmd_payload_begin(&d->crypto, &in->release.manifest.image[slot], &in->payload);
}

/* Streams the file. *io is set where reading it failed. */
static enum hmd_reason stream(struct tool_device *d, struct incoming *in, int fd, bool write,
                              bool *io)
{
    enum hmd_reason reason = begin(d, in, write);
    while (reason == HMD_OK) {
        ssize_t n = read(fd, in->piece, PIECE);
        if (n < 0 && errno == EINTR)
            continue;
        *io = n < 0;
        if (n <= 0)
            break;
        reason = take(d, in, write, (size_t)n);
    }
    if (reason != HMD_OK || *io)
        return reason;
    return write ? hmd_install_end(&in->install) : hmd_payload_end(&d->crypto, &in->payload);
}

static void report(const struct tool_device *d, const struct incoming *in, bool write)
{
    const struct hmd_release *r = &in->release;
    char version[HMD_NAME_MAX + 1];
    char slot[2] = {(char)('a' + (int)hmd_state_target(&in->state)), '\0'};
    struct tool_out o;
    (void)snprintf(version, sizeof version, "%.*s", (int)r->version.len,
                   (const char *)r->version.p);
    tool_begin(&o, d->json,
               write ? "Installed: boot to try it" : "Verified: this device would install it");
    tool_flag(&o, NULL, "ok", true);
    tool_text(&o, NULL, "step", write ? "install" : "verify");
    tool_text(&o, NULL, "reason", hmd_reason_name(HMD_OK));
    tool_text(&o, "version:", "version", version);
    tool_number(&o, "sequence:", "sequence", r->manifest.sequence);
    tool_hex(&o, "manifest:", "manifest", r->manifest.digest, HMD_DIGEST_LEN);
    tool_number(&o, "bytes:", "bytes", r->manifest.image[hmd_state_target(&in->state)].size);
    tool_text(&o, "slot:", "slot", slot);
    tool_number(&o, "keys that signed:", "signers", r->manifest.signer_count);
    tool_number(&o, "log record:", "record_index", r->record_index);
    tool_number(&o, "log size:", "log_size", r->log_size);
    tool_witnesses(&o, &d->store);
    if (d->store.quorum > 0) {
        tool_number(&o, "cosigned by:", "cosigned", r->witnesses);
        tool_time(&o, "cosigned at:", "cosigned_time_s", r->witness_time_s);
    }
    tool_end(&o);
}

/* From the verdict to the payload; everything is in memory, nothing is written yet. */
static enum tool_exit bring_in(const struct tool_args *a, struct tool_device *d,
                               struct incoming *in, bool write, enum hmd_reason *reason)
{
    struct hmd_facts facts;
    char path_text[PATH_LEN];
    bool io = false;
    hmd_state_facts(&in->state, &facts);
    *reason =
        hmd_verify_release(&d->crypto, &d->store, &d->identity.ids, &facts,
                           (struct hmd_bytes){in->envelope, in->envelope_len},
                           (struct hmd_bytes){in->proof, in->proof_len}, &in->work, &in->release);
    if (*reason != HMD_OK)
        return TOOL_REFUSED;
    const struct hmd_image *image = &in->release.manifest.image[hmd_state_target(&in->state)];
    const char *path = payload_path(a, in, image, path_text);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return tool_error(a->json, TOOL_IO, "%s: %s", path, strerror(errno));
    /* Hashed once before: a wrong file must not cost the inactive slot. A pipe is read only once.
     */
    if (write && lseek(fd, 0, SEEK_CUR) == 0) {
        *reason = stream(d, in, fd, false, &io);
        io = io || lseek(fd, 0, SEEK_SET) != 0;
    }
    if (*reason == HMD_OK && !io)
        *reason = stream(d, in, fd, write, &io);
    (void)close(fd);
    if (io)
        return tool_error(a->json, TOOL_IO, "%s: reading it failed", path);
    return *reason == HMD_OK ? TOOL_OK : TOOL_REFUSED;
}

static enum tool_exit run(const struct tool_args *a, struct tool_device *d, struct incoming *in,
                          bool write)
{
    const char *step = write ? "install" : "verify";
    enum hmd_reason reason = HMD_NOT_CHECKED;
    enum tool_exit code = find_files(a, in);
    if (code == TOOL_OK)
        code = read_file(d, write, in->envelope_path, HMD_ENVELOPE_TOO_LARGE,
                         (struct room){in->envelope, sizeof in->envelope, &in->envelope_len});
    if (code == TOOL_OK)
        code = read_file(d, write, in->proof_path, HMD_PROOF_MALFORMED,
                         (struct room){in->proof, sizeof in->proof, &in->proof_len});
    if (code != TOOL_OK)
        return code;
    reason = hmd_state_load(&d->ports, &in->state);
    if (reason != HMD_OK)
        return refuse_early(d, write, reason);
    code = bring_in(a, d, in, write, &reason);
    if (code == TOOL_IO)
        return code;
    if (write)
        tool_outcome(d, step, reason, in->release.manifest.sequence, in->release.manifest.digest);
    if (code != TOOL_OK)
        return tool_refused(a->json, step, reason, &in->release.manifest);
    report(d, in, write);
    return TOOL_OK;
}

static enum tool_exit install_or_verify(const struct tool_args *args, bool write)
{
    struct tool_device d;
    struct incoming *in = calloc(1, sizeof *in);
    if (in == NULL)
        return tool_error(args->json, TOOL_IO, "out of memory");
    enum tool_exit code = tool_device_open(args, &d);
    if (code == TOOL_OK)
        code = run(args, &d, in, write);
    tool_device_close(&d);
    free(in);
    return code;
}

enum tool_exit tool_cmd_install(const struct tool_args *args)
{
    return install_or_verify(args, true);
}

enum tool_exit tool_cmd_verify(const struct tool_args *args)
{
    return install_or_verify(args, false);
}
