/* Check 8: the outcome log, one canonical JSON object per line. */
#include "device/hm_device_boot.h"
#include "device/hm_device_text_priv.h"

struct text {
    char *p;
    size_t len;
};

static void put(struct text *t, const char *s)
{
    for (; *s != '\0' && t->len < HMD_OUTCOME_MAX - 1; s++)
        t->p[t->len++] = *s;
}

static void put_number(struct text *t, uint64_t value)
{
    char digits[21];
    size_t n = sizeof digits - 1;
    digits[n] = '\0';
    do {
        digits[--n] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    put(t, digits + n);
}

static void put_hex(struct text *t, const uint8_t *data, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        const char two[3] = {hex[data[i] >> 4], hex[data[i] & 15], '\0'};
        put(t, two);
    }
}

size_t hmd_outcome_format(const struct hmd_outcome *o, char out[HMD_OUTCOME_MAX])
{
    struct text t = {out, 0};
    put(&t, "{");
    if (o->digest != NULL) {
        put(&t, "\"manifest\":\"");
        put_hex(&t, o->digest, HMD_DIGEST_LEN);
        put(&t, "\",");
    }
    put(&t, "\"reason\":\"");
    put(&t, hmd_reason_name(o->reason));
    put(&t, "\",\"reason_code\":");
    put_number(&t, (uint64_t)(unsigned)o->reason);
    put(&t, ",\"sequence\":");
    put_number(&t, o->sequence);
    put(&t, ",\"step\":\"");
    put(&t, o->step);
    put(&t, "\",\"suit_report_reason\":");
    put_number(&t, (uint64_t)hmd_reason_suit(o->reason));
    if (o->time_s != 0) {
        put(&t, ",\"time_s\":");
        put_number(&t, o->time_s);
    }
    put(&t, "}\n");
    return t.len;
}

enum hmd_reason hmd_outcome_append(const struct hmd_storage *storage, const struct hmd_outcome *o)
{
    char line[HMD_OUTCOME_MAX];
    size_t len = hmd_outcome_format(o, line);
    return storage->outcome(storage->ctx, line, len) ? HMD_OK : HMD_STORAGE_FAILED;
}
