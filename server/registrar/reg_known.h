/* What a release's evidence came to, once verified: small, immutable, remembered by the release's
 * id, which is the index of its release.submitted record. A record under a signed checkpoint never
 * changes and names the digests of all its evidence, so its id means the same bytes and the same
 * outcome under the same policy. A lost entry only costs the verification again. Thread-safe. */
#ifndef SERVER_REGISTRAR_REG_KNOWN_H
#define SERVER_REGISTRAR_REG_KNOWN_H

#include "policy/policy_verdict.h"
#include "schema/log/hm_record.h"
#include "server/registrar/reg_claim.h"

#include <stdatomic.h>

struct reg_known {
    atomic_uint refs;
    uint64_t id;
    struct hm_record submitted;                 /* release.submitted */
    struct hm_digest key_ids[HM_SIGN_KEYS_MAX]; /* of the keys it names */
    struct hm_digest leaf;                      /* of its bytes */
    const struct policy *policy;                /* of submission */
    const struct policy_rule *rule;
    const struct policy_principal *submitter; /* proven by the request's signature */
    struct hm_uuid *classes;
    size_t class_count;
    struct hm_hardware *hardware;
    size_t hardware_count;
    uint64_t size; /* bytes of all artifacts together */
    uint64_t rollback_floor;
    const char *environment;     /* that the request names; static, NULL: none */
    char *break_glass;           /* reason, NULL: none */
    struct hm_statement *others; /* what attestations points into */
    struct policy_fact_attestation *attestations;
    size_t attestation_count;
    char at_least[48]; /* installed version that the release asks for, "" = none */
    struct hm_buf manifest;
    struct hm_buf statement;
    struct hm_buf provenance;        /* packed facts: reg_known_provenance */
    struct hm_key provenance_keys[]; /* who signed each */
};
/* What a verified claim came to. Borrowed. */
struct reg_outcome {
    const struct reg_world *world;
    const struct hm_record *submitted;
    const struct hm_digest *leaf;
    const struct policy *policy;
    const struct policy_rule *rule;
    const struct reg_claim *claim;
    struct hm_bytes manifest;
    struct hm_bytes statement;
};
/* Copies what is needed. One reference. */
enum hm_err HM_MUST_USE reg_known_make(const struct reg_outcome *from, struct reg_known **out,
                                       struct hm_why *why);
void reg_known_drop(struct reg_known *k); /* NULL allowed */
/* What any policy's rules for the release are found by. Borrowed. */
struct policy_subject reg_known_subject(const struct reg_known *k);

/* Policy facts of provenance, unpacked. `statements` is owned by the caller (free()). */
enum hm_err HM_MUST_USE
reg_known_provenance(const struct reg_known *k, struct hm_provenance **statements,
                     struct policy_fact_provenance facts[static HM_ATTESTATIONS_MAX], size_t *count,
                     struct hm_why *why);

struct reg_knowns;
enum hm_err HM_MUST_USE reg_knowns_open(struct reg_knowns **out, struct hm_why *why);
void reg_knowns_close(struct reg_knowns *c);
struct reg_known *reg_knowns_get(struct reg_knowns *c, uint64_t id); /* a reference, or NULL */
/* Only what is under a signed checkpoint: else the index may yet become another record's. Takes a
 * reference of its own, or leaves an unusually long one out. */
void reg_knowns_put(struct reg_knowns *c, struct reg_known *k);

#endif
