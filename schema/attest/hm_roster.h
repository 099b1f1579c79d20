/* Roster statements (docs/formats/approval-statement.md): the complete new list of approver keys of
 * one guard, signed by the roster keys that the guard names. Pure; any thread. */
#ifndef SCHEMA_ATTEST_HM_ROSTER_H
#define SCHEMA_ATTEST_HM_ROSTER_H

#include "schema/core/hm_hash.h"
#include "schema/core/hm_limits.h"
#include "schema/key/hm_key.h"

#define HM_ROSTER_APPROVERS_MAX 128

struct hm_roster {
    char origin[HM_ORIGIN_MAX + 1];
    struct hm_digest key;    /* key id of the release key whose guard it is */
    struct hm_digest guards; /* SHA-256 of the guards document: another one begins anew */
    uint64_t serial;         /* from 1; grows by one with each list */
    struct hm_digest former; /* hm_roster_digest of the list that this one follows */
    struct hm_key approvers[HM_ROSTER_APPROVERS_MAX];
    size_t count;
};
/* The struct is large: allocate it. Strict: what is accepted is written again byte for byte.
 * HM_E_MALFORMED, HM_E_LIMIT. A key that stands twice: HM_E_MALFORMED. */
enum hm_err HM_MUST_USE hm_roster_parse(struct hm_bytes text, struct hm_roster *out,
                                        struct hm_why *why);
enum hm_err HM_MUST_USE hm_roster_write(const struct hm_roster *r, struct hm_buf *out,
                                        struct hm_why *why);
/* SHA-256 over the "approver" lines of a list, in its order. HM_E_MEMORY. */
enum hm_err HM_MUST_USE hm_roster_digest(const struct hm_key *list, size_t count,
                                         struct hm_digest *out, struct hm_why *why);

#endif
