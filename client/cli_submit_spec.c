/* What options of submit are made of: files with names and slots, hardware, dependencies. */
#include "client/cli_submit.h"

#include "schema/core/hm_text.h"
#include "schema/io/hm_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum hm_err cli_hash_file(const char *path, struct hm_digest *digest, uint64_t *size,
                          struct hm_why *why)
{
    static const size_t chunk = (size_t)256 * 1024;
    HM_FREE uint8_t *buf = malloc(chunk);
    HM_FD_AUTO fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;
    uint64_t total = 0;
    if (fd < 0 || fstat(fd, &st) != 0) {
        (void)hm_fail_errno(why, errno, "%.300s: cannot open", path);
        return HM_E_IO;
    }
    if (!S_ISREG(st.st_mode) || buf == NULL)
        return hm_fail(why, HM_E_IO, "%.300s: expected a regular file", path);
    struct hm_sha256_ctx *ctx = hm_sha256_new();
    ssize_t n;
    while ((n = read(fd, buf, chunk)) > 0 && total <= HM_ARTIFACT_MAX) {
        hm_sha256_add(ctx, buf, (size_t)n);
        total += (uint64_t)n;
    }
    *digest = hm_sha256_end(ctx);
    hm_sha256_free(ctx);
    if (n < 0)
        return hm_fail_errno(why, errno, "%.300s: cannot read", path);
    if (total == 0 || total > HM_ARTIFACT_MAX)
        return hm_fail(why, HM_E_CONFIG, "%.300s: expected 1 to %llu bytes", path, HM_ARTIFACT_MAX);
    *size = total;
    return HM_OK;
}

/* Copies the part of a spec before `separator` (or all of it) and returns what follows, or NULL. */
static const char *part(const char *spec, char separator, char *out, size_t size)
{
    const char *end = strchr(spec, separator);
    size_t len = end != NULL ? (size_t)(end - spec) : strlen(spec);
    if (len >= size)
        len = size - 1; /* too long for a name: the check that follows refuses it */
    memcpy(out, spec, len);
    out[len] = '\0';
    return end != NULL ? end + 1 : NULL;
}

enum hm_err cli_artifact_spec(const char *spec, struct hm_artifact *out, char **path,
                              struct hm_why *why)
{
    struct hm_artifact a = {.slot = -1};
    char file[CLI_PATH_MAX], name[HM_NAME_MAX + 2];
    uint64_t slot = 0;
    const char *rest = part(spec, ':', file, sizeof file);
    const char *slash = strrchr(file, '/');
    const char *slot_text = NULL;
    if (rest != NULL && rest[0] != '\0' && rest[0] != ':')
        slot_text = part(rest, ':', name, sizeof name);
    else
        (void)part(slash != NULL ? slash + 1 : file, '\0', name, sizeof name);
    if (rest != NULL && rest[0] == ':')
        slot_text = rest + 1;
    if (!hm_name_ok(name))
        return hm_fail(
            why, HM_E_CONFIG,
            "--artifact: '%.80s': expected a name of 1 to 64 of A-Z a-z 0-9 . _ + -, give "
            "one as FILE:NAME",
            name);
    if (slot_text != NULL && hm_decimal(hm_bytes_str(slot_text), 1, &slot) != HM_OK)
        return hm_fail(why, HM_E_CONFIG, "--artifact: '%.80s': expected slot 0 or 1", slot_text);
    (void)snprintf(a.name, sizeof a.name, "%.*s", HM_NAME_MAX, name);
    (void)snprintf(a.uri, sizeof a.uri, "%s", a.name);
    if (slot_text != NULL)
        a.slot = (int)slot;
    enum hm_err err = cli_hash_file(file, &a.digest, &a.size, why);
    if (err != HM_OK)
        return err;
    char *copy = strdup(file);
    if (copy == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    *path = copy;
    *out = a;
    return HM_OK;
}

enum hm_err cli_hardware_spec(const char *spec, struct hm_hardware *out, struct hm_why *why)
{
    char model[HM_NAME_MAX + 2], revision[HM_NAME_MAX + 2];
    const char *rest = part(spec, '/', model, sizeof model);
    if (rest != NULL)
        (void)part(rest, '\0', revision, sizeof revision);
    if (rest == NULL || !hm_name_ok(model) || !hm_name_ok(revision))
        return hm_fail(why, HM_E_CONFIG, "--hardware: '%.140s': expected MODEL/REVISION", spec);
    (void)snprintf(out->model, sizeof out->model, "%.*s", HM_NAME_MAX, model);
    (void)snprintf(out->revision, sizeof out->revision, "%.*s", HM_NAME_MAX, revision);
    return HM_OK;
}

enum hm_err cli_numbers_spec(const char *spec, uint32_t out[static 4], size_t *count)
{
    size_t n = strlen(spec);
    if (n == 0 || strspn(spec, "0123456789.") != n || strstr(spec, "..") != NULL ||
        spec[n - 1] == '.')
        return HM_E_CONFIG;
    return hm_version_numbers(spec, out, count) == HM_OK ? HM_OK : HM_E_CONFIG;
}

enum hm_err cli_dependency_spec(const char *spec, struct hm_dependency *out, struct hm_why *why)
{
    char product[HM_NAME_MAX + 2], version[HM_NAME_MAX + 2];
    const char *rest = part(spec, ':', product, sizeof product);
    if (rest != NULL)
        (void)part(rest, '\0', version, sizeof version);
    if (rest == NULL || !hm_name_ok(product) || !hm_name_ok(version))
        return hm_fail(why, HM_E_CONFIG, "--dependency: '%.140s': expected PRODUCT:VERSION", spec);
    (void)snprintf(out->product, sizeof out->product, "%.*s", HM_NAME_MAX, product);
    (void)snprintf(out->version, sizeof out->version, "%.*s", HM_NAME_MAX, version);
    return HM_OK;
}
