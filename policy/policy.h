/* The policy: loaded once, immutable, then asked. Pure: no I/O, no clock, no globals.
 * docs/formats/policy.md is the specification. Thread: a loaded policy may be read by any number of
 * threads. */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "schema/attest/hm_request.h"
#include "schema/core/hm_hash.h"
#include "schema/core/hm_limits.h"
#include "schema/key/hm_key.h"

struct policy;

/* Limits of a policy document beyond those in hm_limits.h. */
#define POLICY_TITLE_MAX 128         /* bytes of a name that people read */
#define POLICY_DOMAIN_MAX 253        /* bytes of the vendor's domain */
#define POLICY_READY_MAX 4096        /* approval keys that are kept imported */
#define POLICY_CREDENTIALS_MAX 16    /* of one principal */
#define POLICY_PRINCIPAL_KEYS_MAX 16 /* of one principal in one role */
#define POLICY_GROUPS_MAX 256
#define POLICY_BUILDERS_MAX 256
#define POLICY_BUILDER_KEYS_MAX 16
#define POLICY_REPOSITORIES_MAX 1024 /* of one builder */
#define POLICY_KEYS_MAX 256          /* release keys */
#define POLICY_RULES_MAX 1024
#define POLICY_PRODUCTS_MAX 1024              /* in one list */
#define POLICY_CHANNELS_MAX 64                /* in one list */
#define POLICY_HARDWARE_MAX 256               /* in one rule */
#define POLICY_STAGES_MAX 8                   /* of one rule's approvals */
#define POLICY_REQUIREMENTS_MAX 8             /* groups that one stage asks, or that may veto */
#define POLICY_LEVEL_MAX 3                    /* SLSA build levels */
#define POLICY_REFS_MAX 64                    /* patterns of one rule */
#define POLICY_PARAMETERS_MAX 32              /* of one rule */
#define POLICY_DEPENDENCIES_MAX 32            /* of one rule */
#define POLICY_ATTESTATIONS_MAX 8             /* kinds that one rule demands */
#define POLICY_PREDICATES_MAX 8               /* that will do for one of them */
#define POLICY_SIZE_MAX UINT64_C(34359738368) /* bytes of all artifacts of a release */
#define POLICY_FACTOR_MIN 101                 /* limits.size_factor_percent */
#define POLICY_FACTOR_MAX 100000
#define POLICY_SIGNATURES_MAX 1000  /* by one key in a window */
#define POLICY_WINDOW_MIN_S 60      /* limits.signatures.window_s */
#define POLICY_WINDOW_MAX_S 2678400 /* 31 days */
#define POLICY_WINDOWS_MAX 64       /* freeze windows of one rule */
#define POLICY_SOAK_MAX_S 31536000  /* a year */
#define POLICY_AGE_MIN_S 60         /* provenance.max_age_s */
#define POLICY_AGE_MAX_S 31536000   /* a year */
#define POLICY_PAIRS_MAX 65536      /* product and channel pairs of all rules together */
#define POLICY_ADMIN_COUNT_MAX 16   /* administrators that a change of the policy may need */
#define POLICY_TTL_MIN_S 60         /* approval_ttl_s */
#define POLICY_TTL_MAX_S 7776000    /* 90 days */
#define POLICY_TTL_DEFAULT_S 604800 /* 7 days */

/* Loads and lints; every error names the path ("$.rules[1].key: …") and what was expected. Caller
 * policy_free()s. */
enum hm_err HM_MUST_USE policy_load(struct hm_bytes json, struct policy **out, struct hm_why *why);
void policy_free(struct policy *p);
const struct hm_digest *policy_digest(const struct policy *p); /* SHA-256 of the document's bytes */
const char *policy_name(const struct policy *p);
const char *policy_vendor_domain(const struct policy *p);

#define POLICY_ROLE_SUBMITTER 1u
#define POLICY_ROLE_APPROVER 2u
#define POLICY_ROLE_AUDITOR 4u
#define POLICY_ROLE_ADMINISTRATOR 8u
#define POLICY_ROLE_CUSTODIAN 16u /* "key-custodian" */

struct policy_principal {
    const char *id;
    const char *name; /* never NULL: the id where the document gives none */
    unsigned roles;
    const struct hm_key *submit_keys;
    size_t submit_key_count;
    const struct hm_key *approval_keys;
    size_t approval_key_count;
};
/* Who a client certificate is: by SAN URI (byte by byte) or fingerprint. NULL if nobody, or if it
 * fits two. */
const struct policy_principal *policy_by_certificate(const struct policy *p,
                                                     const struct hm_digest *fingerprint,
                                                     const char *const *uris, size_t uri_count);
const struct policy_principal *policy_principal(const struct policy *p, const char *id);
const struct policy_principal *policy_principal_at(const struct policy *p,
                                                   size_t i); /* NULL past the end */
/* Who holds a key in that role, by raw value; NULL if nobody. */
const struct policy_principal *policy_by_submit_key(const struct policy *p, const struct hm_key *k);
const struct policy_principal *policy_by_approval_key(const struct policy *p,
                                                      const struct hm_key *k);

/* The approval key with this id that the policy gives to this principal; NULL if it does not. */
const struct hm_key *policy_approval_key(const struct policy *p, const char *principal,
                                         const struct hm_digest *id);
/* An approval key of the policy, imported for verification; NULL: none, or one of too many. */
const struct hm_key_ready *policy_key_ready(const struct policy *p, const struct hm_key *k);

struct policy_release_key {
    const char *id;
    struct hm_key key;
    struct hm_digest key_id;
    const char *environment;
};
const struct policy_release_key *policy_key_at(const struct policy *p,
                                               size_t i); /* NULL past the end */

struct policy_rule {
    const char *id;
    const char *environment;
    const struct policy_release_key *key;         /* the first of keys */
    const struct policy_release_key *const *keys; /* in order of the document's section */
    size_t key_count;
    size_t key_threshold; /* so many of them must sign; each is asked */
    const char *group;    /* first approving group, NULL for "none" */
    size_t approvals;     /* people of all groups and stages together, 0 for "none" */
    int64_t approval_ttl_s;
    bool user_verification; /* only approvals by keys whose token verifies its user count */
    bool provenance;        /* demanded */
    bool break_glass;
    bool witnessed; /* a release leaves only under a checkpoint that the witnesses have cosigned */
};
/* What a rule is looked up by. Borrowed. */
struct policy_subject {
    const char *product;
    const char *channel;
    const char *environment; /* that the request names; NULL: any */
    const struct hm_hardware *hardware;
    size_t hardware_count;
    bool break_glass; /* whether the request gives a reason to break the glass */
};
/* The most specific rule for it, NULL if none or if rules of several environments are (refused). */
const struct policy_rule *policy_match(const struct policy *p, const struct policy_subject *s);
/* What a rule holds against the log, so that nobody looks up what is not asked. */
struct policy_wants {
    bool last;           /* the last release of product and channel */
    bool same_version;   /* what this version was signed as before */
    const char *earlier; /* signed releases of the same artifacts in this environment; NULL: no */
    size_t signatures;   /* so many of the latest signatures by the key, */
    int64_t window_s;    /* and how far back */
};
void policy_wants(const struct policy_rule *rule, struct policy_wants *out);
/* Rule i in the document's order; NULL past the end. */
const struct policy_rule *policy_rule_at(const struct policy *p, size_t i);
/* Whether this stage (from 0) asks a group that the principal is in; POLICY_ANY_STAGE: some stage.
 */
#define POLICY_ANY_STAGE SIZE_MAX
bool policy_rule_asks(const struct policy_rule *r, size_t stage,
                      const struct policy_principal *who);
/* Whether a rejection by the principal ends a release: of an approving group, or of one that may
 * veto. */
bool policy_rule_may_reject(const struct policy_rule *r, const struct policy_principal *who);
/* Keys of the builder with this id; count 0 if unknown. */
const struct hm_key *policy_builder_keys(const struct policy *p, const char *builder_id,
                                         size_t *count);
/* Builder i in the document's order: its id and keys; NULL past the end. */
const char *policy_builder_at(const struct policy *p, size_t i, const struct hm_key **keys,
                              size_t *count);

/* How many administrators, distinct people of the administration's group, put another policy into
 * force; 0 where the document has no administration: then only the root does. */
size_t policy_admin_count(const struct policy *p);
const char *policy_admin_group(const struct policy *p); /* NULL likewise */
/* Member i of that group; NULL past the end. */
const struct policy_principal *policy_administrator_at(const struct policy *p, size_t i);
/* Does this principal (of this very policy) count there? */
bool policy_is_administrator(const struct policy *p, const struct policy_principal *who);

#endif
