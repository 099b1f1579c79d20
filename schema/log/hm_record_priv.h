/* The table of record members that writer and reader share: name, kind and place in struct
 * hm_record. */
#ifndef SCHEMA_LOG_HM_RECORD_PRIV_H
#define SCHEMA_LOG_HM_RECORD_PRIV_H

#include "schema/log/hm_record.h"

#define HM_RECORD_VERSION 1
#define HM_RECORD_UINT_MAX HM_NUMBER_MAX
#define HM_RECORD_NO_FLAG ((size_t)-1)

enum hm_member_kind {
    HM_MEMBER_VERSION, /* the number 1 */
    HM_MEMBER_UINT,    /* with a flag or always there */
    HM_MEMBER_COUNTER, /* 0 = absent */
    HM_MEMBER_RELEASE, /* "r17" */
    HM_MEMBER_NAME,    /* hm_name_ok, at most `max` bytes; "" = absent */
    HM_MEMBER_REQ,     /* 32 hex digits; "" = absent */
    HM_MEMBER_EVENT,
    HM_MEMBER_STATE,   /* NONE = absent */
    HM_MEMBER_DIGEST,  /* with a flag or always there */
    HM_MEMBER_DIGESTS, /* array of at most `max`; `flag` is the place of its size_t count, 0 =
                          absent */
    HM_MEMBER_KEYS,    /* the same */
};

struct hm_member {
    const char *name;
    size_t name_len;
    enum hm_member_kind kind;
    size_t at;   /* offset of the value in struct hm_record */
    size_t flag; /* offset of its bool (or count), or HM_RECORD_NO_FLAG */
    size_t max;
    bool required;
};

/* Ascending by name, as canonical form has them. */
#define HM_RECORD_MEMBERS 35
extern const struct hm_member hm_record_members[HM_RECORD_MEMBERS];

/* Printable ASCII without `"` and `\`, so that no text of a record ever needs an escape. */
bool hm_record_text_ok(const char *text, size_t max);
/* The size limit of a record of this event. */
size_t hm_record_limit(enum hm_event event);

#endif
