/* Who the device is: names, the ids computed from them (UUIDv5, RFC 9562 5.5), pinned root keys;
 * kept in identity.conf as "name value" lines. */
#include "device/tool/hm_device_tool_priv.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#define IDENTITY_FILE "identity.conf"
#define IDENTITY_HEAD "hallmark-device/v1"
#define IDENTITY_MAX 4096 /* bytes */
#define SPKI_MAX 256      /* bytes */

/* RFC 9562 6.6: the DNS name space */
static const uint8_t dns_space[HMD_ID_LEN] = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                              0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};

static bool uuid5(const uint8_t space[HMD_ID_LEN], const char *name, uint8_t out[HMD_ID_LEN])
{
    uint8_t input[HMD_ID_LEN + 4 * (HMD_NAME_MAX + 1) + TOOL_DOMAIN_MAX];
    uint8_t sha1[20];
    size_t len = strlen(name);
    if (len > sizeof input - HMD_ID_LEN)
        return false;
    memcpy(input, space, HMD_ID_LEN);
    memcpy(input + HMD_ID_LEN, name, len);
    if (EVP_Digest(input, HMD_ID_LEN + len, sha1, NULL, EVP_sha1(), NULL) != 1)
        return false;
    memcpy(out, sha1, HMD_ID_LEN);
    out[6] = (uint8_t)((out[6] & 0x0f) | 0x50);
    out[8] = (uint8_t)((out[8] & 0x3f) | 0x80);
    return true;
}

/* [A-Za-z0-9][A-Za-z0-9._+-]* as everywhere in the wire formats. */
static bool name_ok(const char *s, size_t max)
{
    static const char alnum[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t len = strlen(s);
    return len > 0 && len <= max && strchr(alnum, s[0]) != NULL &&
           strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-") == len;
}

bool tool_identity_compute(struct tool_identity *id, const char **what)
{
    char path[4 * (HMD_NAME_MAX + 1)];
    const struct {
        const char *value;
        size_t max;
        const char *what;
    } names[] = {{id->vendor_domain, TOOL_DOMAIN_MAX, "--vendor-domain"},
                 {id->product, HMD_NAME_MAX, "--product"},
                 {id->model, HMD_NAME_MAX, "--model"},
                 {id->revision, HMD_NAME_MAX, "--revision"},
                 {id->region, HMD_NAME_MAX, "--region"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        *what = names[i].what;
        if (!name_ok(names[i].value, names[i].max))
            return false;
    }
    (void)snprintf(path, sizeof path, "%s/%s/%s/%s", id->product, id->model, id->revision,
                   id->region);
    return uuid5(dns_space, id->vendor_domain, id->ids.vendor) &&
           uuid5(id->ids.vendor, path, id->ids.class_id);
}

bool tool_identity_save(const struct hmd_linux *files, const struct tool_identity *id)
{
    char text[IDENTITY_MAX];
    int n =
        snprintf(text, sizeof text,
                 IDENTITY_HEAD "\nvendor-domain %s\nproduct %s\nmodel %s\nrevision %s\nregion %s\n",
                 id->vendor_domain, id->product, id->model, id->revision, id->region);
    for (unsigned i = 0; i < id->pin_count; i++) {
        n += snprintf(text + n, sizeof text - (size_t)n, "root-key ");
        for (size_t k = 0; k < HM_KID_LEN; k++)
            n += snprintf(text + n, sizeof text - (size_t)n, "%02x", id->pins[i][k]);
        n += snprintf(text + n, sizeof text - (size_t)n, "\n");
    }
    if (id->root_threshold > 0)
        n += snprintf(text + n, sizeof text - (size_t)n, "root-threshold %u\n",
                      (unsigned)id->root_threshold);
    return hmd_linux_replace(files, IDENTITY_FILE, text, (size_t)n);
}

static bool hex_kid(const char *text, size_t digits, uint8_t kid[HM_KID_LEN])
{
    if (strlen(text) != digits || strspn(text, "0123456789abcdefABCDEF") != digits)
        return false;
    for (size_t i = 0; i < HM_KID_LEN; i++) {
        unsigned byte;
        if (sscanf(text + 2 * i, "%2x", &byte) != 1)
            return false;
        kid[i] = (uint8_t)byte;
    }
    return true;
}

/* One digit: a store has at most HMD_SIGNERS_MAX signatures. */
static bool take_threshold(struct tool_identity *id, const char *value)
{
    if (id->root_threshold != 0 || value[0] < '1' || value[0] > '8' || value[1] != '\0')
        return false;
    id->root_threshold = (uint64_t)(value[0] - '0');
    return true;
}

static bool take_line(struct tool_identity *id, const char *name, const char *value)
{
    struct {
        const char *name;
        char *field;
        size_t cap;
    } fields[] = {{"vendor-domain", id->vendor_domain, sizeof id->vendor_domain},
                  {"product", id->product, sizeof id->product},
                  {"model", id->model, sizeof id->model},
                  {"revision", id->revision, sizeof id->revision},
                  {"region", id->region, sizeof id->region}};
    if (strcmp(name, "root-key") == 0)
        return id->pin_count < TOOL_PINS_MAX &&
               hex_kid(value, 2 * (size_t)HM_KID_LEN, id->pins[id->pin_count++]);
    if (strcmp(name, "root-threshold") == 0)
        return take_threshold(id, value);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcmp(name, fields[i].name) != 0 || fields[i].field[0] != '\0')
            continue;
        return snprintf(fields[i].field, fields[i].cap, "%s", value) < (int)fields[i].cap;
    }
    return false;
}

bool tool_identity_load(const struct hmd_linux *files, struct tool_identity *out)
{
    char text[IDENTITY_MAX + 1];
    size_t len;
    char *rest = text;
    const char *what;
    if (!hmd_linux_read(files->dir, IDENTITY_FILE, (uint8_t *)text, IDENTITY_MAX, &len))
        return false;
    text[len] = '\0';
    memset(out, 0, sizeof *out);
    const char *line = strsep(&rest, "\n");
    if (line == NULL || strcmp(line, IDENTITY_HEAD) != 0)
        return false;
    while (rest != NULL && *rest != '\0') {
        char *value = strsep(&rest, "\n");
        const char *name = strsep(&value, " ");
        if (value == NULL || !take_line(out, name, value))
            return false;
    }
    return tool_identity_compute(out, &what);
}

static void free_key(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

/* kid = start of SHA-256 over the SubjectPublicKeyInfo with an uncompressed point. */
static bool kid_of(EVP_PKEY *key, uint8_t kid[HM_KID_LEN])
{
    uint8_t spki[SPKI_MAX];
    uint8_t digest[HMD_DIGEST_LEN];
    uint8_t *end = spki;
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
        EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                       OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) != 1)
        return false;
    int len = i2d_PUBKEY(key, NULL);
    if (len <= 0 || len > SPKI_MAX || i2d_PUBKEY(key, &end) != len ||
        EVP_Digest(spki, (size_t)len, digest, NULL, EVP_sha256(), NULL) != 1)
        return false;
    memcpy(kid, digest, HM_KID_LEN);
    return true;
}

bool tool_pin_read(const char *arg, uint8_t kid[HM_KID_LEN])
{
    if (hex_kid(arg, 2 * (size_t)HM_KID_LEN, kid) || hex_kid(arg, 2 * (size_t)HMD_DIGEST_LEN, kid))
        return true;
    FILE *f = fopen(arg, "re");
    if (f == NULL)
        return false;
    __attribute__((cleanup(free_key))) EVP_PKEY *key = PEM_read_PUBKEY(f, NULL, NULL, NULL);
    (void)fclose(f);
    return key != NULL && kid_of(key, kid);
}
