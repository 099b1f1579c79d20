/* Dotted versions, compared as numbers: 2.10 is later than 2.9, and 2.1.0-rc1 earlier than 2.1.0.
 */
#include "device/hm_device_text_priv.h"
#include "device/hm_device_verify.h"

#define PART_DIGITS_MAX 9

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool read_part(struct hmd_bytes *rest, int64_t *value)
{
    size_t n = 0;
    int64_t v = 0;
    while (n < rest->len && is_digit(rest->p[n])) {
        v = v * 10 + (rest->p[n] - '0');
        if (++n > PART_DIGITS_MAX)
            return false;
    }
    *rest = (struct hmd_bytes){rest->p + n, rest->len - n};
    *value = v;
    return n > 0;
}

/* "-rc1" and the like: one negative part (-1 rc, -2 beta, -3 alpha, -4 others, as
 * draft-ietf-suit-update-management maps them), then the number. */
static bool read_suffix(struct hmd_bytes rest, struct hmd_version *v)
{
    int64_t kind = hmd_prefix(&rest, "rc")      ? -1
                   : hmd_prefix(&rest, "beta")  ? -2
                   : hmd_prefix(&rest, "alpha") ? -3
                                                : -4;
    while (kind == -4 && rest.len > 0 && !is_digit(rest.p[0]))
        rest = (struct hmd_bytes){rest.p + 1, rest.len - 1};
    if (v->count >= HMD_VERSION_PARTS - 1)
        return false;
    v->part[v->count++] = kind;
    if (rest.len > 0 && (rest.p[0] == '.' || rest.p[0] == '-'))
        rest = (struct hmd_bytes){rest.p + 1, rest.len - 1};
    if (rest.len > 0 && is_digit(rest.p[0]))
        return read_part(&rest, &v->part[v->count++]);
    return true;
}

bool hmd_version_parse(struct hmd_bytes text, struct hmd_version *out)
{
    struct hmd_version v = {0, {0}};
    struct hmd_bytes rest = text;
    do {
        if (v.count == HMD_VERSION_PARTS || !read_part(&rest, &v.part[v.count]))
            return false;
        v.count++;
    } while (hmd_prefix(&rest, "."));
    if (hmd_prefix(&rest, "-") && !read_suffix(rest, &v))
        return false;
    *out = v;
    return true;
}

int hmd_version_compare(const struct hmd_version *a, const struct hmd_version *b)
{
    for (unsigned i = 0; i < HMD_VERSION_PARTS; i++) {
        int64_t x = i < a->count ? a->part[i] : 0;
        int64_t y = i < b->count ? b->part[i] : 0;
        if (x != y)
            return x < y ? -1 : 1;
    }
    return 0;
}
