/* What a loaded policy is made of. Everything lives in the policy's arena and never changes after
 * the load; every list that is searched is sorted. Thread: building by one, reading by any number.
 */
#ifndef POLICY_POLICY_PRIV_H
#define POLICY_POLICY_PRIV_H

#include "policy/policy.h"
#include "policy/policy_witness.h"
#include "policy/policy_zone.h"
#include "schema/json/hm_json.h"

struct policy_block;
struct policy_arena {
    struct policy_block *head;
};
/* Zeroed memory for count elements (count 0 gives one), NULL when there is none left. */
void *policy_alloc(struct policy_arena *a, size_t count, size_t size);
char *policy_dup(struct policy_arena *a, const char *text);
void policy_arena_free(struct policy_arena *a);

#define POLICY_PATH_MAX 160 /* as in struct hm_json_in */

/* Where something stands in the document: "$.list[i].member" or "$.list[i].member[j]" (j < 0: no
 * index). */
struct policy_where {
    const char *list; /* static */
    size_t i;
    const char *member; /* static */
    long j;
};
void policy_where_text(const struct policy_where *w, char out[static POLICY_PATH_MAX]);

/* Texts and where each stands, sorted without regard to case, then by bytes, then by place. */
struct policy_entry {
    const char *text;
    struct policy_where where;
};
struct policy_index {
    struct policy_entry *v;
    size_t count;
};
enum policy_unique {
    POLICY_ONCE,     /* each text once, and none that differs from another in case only */
    POLICY_ONE_CASE, /* texts may repeat, but always in the same case */
};
/* Sorts and checks. what: "id", "credential", … for the error. */
enum hm_err HM_MUST_USE policy_index_seal(struct policy_index *x, enum policy_unique rule,
                                          const char *what, struct hm_why *why);
/* The entry with exactly this text (first of equals), NULL if none. */
const struct policy_entry *policy_index_find(const struct policy_index *x, const char *text);

/* Distinct names in order of bytes; nth is the place in the document's array. */
struct policy_name_at {
    const char *text;
    size_t nth;
};
struct policy_names {
    struct policy_name_at *v;
    size_t count;
};
bool policy_names_has(const struct policy_names *n, const char *text);

/* Distinct pointers into one array, in order of address. */
struct policy_ptrs {
    const void **v;
    size_t count;
};
bool policy_ptrs_has(const struct policy_ptrs *s, const void *p);

struct policy_group {
    const char *id;
    struct policy_ptrs members; /* struct policy_principal */
};
struct policy_builder {
    const char *id;
    unsigned level; /* SLSA build level that the policy grants */
    const struct hm_key *keys;
    size_t key_count;
    struct policy_names products;
    struct policy_names repositories; /* none: it attests, but builds nothing */
};
struct policy_signing_key {
    struct policy_release_key pub;
    struct policy_names products;
    struct policy_names channels;
};
/* So many people of one group. */
struct policy_requirement {
    const struct policy_group *group;
    size_t count;
    const char *path; /* where it stands in the document */
};
/* What is asked at once. */
struct policy_stage_of {
    struct policy_requirement *v;
    size_t count;
};
struct policy_quorum_rule {
    struct policy_stage_of *stages; /* one after the other; none: no approvals */
    size_t stage_count;
    bool shared;             /* somebody counts for every group they are in */
    struct policy_ptrs veto; /* struct policy_group */
};
/* Something that provenance has to say: its mark, and how it is called. */
struct policy_mark {
    struct hm_digest digest;
    const char *text;
};
struct policy_provenance_rule {
    struct policy_ptrs builders; /* struct policy_builder; none: no provenance */
    unsigned level;
    struct policy_names refs;  /* patterns; none: every ref */
    struct policy_mark *marks; /* parameters and dependencies, in order of digest */
    size_t mark_count;
    int64_t max_age_s;  /* 0: any */
    size_t independent; /* builders that have to agree; 0: not asked */
};
/* A statement of another kind that there has to be. */
struct policy_attestation_rule {
    const char *name;
    struct policy_names predicates;
    struct policy_ptrs builders;
    const char *result; /* NULL: any */
};
struct policy_limits {
    uint64_t max_size;            /* 0: none */
    uint64_t size_factor_percent; /* 0: not asked */
    bool no_downgrade, same_bytes;
    size_t signatures; /* fewer than that in window_s; 0: not asked */
    int64_t window_s;
};
/* From and to in Unix seconds, or on each of these days in seconds of the clock's day. */
struct policy_window {
    unsigned days; /* bit 0: Monday; 0: dated */
    int64_t from, to;
};
struct policy_freeze {
    struct policy_zone zone;
    const char *zone_name; /* for people */
    struct policy_window *windows;
    size_t count; /* 0: no freeze */
};
struct policy_promotion {
    const char *environment; /* static; NULL: none asked */
    struct policy_names channels;
    struct policy_ptrs submitters; /* struct policy_principal */
    int64_t soak_s;
};
struct policy_rule_full {
    struct policy_rule pub;               /* first: policy_match() hands out its address */
    const struct policy_signing_key *key; /* the first of keys */
    struct policy_ptrs keys;              /* struct policy_signing_key */
    struct policy_quorum_rule quorum;
    struct policy_names products; /* the key's where the rule names none */
    struct policy_names channels;
    struct policy_names hardware;  /* "model" or "model/revision"; none: every one */
    struct policy_names models;    /* the parts of hardware, as often as they stand there */
    struct policy_names revisions; /* likewise */
    unsigned specificity;          /* the higher one wins */
    struct policy_ptrs submitters; /* struct policy_principal */
    struct policy_provenance_rule provenance;
    struct policy_attestation_rule *attestations;
    size_t attestation_count;
    struct policy_limits limits;
    struct policy_freeze freeze;
    struct policy_promotion promotion;
    unsigned separate; /* roles that nobody who acts may hold together; 0: none */
};

enum policy_key_role {
    POLICY_KEY_SUBMIT = 1,
    POLICY_KEY_APPROVE,
    POLICY_KEY_BUILD,
    POLICY_KEY_RELEASE,
    POLICY_KEY_WITNESS,
};
/* Every key of the document, in order of algorithm and raw value. where.i is the owner. */
struct policy_key_ref {
    const struct hm_key *key;
    enum policy_key_role role;
    struct policy_where where;
    struct hm_key_ready *ready; /* owned; approval keys, as far as POLICY_READY_MAX reaches */
};
/* Digest -> element of an array, in order of bytes. */
struct policy_digest_at {
    struct hm_digest digest;
    struct policy_where where;
};
struct policy_digests {
    struct policy_digest_at *v;
    size_t count;
};
const struct policy_digest_at *policy_digests_find(const struct policy_digests *x,
                                                   const struct hm_digest *d);
void policy_digests_sort(struct policy_digests *x);

/* In order of product, channel, break-glass or not, falling specificity, place in the document. */
struct policy_pair {
    const char *product;
    const char *channel;
    bool break_glass;
    unsigned specificity;
    size_t rule;
};

/* A credential of kind `oidc`, in no order. where.i: the principal. */
struct policy_claim {
    const char *name;
    const char *value;
};
struct policy_oidc {
    const struct policy_oidc *next;
    const char *issuer;
    struct policy_claim *claims;
    size_t claim_count;
    struct policy_where where;
};

/* An approval key that was named by its certificate. */
struct policy_certified {
    const struct policy_certified *next;
    struct hm_digest key;
    const char *pem;
};

struct policy {
    struct policy_arena arena;
    struct hm_digest digest;
    const char *name;
    const char *vendor_domain;

    struct policy_principal *principals;
    size_t principal_count;
    struct policy_group *groups;
    size_t group_count;
    struct policy_builder *builders;
    size_t builder_count;
    struct policy_signing_key *keys;
    size_t key_count;
    struct policy_rule_full *rules;
    size_t rule_count;

    const struct policy_group *admin_group; /* NULL: no administration */
    size_t admin_count;
    const struct policy_witnesses *witnesses; /* NULL: none */

    struct policy_index principal_ids, group_ids, builder_ids, key_ids, rule_ids;
    const struct policy_oidc *oidc; /* a list */
    size_t oidc_count;
    const struct policy_certified *certified; /* a list */
    struct policy_index san_uris;             /* where.i: the principal */
    struct policy_digests fingerprints;       /* where.i: the principal */
    struct policy_digests approval_keys;      /* key id; where.i: the principal */
    struct policy_digests release_keys;       /* key id; where.i: the key */
    struct policy_key_ref *all_keys;
    size_t all_key_count;
    struct policy_pair *pairs;
    size_t pair_count;
};

/* policy_load_*.c: one section each, every one with its ids sealed before the next refers to them.
 */
enum hm_err HM_MUST_USE policy_load_principals(struct policy *p, const json_t *list,
                                               struct hm_why *why);
enum hm_err HM_MUST_USE policy_load_groups(struct policy *p, const json_t *list,
                                           struct hm_why *why);
enum hm_err HM_MUST_USE policy_load_builders(struct policy *p, const json_t *list,
                                             struct hm_why *why);
enum hm_err HM_MUST_USE policy_load_keys(struct policy *p, const json_t *list, struct hm_why *why);
enum hm_err HM_MUST_USE policy_load_rules(struct policy *p, const json_t *list, struct hm_why *why);
enum hm_err HM_MUST_USE policy_load_administration(struct policy *p, const json_t *v,
                                                   struct hm_why *why); /* v NULL: none */
enum hm_err HM_MUST_USE policy_load_witnesses(struct policy *p, const json_t *v,
                                              struct hm_why *why); /* v NULL: none */
/* policy_load_keys.c: approval keys, which may also be named by a certificate, and may ask that a
 * token verifies its user. path: of the array. */
enum hm_err HM_MUST_USE policy_read_approval_keys(struct policy *p, const json_t *list,
                                                  const char *path, const struct hm_key **out,
                                                  size_t *count, struct hm_why *why);
/* policy_load_identity.c: one credential; and that no token could be two principals. */
enum hm_err HM_MUST_USE policy_read_oidc(struct policy *p, const json_t *v, const char *path,
                                         const struct policy_where *where, struct hm_why *why);
enum hm_err HM_MUST_USE policy_seal_oidc(const struct policy *p, struct hm_why *why);
/* policy_lint.c: what only the whole document shows; builds the key and pair tables on the way. */
enum hm_err HM_MUST_USE policy_lint(struct policy *p, struct hm_why *why);

/* policy_match.c. Why there is no rule although some are for the product and the channel; all NULL
 * where none is. */
struct policy_unmatched {
    const struct policy_rule_full *mixed;      /* covers some of the hardware but not all of it */
    const struct policy_rule_full *several[2]; /* of different environments, equally specific */
};
const struct policy_rule_full *policy_find_rule(const struct policy *p,
                                                const struct policy_subject *s,
                                                struct policy_unmatched *why);
int policy_pair_compare(const struct policy_pair *a, const struct policy_pair *b);
/* "model" or "model/revision", each part a name. */
bool policy_hardware_ok(const char *text);
/* Fills models and revisions out of hardware. */
enum hm_err HM_MUST_USE policy_split_hardware(struct policy *p, struct policy_rule_full *r,
                                              struct hm_why *why);
bool policy_names_meet(const struct policy_names *a, const struct policy_names *b);
/* Some hardware that both cover. Rules without `hardware` cover every one. */
bool policy_hardware_meets(const struct policy_rule_full *a, const struct policy_rule_full *b);
/* Some product, channel and hardware that both are for, in one environment. */
bool policy_rules_meet(const struct policy_rule_full *a, const struct policy_rule_full *b);
/* Builds the table that rules are looked up in; refuses rules that no release could tell apart. */
enum hm_err HM_MUST_USE policy_index_rules(struct policy *p, struct hm_why *why);

/* policy_load_signing.c: the member `key` (an id) or `keys` (an object) of a rule; one is NULL. */
enum hm_err HM_MUST_USE policy_load_signing(struct policy *p, const struct hm_json_in *rule,
                                            const char *key, const json_t *keys,
                                            struct policy_rule_full *out, struct hm_why *why);
/* Every key of the rule signs for its environment, products and channels. */
enum hm_err HM_MUST_USE policy_lint_signing(const struct policy_rule_full *r, size_t i,
                                            struct hm_why *why);

/* policy_load_approvals.c: the member `approvals` of a rule, other than "none". */
enum hm_err HM_MUST_USE policy_load_approvals(struct policy *p, const struct hm_json_in *rule,
                                              const json_t *v, struct policy_rule_full *out,
                                              struct hm_why *why);
/* policy_load_provenance.c: the members `provenance` (other than "none") and `attestations` of a
 * rule. */
enum hm_err HM_MUST_USE policy_load_provenance(struct policy *p, const struct hm_json_in *rule,
                                               const json_t *v, struct policy_rule_full *out,
                                               struct hm_why *why);
enum hm_err HM_MUST_USE policy_load_attestations(struct policy *p, const struct hm_json_in *rule,
                                                 const json_t *list, struct policy_rule_full *out,
                                                 struct hm_why *why);
bool policy_provenance_same(const struct policy_rule_full *a, const struct policy_rule_full *b);
/* Whether a whole ref matches: '*' stands for any run of characters other than '/'. */
bool policy_ref_matches(const char *pattern, const char *ref);

/* policy_load_limits.c, policy_load_freeze.c: what a rule holds against earlier releases, and
 * against the clock. */
enum hm_err HM_MUST_USE policy_load_limits(const struct hm_json_in *rule, const json_t *v,
                                           struct policy_rule_full *out, struct hm_why *why);
enum hm_err HM_MUST_USE policy_load_freeze(struct policy *p, const struct hm_json_in *rule,
                                           const json_t *v, struct policy_rule_full *out,
                                           struct hm_why *why);
enum hm_err HM_MUST_USE policy_load_promotion(struct policy *p, const struct hm_json_in *rule,
                                              const json_t *v, struct policy_rule_full *out,
                                              struct hm_why *why);
bool policy_promotion_same(const struct policy_promotion *a, const struct policy_promotion *b);
bool policy_names_same(const struct policy_names *a, const struct policy_names *b);
bool policy_ptrs_same(const struct policy_ptrs *a, const struct policy_ptrs *b);

/* policy_lint_quorum.c: whether the people of rule i can do what it asks, and nobody alone. */
enum hm_err HM_MUST_USE policy_lint_quorum(const struct policy *p, size_t i, struct hm_why *why);
bool policy_quorum_same(const struct policy_quorum_rule *a, const struct policy_quorum_rule *b);

/* policy_assign.c: places to be filled, each by one person. */
#define POLICY_PLACES_MAX (HM_APPROVALS_MAX + 1) /* one more where a size changed */
#define POLICY_ASKED_MAX (POLICY_STAGES_MAX * POLICY_REQUIREMENTS_MAX)
struct policy_places {
    unsigned char asked[POLICY_PLACES_MAX]; /* bit of `may` that the place asks for */
    size_t count;
};
/* Adds `count` places for bit `asked`; what does not fit is left away and `count` says so. */
void policy_places_add(struct policy_places *t, size_t asked, size_t count);
/* Whether n people (at most HM_PRINCIPALS_MAX) can fill all places. may[i]: what person i may fill.
 */
bool policy_assign(const struct policy_places *t, const uint64_t *may, size_t n);

/* policy_find.c */
const struct policy_key_ref *policy_find_key(const struct policy *p, const struct hm_key *k);
/* The entry of a sealed index as an element of its array, NULL if none. */
const struct policy_group *policy_find_group(const struct policy *p, const char *id);
const struct policy_builder *policy_find_builder(const struct policy *p, const char *id);
int policy_key_compare(const struct hm_key *a, const struct hm_key *b);

#endif
