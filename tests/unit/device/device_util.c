/* Shared by the device's tests. */
#include "tests/unit/device/device_util.h"

#define PATH_LEN 4096

const char *fixture_dir(void)
{
    const char *dir = getenv("HALLMARK_DEVICE_FIXTURES");
    return dir != NULL ? dir : "fixtures";
}

struct file read_path(const char *path)
{
    struct file f = {NULL, 0};
    FILE *in = fopen(path, "rb");
    if (in == NULL)
        return f;
    (void)fseek(in, 0, SEEK_END);
    long len = ftell(in);
    (void)fseek(in, 0, SEEK_SET);
    f.data = malloc(len > 0 ? (size_t)len : 1);
    if (f.data != NULL && len >= 0)
        f.len = fread(f.data, 1, (size_t)len, in);
    (void)fclose(in);
    return f;
}

struct file read_fixture(const char *folder, const char *name)
{
    char path[PATH_LEN];
    (void)snprintf(path, sizeof path, "%s/%s/%s", fixture_dir(), folder, name);
    struct file f = read_path(path);
    if (f.data == NULL)
        fail_msg("cannot read %s", path);
    return f;
}

struct file read_vector(const char *name)
{
    char path[PATH_LEN];
    const char *source = getenv("HALLMARK_SOURCE");
    (void)snprintf(path, sizeof path, "%s/../shared/vectors/%s", source != NULL ? source : ".",
                   name);
    return read_path(path);
}

struct hmd_bytes bytes_of(const struct file *f)
{
    return (struct hmd_bytes){f->data, f->len};
}

bool from_hex(const char *hex, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned byte;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            fail_msg("not hex: %s", hex);
        out[i] = (uint8_t)byte;
    }
    return true;
}
