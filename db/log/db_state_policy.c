/* Where in the log each policy was activated and each roster changed: named values
 * "policy:<base64 of the digest>" and "roster:<base64 of the key id>:<serial>", each the record's
 * index; "roster:<base64>" is the newest serial number; "guards" is the newest
 * guards.changed record. 8 bytes each, big-endian. */
#include "db/log/db_state.h"

#include "schema/core/hm_text.h"

#include <inttypes.h>
#include <stdio.h>

#define NAME_SIZE (HM_NAME_MAX + 1)

static void name_of(const char *kind, const struct hm_digest *d, uint64_t serial,
                    char out[static NAME_SIZE])
{
    HM_BUF_AUTO text = {.limit = NAME_SIZE};
    hm_base64(&text, hm_bytes_of(d->b, sizeof d->b));
    const char *name = hm_buf_str(&text);
    int n = snprintf(out, NAME_SIZE, "%s:%s", kind, name != NULL ? name : "");
    if (serial > 0)
        (void)snprintf(out + n, NAME_SIZE - (size_t)n, ":%" PRIu64, serial);
}

static enum hm_err put_number(struct db_log *log, const char *name, uint64_t number,
                              struct hm_why *why)
{
    uint8_t value[8];
    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (uint8_t)(number >> (56 - 8 * i));
    return db_state_meta_put(log, name, hm_bytes_of(value, sizeof value), why);
}

static enum hm_err number_of(const char *name, const struct hm_buf *value, uint64_t *out,
                             struct hm_why *why)
{
    uint64_t found = 0;
    if (value->len != 8)
        return hm_fail(why, HM_E_HISTORY, "the value %s is damaged", name);
    for (size_t i = 0; i < value->len; i++)
        found = found << 8 | value->data[i];
    *out = found;
    return HM_OK;
}

static enum hm_err read_number(struct db_reader *r, const char *name, uint64_t *out,
                               struct hm_why *why)
{
    HM_BUF_AUTO value = {.limit = 8};
    enum hm_err err = db_reader_meta(r, name, &value, why);
    return err == HM_OK ? number_of(name, &value, out, why) : err;
}

enum hm_err db_state_policy_put(struct db_log *log, const struct hm_digest *policy, uint64_t record,
                                struct hm_why *why)
{
    char name[NAME_SIZE];
    name_of("policy", policy, 0, name);
    return put_number(log, name, record, why);
}

enum hm_err db_reader_policy(struct db_reader *r, const struct hm_digest *policy, uint64_t *record,
                             struct hm_why *why)
{
    char name[NAME_SIZE];
    name_of("policy", policy, 0, name);
    return read_number(r, name, record, why);
}

enum hm_err db_state_roster_put(struct db_log *log, const struct hm_digest *key, uint64_t serial,
                                uint64_t record, struct hm_why *why)
{
    char name[NAME_SIZE];
    name_of("roster", key, serial, name);
    enum hm_err err = put_number(log, name, record, why);
    name_of("roster", key, 0, name);
    return err == HM_OK ? put_number(log, name, serial, why) : err;
}

enum hm_err db_state_roster_serial(struct db_log *log, const struct hm_digest *key,
                                   uint64_t *serial, struct hm_why *why)
{
    char name[NAME_SIZE];
    HM_BUF_AUTO value = {.limit = 8};
    name_of("roster", key, 0, name);
    enum hm_err err = db_state_meta_get(log, name, &value, why);
    if (err == HM_E_NOT_FOUND) {
        *serial = 0;
        return HM_OK;
    }
    return err == HM_OK ? number_of(name, &value, serial, why) : err;
}

enum hm_err db_reader_roster_serial(struct db_reader *r, const struct hm_digest *key,
                                    uint64_t *serial, struct hm_why *why)
{
    char name[NAME_SIZE];
    name_of("roster", key, 0, name);
    enum hm_err err = read_number(r, name, serial, why);
    if (err == HM_E_NOT_FOUND)
        *serial = 0;
    return err == HM_E_NOT_FOUND ? HM_OK : err;
}

enum hm_err db_reader_roster(struct db_reader *r, const struct hm_digest *key, uint64_t serial,
                             uint64_t *record, struct hm_why *why)
{
    char name[NAME_SIZE];
    name_of("roster", key, serial, name);
    return read_number(r, name, record, why);
}

enum hm_err db_state_guards_put(struct db_log *log, uint64_t record, struct hm_why *why)
{
    return put_number(log, "guards", record, why);
}

enum hm_err db_state_guards(struct db_log *log, uint64_t *record, struct hm_why *why)
{
    HM_BUF_AUTO value = {.limit = 8};
    enum hm_err err = db_state_meta_get(log, "guards", &value, why);
    if (err == HM_E_NOT_FOUND)
        *record = 0;
    return err == HM_OK ? number_of("guards", &value, record, why)
                        : (err == HM_E_NOT_FOUND ? HM_OK : err);
}

enum hm_err db_reader_guards(struct db_reader *r, uint64_t *record, struct hm_why *why)
{
    enum hm_err err = read_number(r, "guards", record, why);
    if (err == HM_E_NOT_FOUND)
        *record = 0;
    return err == HM_E_NOT_FOUND ? HM_OK : err;
}
