/* How the sections of a policy document are read into the arena: names, references, keys. Errors
 * name path and expectation. */
#ifndef POLICY_POLICY_READ_PRIV_H
#define POLICY_POLICY_READ_PRIV_H

#include "policy/policy_priv.h"

enum hm_err policy_no_memory(struct hm_why *why);

/* A text of people: printable, 1..POLICY_TITLE_MAX bytes. Latches an error in *in. */
void policy_check_title(struct hm_json_in *in, const char *member, const char *text);
/* hm_uri_ok, and no '*': it would look like the wildcard that Hallmark does not have. */
bool policy_uri_ok(const char *uri);

/* Begins the reader of element i of a section. */
void policy_begin(struct hm_json_in *in, const char *section, const json_t *list, size_t i,
                  struct hm_why *why);
/* A list of names that is a member of what `in` reads; its form follows from the member's name. */
enum hm_err HM_MUST_USE policy_read_member(struct policy *p, const struct hm_json_in *in,
                                           const char *member, const json_t *list,
                                           struct policy_names *out);
/* Member `environment`, static; NULL with the error latched. */
const char *policy_read_environment(struct hm_json_in *in);

/* Array of distinct roles as POLICY_ROLE_ bits. */
enum hm_err HM_MUST_USE policy_read_roles(const json_t *list, const char *path, unsigned *out,
                                          struct hm_why *why);

/* Array of distinct names (ok: hm_name_ok or the like; expected: for the error). path: of the
 * array. */
struct policy_names_spec {
    bool (*ok)(const char *text);
    const char *expected;
};
extern const struct policy_names_spec POLICY_SPEC_NAME;       /* products, channels */
extern const struct policy_names_spec POLICY_SPEC_HARDWARE;   /* "model" or "model/revision" */
extern const struct policy_names_spec POLICY_SPEC_REPOSITORY; /* also: without "git+" */
enum hm_err HM_MUST_USE policy_read_names(struct policy_arena *a, const json_t *list,
                                          const char *path, const struct policy_names_spec *spec,
                                          struct policy_names *out, struct hm_why *why);

/* Array of distinct ids that another section defines. */
struct policy_target {
    const struct policy_index *ids;
    const void *base; /* first element of what the ids name */
    size_t size;      /* of one element */
    const char *section;
};
enum hm_err HM_MUST_USE policy_read_refs(struct policy_arena *a, const json_t *list,
                                         const char *path, const struct policy_target *target,
                                         struct policy_ptrs *out, struct hm_why *why);
/* The element that one id names, NULL with the error set. */
const void *policy_read_ref(const char *id, const char *path, const struct policy_target *target,
                            struct hm_why *why);
enum hm_err HM_MUST_USE policy_read_keys(struct policy_arena *a, const json_t *list,
                                         const char *path, const struct hm_key **out, size_t *count,
                                         struct hm_why *why);
/* Array for an index of n entries; where.i of entry i is i. */
enum hm_err HM_MUST_USE policy_index_alloc(struct policy_arena *a, size_t n, struct policy_index *x,
                                           struct hm_why *why);

#endif
