/* The parts of --deep: the policies that were in force, what the log knew at an index, the claim
 * that a submission makes, and the intention itself. */
#ifndef CLIENT_CLI_DEEP_PRIV_H
#define CLIENT_CLI_DEEP_PRIV_H

#include "client/cli_deep.h"
#include "client/cli_explain.h"
#include "schema/attest/hm_signed.h"
#include "schema/trust/hm_genesis.h"
#include "schema/trust/hm_roster_rules.h"

/* ---- cli_deep_map.c: digest -> number, and digest -> list of numbers; 0 is "nothing" ---- */
struct deep_map {
    struct hm_digest *keys;
    uint64_t *values;
    size_t cap, count;
};
uint64_t deep_map_get(const struct deep_map *m, const struct hm_digest *key);
enum hm_err HM_MUST_USE deep_map_put(struct deep_map *m, const struct hm_digest *key, uint64_t v,
                                     struct hm_why *why);
void deep_map_free(struct deep_map *m);

struct deep_list {
    uint64_t *v;
    size_t count, cap;
};
struct deep_lists {
    struct deep_map at;
    struct deep_list *lists;
    size_t count, cap;
};
/* In the order in which they were added; an empty list where there is none. */
struct deep_list deep_lists_get(const struct deep_lists *m, const struct hm_digest *key);
enum hm_err HM_MUST_USE deep_lists_add(struct deep_lists *m, const struct hm_digest *key,
                                       uint64_t v, struct hm_why *why);
void deep_lists_free(struct deep_lists *m);
struct hm_digest deep_names(const char *a, const char *b, const char *c);

/* ---- cli_deep_history.c: what the log knew ---- */
struct deep_signed {
    char *text; /* owns the names */
    const char *product, *version, *environment, *channel, *submitter;
    struct hm_digest *artifacts; /* owned */
    size_t artifact_count;
    uint64_t size, floor;
    int64_t signed_s;
};
struct deep_history {
    struct deep_signed *list; /* referred to by number + 1 */
    size_t count, cap;
    struct deep_lists by_artifact, by_version, times; /* times: by signing key */
    struct deep_map last;                             /* product, channel */
    struct deep_map classes;                          /* highest sequence that was intended */
    struct deep_map requests, tokens;                 /* spent, by their records */
    struct deep_map versions; /* product, version, channel: release + 1 that stands for them */
};
void deep_history_free(struct deep_history *h);
enum hm_err HM_MUST_USE deep_history_signed(struct deep_history *h, const struct hm_record *r,
                                            const char *submitter, uint64_t size, uint64_t floor,
                                            struct hm_why *why);
#define DEEP_EARLIER_MAX 16
struct deep_past {
    struct policy_fact_prior prior[HM_ARTIFACTS_MAX];
    struct policy_fact_last last;
    struct policy_fact_set same[DEEP_EARLIER_MAX];
    int64_t signed_at[POLICY_SIGNATURES_MAX];
    struct policy_fact_earlier earlier[DEEP_EARLIER_MAX];
};
/* Completes the facts with what the matching rule asks of the log, as it was. */
void deep_history_facts(const struct deep_history *h, const struct policy *p,
                        struct policy_facts *f, struct deep_past *past);
bool deep_history_has(const struct deep_history *h, const char *product, const char *version);

/* ---- cli_deep_policy.c ---- */
struct deep_policy {
    struct hm_digest digest;
    struct policy *policy; /* NULL: not to be had */
    uint64_t record;       /* that put it into force */
    char *fault;           /* owned; why nobody may rest on it, NULL: it holds */
};
struct deep_proposal {
    uint64_t idx;
    struct hm_digest leaf, in_force, document;
    int64_t expires_s;
};
struct deep_policy_approval {
    uint64_t proposal;
    char actor[HM_NAME_MAX + 1];
    struct hm_digest evidence;
};
struct deep_policies {
    struct deep_policy **list;
    size_t count, cap;
    struct deep_proposal *proposals;
    size_t proposal_count, proposal_cap;
    struct deep_policy_approval *approvals;
    size_t approval_count, approval_cap;
    struct hm_buf genesis;
    struct hm_record created;  /* record 0 */
    struct hm_root root;       /* from the first trust store in the log; count 0: not there yet */
    struct hm_digest expected; /* what the genesis says is the first policy */
};

/* ---- cli_deep_guards.c ---- */
struct deep_document {
    bool there;
    struct hm_guards guards; /* owned */
    struct hm_digest sha256;
    uint64_t record; /* that brought it */
};
/* The list of approvers that holds for a guard of the document that is served. */
struct deep_list_of {
    struct hm_roster_now now;
    struct hm_key *keys; /* owned; of a roster statement: serial number above 0 */
    size_t count;
};
struct deep_guards {
    struct deep_document served;
    struct deep_list_of *lists;    /* one for each of its guards */
    struct deep_document recorded; /* since then: served from the next start on */
};

/* ---- one release, while it may still be signed ---- */
struct deep_release {
    struct hm_buf submitted, intended; /* record bytes */
    struct hm_buf *approvals;          /* record bytes, in order */
    size_t approval_count;
    size_t policy; /* of submission: number in the list */
    uint64_t size, floor;
    uint64_t intention;      /* the last one, 0: none */
    size_t threshold;        /* keys that must sign, of the policies that were asked */
    struct hm_key *approved; /* owned; keys whose signatures over the statement hold */
    size_t approved_count;
    unsigned guarded; /* bit i: at the intention the guard of key i of the submission was content */
    bool faulty;      /* what the submission itself came to */
    enum cli_deep_kind kind;
    struct hm_why why;
};
struct deep_open {
    uint64_t id;
    struct deep_release *r; /* NULL: it has ended */
};

/* What the evidence of a submission came to; a few are kept. */
struct deep_claim {
    uint64_t release, used;
    struct cli_explain *e;
    struct hm_record submitted;
    struct hm_digest leaf;
    const struct policy *policy;
    const struct policy_principal *submitter;
    const struct policy_rule *rule;
    struct hm_digest key_ids[HM_SIGN_KEYS_MAX]; /* of the keys that were submitted */
    struct hm_buf manifest, statement;
    struct hm_digest payload;
    bool token, token_known;
    struct hm_digest token_id;
    struct hm_uuid classes[HM_CLASSES_MAX];
    size_t class_count;
};
#define DEEP_CLAIMS 16

struct cli_deep {
    struct cli_deep_input in;
    enum cli_deep_kind step; /* what is being looked at: the kind of a fault that is found now */
    struct deep_history history;
    struct deep_policies policies;
    struct deep_guards guards;
    struct deep_open *open; /* by ascending id */
    size_t open_count, open_cap;
    struct deep_claim claims[DEEP_CLAIMS];
    uint64_t clock;
    struct deep_past *past;
    struct deep_map details; /* digest of private detail: its record, plus one */
    struct cli_deep_fault *faults;
    size_t fault_count, fault_cap;
    struct cli_deep_sums sums;
};

/* Errors that say nothing about the log. */
bool deep_is_machine(enum hm_err err);
/* Evidence with its digest compared; sets no step. HM_E_NOT_FOUND, HM_E_SIGNATURE, ... */
enum hm_err HM_MUST_USE deep_fetch(struct cli_deep *d, const struct hm_record *r, size_t n,
                                   size_t max, struct hm_buf *out, struct hm_why *why);
enum hm_err HM_MUST_USE deep_fault(struct cli_deep *d, uint64_t intention, uint64_t record,
                                   enum cli_deep_kind kind, const char *text, struct hm_why *why);
struct deep_release *deep_find(const struct cli_deep *d, uint64_t release);

/* Policies: the one in force, NULL before there is one. */
const struct deep_policy *deep_in_force(const struct cli_deep *d);
enum hm_err HM_MUST_USE deep_policy_record(struct cli_deep *d, const struct hm_record *r,
                                           struct hm_bytes bytes, struct hm_why *why);
void deep_policies_free(struct deep_policies *p);

/* cli_deep_erase.c */
enum hm_err HM_MUST_USE deep_erasure_record(struct cli_deep *d, const struct hm_record *r,
                                            struct hm_why *why);

/* The guards document that the genesis names, once the root is known. */
enum hm_err HM_MUST_USE deep_guards_begin(struct cli_deep *d, const struct hm_record *created,
                                          const struct hm_genesis *genesis,
                                          const struct hm_root *root, struct hm_why *why);
/* Changes of guards and of their lists; others change nothing. */
enum hm_err HM_MUST_USE deep_guards_record(struct cli_deep *d, const struct hm_record *r,
                                           struct hm_why *why);
/* Whether the guard of this key is content with who approved, now. HM_E_DENIED with the reason. */
enum hm_err HM_MUST_USE deep_guards_allow(const struct cli_deep *d, const struct hm_digest *key,
                                          const char *environment, const struct deep_release *o,
                                          struct hm_why *why);
void deep_guards_free(struct deep_guards *g);

/* cli_deep_who.c: the submitter that the record names signed this, by a key or token that the
 * policy gives to that very principal. */
enum hm_err HM_MUST_USE deep_who(struct cli_deep *d, struct deep_claim *k,
                                 const struct hm_signed *s, struct hm_bytes jwk,
                                 struct hm_why *why);
/* cli_deep_claim.c: all that the evidence says without the rest of the log. *out is kept by d and
 * stays until other claims have been asked for. */
enum hm_err HM_MUST_USE deep_claim_get(struct cli_deep *d, uint64_t release,
                                       const struct deep_release *r, struct deep_claim **out,
                                       struct hm_why *why);
void deep_claim_drop(struct cli_deep *d, uint64_t release);
void deep_claim_free(struct deep_claim *k);
/* cli_deep_build.c: manifest and statement, made again. */
enum hm_err HM_MUST_USE deep_build_manifest(const struct deep_claim *k, struct hm_buf *out,
                                            struct hm_why *why);
void deep_classes(struct deep_claim *k);
enum hm_err HM_MUST_USE deep_build_statement(const char *origin, const struct deep_claim *k,
                                             const struct policy_verdict *v, struct hm_buf *out,
                                             struct hm_why *why);
/* cli_deep_submit.c: what the submission came to with the log as it was. */
enum hm_err HM_MUST_USE deep_judge_submission(struct cli_deep *d, struct deep_claim *k,
                                              struct hm_why *why);
/* cli_deep_sign.c */
enum hm_err HM_MUST_USE deep_judge_intention(struct cli_deep *d, struct deep_claim *k,
                                             struct deep_release *r,
                                             const struct hm_record *intended, struct hm_why *why);
enum hm_err HM_MUST_USE deep_judge_result(struct cli_deep *d, struct deep_claim *k,
                                          const struct deep_release *o,
                                          const struct hm_record *signed_, struct hm_why *why);

/* Are all its keys pinned, and no fewer of them needed than for the pinned trust store? */
bool deep_root_pinned(const struct cli_pins *pins, const struct hm_root *root);

#endif
