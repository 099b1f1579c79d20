/* Statements that builders signed, in plain words: provenance and other attestations. */
#include "client/cli_case_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void read_sources(struct hm_json_in *in, struct hm_provenance *out)
{
    const json_t *list = hm_json_array(in, "sources", 0, HM_PROVENANCE_SOURCES_MAX);
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct hm_json_in one;
        char path[160];
        struct hm_source *s = &out->sources[i];
        hm_json_path(in, "sources", (long)i, path);
        hm_json_begin(&one, json_array_get(list, i), path, in->why);
        const char *repository = hm_json_str(&one, "repository");
        const char *ref = hm_json_str_or(&one, "ref", "");
        if (hm_json_end(&one) != HM_OK) {
            in->err = one.err;
            return;
        }
        (void)snprintf(s->repository, sizeof s->repository, "%s", repository);
        (void)snprintf(s->ref, sizeof s->ref, "%s", ref);
    }
    out->source_count = json_array_size(list);
}

/* The key of the builder that signed, by default the one that the statement names. */
static enum hm_err read_signer(struct case_reader *r, struct hm_json_in *in, const char *builder,
                               struct hm_key *out)
{
    size_t count = 0;
    const char *id = hm_json_str_or(in, "signed_by", builder);
    const struct hm_key *keys = id != NULL ? policy_builder_keys(r->p, id, &count) : NULL;
    if (in->err == HM_OK && count == 0)
        hm_json_bad(
            in, HM_E_MALFORMED, hm_json_has(in, "signed_by") ? "signed_by" : "builder",
            "\"%.200s\" is no builder of the policy; expected \"signed_by\" with one, or null "
            "in place of a statement that nobody of the policy signed",
            id != NULL ? id : "");
    if (in->err == HM_OK)
        *out = keys[0];
    return in->err;
}

/* Parameters and dependencies that the build had. */
static void read_marks(struct hm_json_in *in, struct hm_provenance *out)
{
    const json_t *parameters = hm_json_object_or_null(in, "parameters");
    const json_t *list = hm_json_array_or_null(in, "dependencies", CLI_CASE_LIST_MAX);
    const char *pointer;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)parameters, pointer, value)
    {
        if (out->mark_count < CLI_CASE_LIST_MAX && pointer[0] == '/' &&
            hm_provenance_parameter(pointer, value, &out->marks[out->mark_count]))
            out->mark_count++;
        else
            hm_json_bad(in, HM_E_MALFORMED, "parameters",
                        "expected at most %d of JSON Pointer to text, integer or boolean",
                        CLI_CASE_LIST_MAX);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        const char *uri = json_string_value(json_object_get(v, "uri"));
        const char *hex = json_string_value(json_object_get(v, "sha256"));
        struct hm_digest sha256;
        if (uri == NULL || json_object_size(v) != 1u + (hex != NULL) ||
            (hex != NULL && hm_digest_unhex(hm_bytes_str(hex), &sha256) != HM_OK)) {
            hm_json_bad(in, HM_E_MALFORMED, "dependencies",
                        "expected \"uri\" and perhaps \"sha256\" (64 hex digits) in each");
            return;
        }
        out->marks[out->mark_count++] = hm_provenance_dependency(uri, NULL);
        if (hex != NULL)
            out->marks[out->mark_count++] = hm_provenance_dependency(uri, &sha256);
    }
}

static enum hm_err read_statement(struct case_reader *r, const struct hm_json_in *facts, size_t i,
                                  const json_t *v)
{
    struct hm_json_in in;
    char path[160];
    struct cli_case_facts *f = r->f;
    struct hm_provenance *s = &f->statements[i];
    hm_json_path(facts, "provenance", (long)i, path);
    hm_json_begin(&in, v, path, r->why);
    const char *builder = hm_json_str(&in, "builder");
    case_time(&in, "finished", &s->finished_s);
    read_marks(&in, s);
    const json_t *subjects = hm_json_array_or_null(&in, "subjects", HM_PROVENANCE_SUBJECTS_MAX);
    read_sources(&in, s);
    (void)read_signer(r, &in, builder, &f->provenance[i].key);
    enum hm_err err = hm_json_end(&in);
    if (err == HM_OK)
        err = case_digests(&in, "subjects", subjects, s->subjects, r->why);
    if (err != HM_OK)
        return err;
    (void)snprintf(s->builder, sizeof s->builder, "%s", builder);
    s->subject_count = json_array_size(subjects);
    if (subjects == NULL) { /* what was built is what is released */
        s->subject_count = f->facts.artifact_count;
        memcpy(s->subjects, f->artifacts, s->subject_count * sizeof s->subjects[0]);
    }
    f->provenance[i].statement = s;
    return HM_OK;
}

static enum hm_err read_provenance(struct case_reader *r, struct hm_json_in *in)
{
    const json_t *list = hm_json_array_or_null(in, "provenance", HM_ATTESTATIONS_MAX);
    size_t n = json_array_size(list);
    struct cli_case_facts *f = r->f;
    if (n == 0)
        return in->err;
    f->statements = calloc(n, sizeof f->statements[0]);
    if (f->statements == NULL)
        return hm_fail(r->why, HM_E_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        enum hm_err err = json_is_null(v) ? HM_OK : read_statement(r, in, i, v);
        if (err != HM_OK)
            return err;
    }
    f->facts.provenance = f->provenance;
    f->facts.provenance_count = n;
    return HM_OK;
}

/* --- statements of other kinds --- */

static enum hm_err read_other(struct case_reader *r, const struct hm_json_in *facts, size_t i,
                              const json_t *v)
{
    struct hm_json_in in;
    char path[160];
    struct cli_case_facts *f = r->f;
    struct hm_statement *s = &f->others[i];
    hm_json_path(facts, "attestations", (long)i, path);
    hm_json_begin(&in, v, path, r->why);
    const char *predicate = hm_json_str(&in, "predicate");
    const char *result = hm_json_str_or(&in, "result", "");
    const json_t *subjects = hm_json_array_or_null(&in, "subjects", HM_PROVENANCE_SUBJECTS_MAX);
    const char *signed_by = hm_json_str(&in, "signed_by");
    (void)read_signer(r, &in, signed_by, &f->attestations[i].key);
    enum hm_err err = hm_json_end(&in);
    if (err == HM_OK)
        err = case_digests(&in, "subjects", subjects, s->subjects, r->why);
    if (err != HM_OK)
        return err;
    (void)snprintf(s->predicate, sizeof s->predicate, "%s", predicate);
    (void)snprintf(s->result, sizeof s->result, "%s", result);
    s->subject_count = json_array_size(subjects);
    if (subjects == NULL) {
        s->subject_count = f->facts.artifact_count;
        memcpy(s->subjects, f->artifacts, s->subject_count * sizeof s->subjects[0]);
    }
    f->attestations[i].statement = s;
    return HM_OK;
}

static enum hm_err read_others(struct case_reader *r, struct hm_json_in *in)
{
    const json_t *list = hm_json_array_or_null(in, "attestations", HM_ATTESTATIONS_MAX);
    size_t n = json_array_size(list);
    struct cli_case_facts *f = r->f;
    if (n == 0)
        return in->err;
    f->others = calloc(n, sizeof f->others[0]);
    if (f->others == NULL)
        return hm_fail(r->why, HM_E_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        enum hm_err err = json_is_null(v) ? HM_OK : read_other(r, in, i, v);
        if (err != HM_OK)
            return err;
    }
    f->facts.attestations = f->attestations;
    f->facts.attestation_count = n;
    return HM_OK;
}

enum hm_err case_read_evidence(struct case_reader *r, struct hm_json_in *in)
{
    enum hm_err err = read_provenance(r, in);
    return err == HM_OK ? read_others(r, in) : err;
}
