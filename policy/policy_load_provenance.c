/* What a rule wants to know about the build: the members `provenance` and `attestations`. */
#include "policy/policy_read_priv.h"

#include "schema/attest/hm_provenance.h"
#include "schema/core/hm_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool pattern_ok(const char *text)
{
    return hm_uri_ok(text);
}

static const struct policy_names_spec SPEC_REF = {
    pattern_ok, "a ref, in which '*' stands for anything but '/'"};
static const struct policy_names_spec SPEC_PREDICATE = {
    policy_uri_ok, "a predicate's URI; there are no wildcards"};

bool policy_ref_matches(const char *pattern, const char *ref)
{
    const char *star = NULL; /* the last '*', and where what it stands for ends */
    const char *held = NULL;
    while (*ref != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            held = ref;
        } else if (*pattern == *ref) {
            pattern++;
            ref++;
        } else if (star != NULL && *held != '/') {
            pattern = star + 1;
            ref = ++held;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static enum hm_err read_builders(struct policy *p, const struct hm_json_in *in, const json_t *list,
                                 struct policy_ptrs *out, struct hm_why *why)
{
    const struct policy_target target = {&p->builder_ids, p->builders, sizeof p->builders[0],
                                         "builders"};
    char path[POLICY_PATH_MAX];
    hm_json_path(in, "builders", -1, path);
    return policy_read_refs(&p->arena, list, path, &target, out, why);
}

/* "/a/b~1c": RFC 6901. */
static bool pointer_ok(const char *text)
{
    size_t n = strlen(text);
    if (text[0] != '/' || n > HM_PROVENANCE_POINTER_MAX || !hm_printable_ok(hm_bytes_of(text, n)))
        return false;
    for (const char *t = strchr(text, '~'); t != NULL; t = strchr(t + 1, '~'))
        if (t[1] != '0' && t[1] != '1')
            return false;
    return true;
}

static bool parameter_ok(const json_t *v)
{
    if (json_is_integer(v))
        return json_integer_value(v) >= 0 && json_integer_value(v) < (json_int_t)1 << 53;
    return json_is_boolean(v) ||
           (json_is_string(v) && json_string_length(v) <= HM_PROVENANCE_VALUE_MAX &&
            hm_printable_ok(hm_bytes_of(json_string_value(v), json_string_length(v))));
}

static enum hm_err read_parameters(struct policy *p, const char *path, const json_t *object,
                                   struct policy_provenance_rule *out, struct hm_why *why)
{
    size_t n = json_object_size(object);
    if (n < 1 || n > POLICY_PARAMETERS_MAX)
        return hm_fail(why, HM_E_MALFORMED, "%s: expected 1 to %d members", path,
                       POLICY_PARAMETERS_MAX);
    json_t *o = (json_t *)(uintptr_t)object; /* iterating changes nothing */
    for (void *i = json_object_iter(o); i != NULL; i = json_object_iter_next(o, i)) {
        const char *pointer = json_object_iter_key(i);
        struct policy_mark *m = &out->marks[out->mark_count];
        if (!pointer_ok(pointer) || !parameter_ok(json_object_iter_value(i)) ||
            !hm_provenance_parameter(pointer, json_object_iter_value(i), &m->digest))
            return hm_fail(
                why, HM_E_MALFORMED,
                "%s: expected JSON Pointers like \"/workflow/path\", each with a text, an "
                "integer or a boolean",
                path);
        m->text = policy_dup(&p->arena, pointer);
        if (m->text == NULL)
            return policy_no_memory(why);
        out->mark_count++;
    }
    return HM_OK;
}

static enum hm_err read_dependency(struct policy *p, const json_t *v, const char *path,
                                   struct policy_mark *out, struct hm_why *why)
{
    struct hm_json_in in;
    struct hm_digest sha256;
    hm_json_begin(&in, v, path, why);
    const char *uri = hm_json_str(&in, "uri");
    bool has_digest = hm_json_has(&in, "sha256");
    if (has_digest)
        hm_json_digest(&in, "sha256", &sha256);
    if (uri != NULL && !policy_uri_ok(uri))
        hm_json_bad(&in, HM_E_MALFORMED, "uri", "expected a URI without spaces or wildcards");
    enum hm_err err = hm_json_end(&in);
    if (err != HM_OK)
        return err;
    out->digest = hm_provenance_dependency(uri, has_digest ? &sha256 : NULL);
    out->text = policy_dup(&p->arena, uri);
    return out->text != NULL ? HM_OK : policy_no_memory(why);
}

static enum hm_err read_dependencies(struct policy *p, const struct hm_json_in *in,
                                     const json_t *list, struct policy_provenance_rule *out,
                                     struct hm_why *why)
{
    size_t first = out->mark_count;
    for (size_t i = 0; i < json_array_size(list); i++) {
        char path[POLICY_PATH_MAX];
        struct policy_mark *m = &out->marks[out->mark_count];
        hm_json_path(in, "dependencies", (long)i, path);
        enum hm_err err = read_dependency(p, json_array_get(list, i), path, m, why);
        if (err != HM_OK)
            return err;
        for (size_t k = first; k < out->mark_count; k++)
            if (strcmp(out->marks[k].text, m->text) == 0)
                return hm_fail(why, HM_E_MALFORMED,
                               "%s.uri: \"%s\" stands twice in this list; expected it once", path,
                               m->text);
        out->mark_count++;
    }
    return HM_OK;
}

static int mark_compare(const void *pa, const void *pb)
{
    const struct policy_mark *a = pa;
    const struct policy_mark *b = pb;
    return memcmp(a->digest.b, b->digest.b, sizeof a->digest.b);
}

static enum hm_err read_marks(struct policy *p, const struct hm_json_in *in,
                              const json_t *parameters, const json_t *dependencies,
                              struct policy_provenance_rule *out, struct hm_why *why)
{
    char path[POLICY_PATH_MAX];
    enum hm_err err = HM_OK;
    out->marks = policy_alloc(&p->arena, POLICY_PARAMETERS_MAX + POLICY_DEPENDENCIES_MAX,
                              sizeof out->marks[0]);
    if (out->marks == NULL)
        return policy_no_memory(why);
    hm_json_path(in, "parameters", -1, path);
    if (parameters != NULL)
        err = read_parameters(p, path, parameters, out, why);
    if (err == HM_OK && dependencies != NULL)
        err = read_dependencies(p, in, dependencies, out, why);
    if (err == HM_OK)
        qsort(out->marks, out->mark_count, sizeof out->marks[0], mark_compare);
    return err;
}

/* Of a builder that the rule names, each must be able to satisfy it. */
static enum hm_err check_builders(const struct policy_provenance_rule *r, const char *path,
                                  struct hm_why *why)
{
    for (size_t i = 0; i < r->builders.count; i++) {
        const struct policy_builder *b = r->builders.v[i];
        if (b->repositories.count == 0)
            return hm_fail(why, HM_E_MALFORMED,
                           "%s.builders: \"%s\" builds from no repository; expected a builder with "
                           "repositories",
                           path, b->id);
        if (b->level < r->level)
            return hm_fail(why, HM_E_MALFORMED,
                           "%s.level: builder \"%s\" is granted level %u; expected at least %u",
                           path, b->id, b->level, r->level);
    }
    if (r->independent > r->builders.count)
        return hm_fail(why, HM_E_MALFORMED,
                       "%s.independent: %zu of %zu builders; expected at most that many", path,
                       r->independent, r->builders.count);
    return HM_OK;
}

enum hm_err policy_load_provenance(struct policy *p, const struct hm_json_in *rule, const json_t *v,
                                   struct policy_rule_full *out, struct hm_why *why)
{
    struct policy_provenance_rule *r = &out->provenance;
    struct hm_json_in in;
    char path[POLICY_PATH_MAX];
    hm_json_path(rule, "provenance", -1, path);
    hm_json_begin(&in, v, path, why);
    const json_t *builders = hm_json_array(&in, "builders", 1, POLICY_BUILDERS_MAX);
    const json_t *refs =
        hm_json_has(&in, "refs") ? hm_json_array(&in, "refs", 1, POLICY_REFS_MAX) : NULL;
    const json_t *parameters = hm_json_object_or_null(&in, "parameters");
    const json_t *dependencies =
        hm_json_has(&in, "dependencies")
            ? hm_json_array(&in, "dependencies", 1, POLICY_DEPENDENCIES_MAX)
            : NULL;
    r->level = (unsigned)hm_json_uint_or(&in, "level", 0, POLICY_LEVEL_MAX, 0);
    r->max_age_s =
        (int64_t)hm_json_uint_or(&in, "max_age_s", POLICY_AGE_MIN_S, POLICY_AGE_MAX_S, 0);
    r->independent = (size_t)hm_json_uint_or(&in, "independent", 2, 8, 0);
    enum hm_err err = hm_json_end(&in);
    if (err == HM_OK)
        err = read_builders(p, &in, builders, &r->builders, why);
    if (err == HM_OK && refs != NULL) {
        char at[POLICY_PATH_MAX];
        hm_json_path(&in, "refs", -1, at);
        err = policy_read_names(&p->arena, refs, at, &SPEC_REF, &r->refs, why);
    }
    if (err == HM_OK && (parameters != NULL || dependencies != NULL))
        err = read_marks(p, &in, parameters, dependencies, r, why);
    out->pub.provenance = true;
    return err == HM_OK ? check_builders(r, path, why) : err;
}

static enum hm_err read_attestation(struct policy *p, const json_t *v, const char *path,
                                    struct policy_attestation_rule *out, struct hm_why *why)
{
    struct hm_json_in in;
    char at[POLICY_PATH_MAX];
    hm_json_begin(&in, v, path, why);
    const char *name = hm_json_name(&in, "name");
    const json_t *predicates = hm_json_array(&in, "predicates", 1, POLICY_PREDICATES_MAX);
    const json_t *builders = hm_json_array(&in, "builders", 1, POLICY_BUILDERS_MAX);
    const char *result = hm_json_str_or(&in, "result", NULL);
    if (result != NULL && (result[0] == '\0' || strlen(result) > HM_RESULT_MAX ||
                           !hm_printable_ok(hm_bytes_str(result))))
        hm_json_bad(&in, HM_E_MALFORMED, "result", "expected 1 to %d bytes of printable text",
                    HM_RESULT_MAX);
    enum hm_err err = hm_json_end(&in);
    if (err != HM_OK)
        return err;
    out->name = policy_dup(&p->arena, name);
    out->result = result != NULL ? policy_dup(&p->arena, result) : NULL;
    if (out->name == NULL || (result != NULL && out->result == NULL))
        return policy_no_memory(why);
    hm_json_path(&in, "predicates", -1, at);
    err = policy_read_names(&p->arena, predicates, at, &SPEC_PREDICATE, &out->predicates, why);
    return err == HM_OK ? read_builders(p, &in, builders, &out->builders, why) : err;
}

enum hm_err policy_load_attestations(struct policy *p, const struct hm_json_in *rule,
                                     const json_t *list, struct policy_rule_full *out,
                                     struct hm_why *why)
{
    size_t n = json_array_size(list);
    out->attestations = policy_alloc(&p->arena, n, sizeof out->attestations[0]);
    if (out->attestations == NULL)
        return policy_no_memory(why);
    for (size_t i = 0; i < n; i++) {
        char path[POLICY_PATH_MAX];
        hm_json_path(rule, "attestations", (long)i, path);
        enum hm_err err =
            read_attestation(p, json_array_get(list, i), path, &out->attestations[i], why);
        if (err != HM_OK)
            return err;
        for (size_t k = 0; k < i; k++)
            if (strcmp(out->attestations[k].name, out->attestations[i].name) == 0)
                return hm_fail(why, HM_E_MALFORMED,
                               "%s.name: \"%s\" stands twice in this list; expected it once", path,
                               out->attestations[i].name);
        out->attestation_count = i + 1;
    }
    return HM_OK;
}

static bool marks_same(const struct policy_provenance_rule *a,
                       const struct policy_provenance_rule *b)
{
    bool same = a->mark_count == b->mark_count;
    for (size_t i = 0; same && i < a->mark_count; i++)
        same = hm_digest_eq(&a->marks[i].digest, &b->marks[i].digest);
    return same;
}

static bool demands(const struct policy_rule_full *r, const struct policy_attestation_rule *a)
{
    for (size_t i = 0; i < r->attestation_count; i++) {
        const struct policy_attestation_rule *b = &r->attestations[i];
        if (strcmp(a->name, b->name) == 0)
            return policy_names_same(&a->predicates, &b->predicates) &&
                   policy_ptrs_same(&a->builders, &b->builders) &&
                   strcmp(a->result != NULL ? a->result : "", b->result != NULL ? b->result : "") ==
                       0;
    }
    return false;
}

bool policy_provenance_same(const struct policy_rule_full *a, const struct policy_rule_full *b)
{
    const struct policy_provenance_rule *pa = &a->provenance;
    const struct policy_provenance_rule *pb = &b->provenance;
    bool same = pa->builders.count == pb->builders.count && pa->level == pb->level &&
                pa->max_age_s == pb->max_age_s && pa->independent == pb->independent &&
                policy_ptrs_same(&pa->builders, &pb->builders) &&
                policy_names_same(&pa->refs, &pb->refs) && marks_same(pa, pb) &&
                a->attestation_count == b->attestation_count;
    for (size_t i = 0; same && i < a->attestation_count; i++)
        same = demands(b, &a->attestations[i]);
    return same;
}
