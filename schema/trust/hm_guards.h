/* Key guards (docs/formats/guards.md): which approver keys must have signed before a release key
 * signs. */
#ifndef SCHEMA_TRUST_HM_GUARDS_H
#define SCHEMA_TRUST_HM_GUARDS_H

#include "schema/cose/hm_authwrap.h"
#include "schema/log/hm_checkpoint.h"

#define HM_GUARDS_COUNT_MAX 256
#define HM_GUARD_APPROVERS_MAX 512
#define HM_GUARD_ROSTER_MAX 16 /* roster keys of one guard */
#define HM_ROOT_KEYS_MAX 8

struct hm_root {
    struct hm_key keys[HM_ROOT_KEYS_MAX];
    size_t count;
    size_t threshold;
};
/* The same threshold and the same set of keys. */
bool hm_root_same(const struct hm_root *a, const struct hm_root *b);
struct hm_guard {
    struct hm_digest key; /* key id of the release key */
    char environment[HM_NAME_MAX + 1];
    size_t approvals;         /* M */
    struct hm_key *approvers; /* owned */
    size_t approver_count;
    /* Who may change the list of approvers; threshold 0: only the root. */
    struct hm_key *roster; /* owned */
    size_t roster_count;
    size_t roster_threshold;
};
struct hm_guards {
    char origin[HM_ORIGIN_MAX + 1];
    struct hm_vkey log_key;
    struct hm_root root;     /* as stated in the document; trust comes from the caller's own list */
    struct hm_guard *guards; /* owned */
    size_t count;
    uint64_t serial; /* a later document has a higher one; the first may have none: 0 */
};
/* Parses the root-signed document, verifies it with the trusted root (keys and threshold from the
 * caller, distinct keys), demands that the document names the same root, and loads the payload. M =
 * 0 only for development. A key guarded twice, an approver listed twice, M above the list's length:
 * refused. Caller hm_guards_free()s. */
enum hm_err HM_MUST_USE hm_guards_open(struct hm_bytes document, const struct hm_root *trusted,
                                       struct hm_guards *out, struct hm_why *why);
/* The payload (canonical JSON), for the ceremony. */
enum hm_err HM_MUST_USE hm_guards_payload(const struct hm_guards *g, struct hm_buf *out,
                                          struct hm_why *why);
const struct hm_guard *hm_guards_find(const struct hm_guards *g, const struct hm_digest *key);
void hm_guards_free(struct hm_guards *g);

#endif
