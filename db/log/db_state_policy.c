/* Where in the log each policy was activated: named values "policy:<base64 of the digest>", each
 * the record's index in 8 bytes, big-endian. */
#include "db/log/db_state.h"

#include "schema/core/hm_text.h"

#include <stdio.h>

#define NAME_SIZE 64

static void name_of(const struct hm_digest *policy, char out[static NAME_SIZE])
{
    HM_BUF_AUTO text = {.limit = NAME_SIZE};
    hm_base64(&text, hm_bytes_of(policy->b, sizeof policy->b));
    const char *name = hm_buf_str(&text);
    (void)snprintf(out, NAME_SIZE, "policy:%s", name != NULL ? name : "");
}

enum hm_err db_state_policy_put(struct db_log *log, const struct hm_digest *policy, uint64_t record,
                                struct hm_why *why)
{
    char name[NAME_SIZE];
    uint8_t value[8];
    name_of(policy, name);
    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (uint8_t)(record >> (56 - 8 * i));
    return db_state_meta_put(log, name, hm_bytes_of(value, sizeof value), why);
}

enum hm_err db_reader_policy(struct db_reader *r, const struct hm_digest *policy, uint64_t *record,
                             struct hm_why *why)
{
    char name[NAME_SIZE];
    HM_BUF_AUTO value = {.limit = 8};
    uint64_t found = 0;
    name_of(policy, name);
    enum hm_err err = db_reader_meta(r, name, &value, why);
    if (err != HM_OK)
        return err;
    if (value.len != 8)
        return hm_fail(why, HM_E_HISTORY, "the value %s is damaged", name);
    for (size_t i = 0; i < value.len; i++)
        found = found << 8 | value.data[i];
    *record = found;
    return HM_OK;
}
