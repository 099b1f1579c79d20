/* When a guard's list of approvers gives way to another one (docs/formats/guards.md): the one check
 * that signer, registrar and clients make. Pure; any thread. */
#ifndef SCHEMA_TRUST_HM_ROSTER_RULES_H
#define SCHEMA_TRUST_HM_ROSTER_RULES_H

#include "schema/attest/hm_roster.h"
#include "schema/trust/hm_guards.h"

/* The list that holds now. */
struct hm_roster_now {
    uint64_t serial;       /* 0: the guard's own */
    struct hm_digest list; /* hm_roster_digest */
};
/* What a guard begins with. */
enum hm_err HM_MUST_USE hm_roster_begin(const struct hm_guard *g, struct hm_roster_now *out,
                                        struct hm_why *why);

/* An update as it travels: the statement, and signed documents (HM_SIGNED_ROSTER) over exactly
 * these bytes. Borrowed. */
struct hm_roster_update {
    struct hm_bytes statement;
    const struct hm_bytes *documents;
    size_t document_count;
};
/* Signatures first: as many distinct roster keys of the guard as its threshold asks for. Then what
 * they signed: this log, this guards document, a list that the guard may hold. *out is large. key:
 * the release key. HM_E_NOT_FOUND: no such guard. HM_E_DENIED, HM_E_SIGNATURE, HM_E_MALFORMED. */
enum hm_err HM_MUST_USE hm_roster_verify(const struct hm_guards *guards,
                                         const struct hm_digest *guards_sha256,
                                         const struct hm_digest *key,
                                         const struct hm_roster_update *u, struct hm_roster *out,
                                         struct hm_why *why);
/* Does it follow the list that holds now? HM_E_STATE. */
enum hm_err HM_MUST_USE hm_roster_follows(const struct hm_roster *r,
                                          const struct hm_roster_now *now, struct hm_why *why);

#endif
