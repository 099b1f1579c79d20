/* Facts, documents and edits for the tests of policy/. */
#include "tests/unit/policy/policy_facts.h"

#include "schema/trust/hm_keydoc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_digest(const json_t *v, struct hm_digest *out)
{
    const char *hex = json_string_value(v);
    return hex != NULL && hm_digest_unhex(hm_bytes_str(hex), out) == HM_OK;
}

static const char *text(const json_t *v, const char *member)
{
    return json_string_value(json_object_get(v, member));
}

static void copy_text(char *out, size_t cap, const json_t *v, const char *member)
{
    const char *s = text(v, member);
    (void)snprintf(out, cap, "%s", s != NULL ? s : "");
}

static bool read_digests(const json_t *list, struct hm_digest *out, size_t *count)
{
    *count = json_array_size(list);
    for (size_t i = 0; i < *count; i++)
        if (!read_digest(json_array_get(list, i), &out[i]))
            return false;
    return true;
}

static bool read_statement(const json_t *v, struct hm_provenance *out)
{
    const json_t *subjects = json_object_get(v, "subjects");
    const json_t *sources = json_object_get(v, "sources");
    copy_text(out->builder, sizeof out->builder, v, "builder");
    if (json_array_size(subjects) > HM_PROVENANCE_SUBJECTS_MAX ||
        json_array_size(sources) > HM_PROVENANCE_SOURCES_MAX ||
        !read_digests(subjects, out->subjects, &out->subject_count))
        return false;
    out->source_count = json_array_size(sources);
    for (size_t i = 0; i < out->source_count; i++) {
        const json_t *s = json_array_get(sources, i);
        copy_text(out->sources[i].repository, sizeof out->sources[i].repository, s, "repository");
        copy_text(out->sources[i].ref, sizeof out->sources[i].ref, s, "ref");
        copy_text(out->sources[i].commit, sizeof out->sources[i].commit, s, "commit");
    }
    return true;
}

static bool read_build(const json_t *v, struct hm_provenance *out)
{
    const char *pointer = NULL;
    json_t *value = NULL;
    size_t i = 0;
    json_object_foreach(json_object_get(v, "parameters"), pointer, value) out->mark_count +=
        out->mark_count < HM_PROVENANCE_MARKS_MAX &&
        hm_provenance_parameter(pointer, value, &out->marks[out->mark_count]);
    json_array_foreach(json_object_get(v, "dependencies"), i, value)
    {
        struct hm_digest sha256;
        const json_t *hex = json_object_get(value, "sha256");
        if (text(value, "uri") == NULL || (hex != NULL && !read_digest(hex, &sha256)) ||
            out->mark_count + 2 > HM_PROVENANCE_MARKS_MAX)
            return false;
        out->marks[out->mark_count++] = hm_provenance_dependency(text(value, "uri"), NULL);
        if (hex != NULL)
            out->marks[out->mark_count++] = hm_provenance_dependency(text(value, "uri"), &sha256);
    }
    out->finished_s = json_integer_value(json_object_get(v, "finished_s"));
    return true;
}

static bool read_provenance(const json_t *list, struct facts_doc *d)
{
    size_t n = json_array_size(list);
    d->statements = calloc(n + 1, sizeof d->statements[0]);
    d->provenance = calloc(n + 1, sizeof d->provenance[0]);
    for (size_t i = 0; d->statements != NULL && d->provenance != NULL && i < n; i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_object(v))
            continue; /* null: a statement that nobody verified */
        if (!read_statement(v, &d->statements[i]) || !read_build(v, &d->statements[i]) ||
            hm_keydoc_read(json_object_get(v, "key"), "$.key", &d->provenance[i].key, NULL) !=
                HM_OK)
            return false;
        d->provenance[i].statement = &d->statements[i];
    }
    d->facts.provenance = d->provenance;
    d->facts.provenance_count = n;
    return true;
}

static bool read_attestations(const json_t *list, struct facts_doc *d)
{
    size_t n = json_array_size(list);
    d->others = calloc(n + 1, sizeof d->others[0]);
    d->attestations = calloc(n + 1, sizeof d->attestations[0]);
    for (size_t i = 0; d->others != NULL && d->attestations != NULL && i < n; i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_object(v))
            continue; /* null: a statement that nobody verified */
        copy_text(d->others[i].predicate, sizeof d->others[i].predicate, v, "predicate");
        copy_text(d->others[i].result, sizeof d->others[i].result, v, "result");
        if (json_array_size(json_object_get(v, "subjects")) > HM_PROVENANCE_SUBJECTS_MAX ||
            !read_digests(json_object_get(v, "subjects"), d->others[i].subjects,
                          &d->others[i].subject_count) ||
            hm_keydoc_read(json_object_get(v, "key"), "$.key", &d->attestations[i].key, NULL) !=
                HM_OK)
            return false;
        d->attestations[i].statement = &d->others[i];
    }
    d->facts.attestations = d->attestations;
    d->facts.attestation_count = n;
    return true;
}

static bool read_approvals(const json_t *list, struct facts_doc *d)
{
    size_t n = json_array_size(list);
    d->approvals = calloc(n + 1, sizeof d->approvals[0]);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        d->approvals[i].principal = text(v, "principal");
        d->approvals[i].record = (uint64_t)json_integer_value(json_object_get(v, "record"));
        d->approvals[i].user_verified = json_is_true(json_object_get(v, "user_verified"));
        if (!read_digest(json_object_get(v, "key"), &d->approvals[i].key))
            return false;
    }
    d->facts.approvals = d->approvals;
    d->facts.approval_count = n;
    return true;
}

static bool read_vetoes(const json_t *list, struct facts_doc *d)
{
    size_t n = json_array_size(list);
    d->vetoes = calloc(n + 1, sizeof d->vetoes[0]);
    for (size_t i = 0; d->vetoes != NULL && i < n; i++)
        d->vetoes[i] = json_string_value(json_array_get(list, i));
    d->facts.vetoes = d->vetoes;
    d->facts.veto_count = n;
    return d->vetoes != NULL;
}

static bool read_prior(const json_t *list, struct facts_doc *d)
{
    size_t n = json_array_size(list);
    d->prior = calloc(n + 1, sizeof d->prior[0]);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        d->prior[i].product = text(v, "product");
        d->prior[i].version = text(v, "version");
        if (!read_digest(json_object_get(v, "artifact"), &d->prior[i].artifact))
            return false;
    }
    d->facts.prior = d->prior;
    d->facts.prior_count = n;
    return true;
}

static uint64_t number(const json_t *v, const char *member)
{
    return (uint64_t)json_integer_value(json_object_get(v, member));
}

/* A set of artifacts out of the pool that facts_free() gives back. */
static bool read_set(const json_t *list, struct facts_doc *d, struct policy_fact_set *out)
{
    size_t n = json_array_size(list);
    if (d->pool_used + n > FACTS_POOL)
        return false;
    struct hm_digest *v = &d->pool[d->pool_used];
    *out = (struct policy_fact_set){v, n};
    d->pool_used += n;
    return read_digests(list, v, &out->count);
}

static bool read_earlier(const json_t *list, struct facts_doc *d)
{
    size_t n = json_array_size(list);
    bool ok = n <= FACTS_LIST;
    for (size_t i = 0; ok && i < n; i++) {
        const json_t *v = json_array_get(list, i);
        struct policy_fact_earlier *e = &d->earlier[i];
        e->product = text(v, "product");
        e->environment = text(v, "environment");
        e->channel = text(v, "channel");
        e->submitter = text(v, "submitter");
        e->signed_s = json_integer_value(json_object_get(v, "signed_s"));
        ok = read_set(json_object_get(v, "artifacts"), d, &e->artifacts);
    }
    d->facts.earlier = d->earlier;
    d->facts.earlier_count = n;
    return ok;
}

static bool read_history(const json_t *v, struct facts_doc *d)
{
    struct policy_facts *f = &d->facts;
    const json_t *last = json_object_get(v, "last");
    const json_t *sets = json_object_get(v, "same_version");
    const json_t *times = json_object_get(v, "signed_at");
    f->now_s = json_integer_value(json_object_get(v, "now_s"));
    f->size = number(v, "size");
    f->rollback_floor = number(v, "rollback_floor");
    d->last = (struct policy_fact_last){text(last, "version"), number(last, "rollback_floor"),
                                        number(last, "size")};
    f->last = json_is_object(last) ? &d->last : NULL;
    f->same_version = d->same_version;
    f->same_version_count = json_array_size(sets);
    f->signed_at = d->signed_at;
    f->signed_at_count = json_array_size(times);
    bool ok = f->same_version_count <= FACTS_LIST && f->signed_at_count <= FACTS_LIST;
    for (size_t i = 0; ok && i < f->same_version_count; i++)
        ok = read_set(json_array_get(sets, i), d, &d->same_version[i]);
    for (size_t i = 0; ok && i < f->signed_at_count; i++)
        d->signed_at[i] = json_integer_value(json_array_get(times, i));
    return ok && read_earlier(json_object_get(v, "earlier"), d);
}

static bool read_hardware(const json_t *list, struct facts_doc *d)
{
    size_t n = json_array_size(list);
    if (n > HM_HARDWARE_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        copy_text(d->hardware[i].model, sizeof d->hardware[i].model, v, "model");
        copy_text(d->hardware[i].revision, sizeof d->hardware[i].revision, v, "revision");
    }
    d->facts.hardware = d->hardware;
    d->facts.hardware_count = n;
    return true;
}

bool facts_read(const json_t *v, struct facts_doc *out)
{
    memset(out, 0, sizeof *out);
    const char *stage = text(v, "stage");
    struct policy_facts *f = &out->facts;
    if (stage != NULL)
        f->stage = strcmp(stage, "submission") == 0 ? POLICY_AT_SUBMISSION : POLICY_AT_SIGNING;
    f->product = text(v, "product");
    f->version = text(v, "version");
    f->channel = text(v, "channel");
    f->environment = text(v, "environment");
    f->break_glass = text(v, "break_glass");
    f->submitted_s = json_integer_value(json_object_get(v, "submitted_s"));
    f->submitter = text(v, "submitter");
    const json_t *key = json_object_get(v, "key");
    if (key != NULL && !read_digest(key, &out->key))
        return false;
    f->key = key != NULL ? &out->key : NULL;
    const json_t *artifacts = json_object_get(v, "artifacts");
    out->artifacts = calloc(json_array_size(artifacts) + 1, sizeof out->artifacts[0]);
    f->artifacts = out->artifacts;
    return json_is_object(v) && read_digests(artifacts, out->artifacts, &f->artifact_count) &&
           read_history(v, out) && read_hardware(json_object_get(v, "hardware"), out) &&
           read_provenance(json_object_get(v, "provenance"), out) &&
           read_attestations(json_object_get(v, "attestations"), out) &&
           read_approvals(json_object_get(v, "approvals"), out) &&
           read_vetoes(json_object_get(v, "vetoes"), out) &&
           read_prior(json_object_get(v, "prior"), out);
}

void facts_free(struct facts_doc *d)
{
    free(d->artifacts);
    free(d->statements);
    free(d->provenance);
    free(d->others);
    free(d->attestations);
    free(d->approvals);
    free(d->vetoes);
    free(d->prior);
    memset(d, 0, sizeof *d);
}

char *document_text(const char *name)
{
    const char *root = getenv("HALLMARK_SOURCE");
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/tests/documents/policy/%s", root != NULL ? root : ".",
                   name);
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return NULL;
    char *out = calloc(1, HM_CONFIG_MAX + 1);
    size_t n = out != NULL ? fread(out, 1, HM_CONFIG_MAX, f) : 0;
    (void)fclose(f);
    if (n > 0)
        return out;
    free(out);
    return NULL;
}

json_t *document_json(const char *name)
{
    char *all = document_text(name);
    json_t *v = all != NULL ? json_loads(all, 0, NULL) : NULL;
    free(all);
    return v;
}

static json_t *child(json_t *v, const char *step)
{
    if (json_is_array(v))
        return json_array_get(v, (size_t)strtoul(step, NULL, 10));
    return json_object_get(v, step);
}

/* The value at a path; writes into the path. */
static json_t *walk(json_t *doc, char *path)
{
    char *save = NULL;
    for (char *step = strtok_r(path, "/", &save); step != NULL; step = strtok_r(NULL, "/", &save))
        doc = child(doc, step);
    return doc;
}

static json_t *edit_value(json_t *doc, json_t *other, char *value)
{
    if (value[0] == '^')
        return json_deep_copy(walk(other, value + 1));
    if (value[0] == '@')
        return json_deep_copy(walk(doc, value + 1));
    for (char *c = value; *c != '\0'; c++)
        if (*c == '\'')
            *c = '"';
    return json_loads(value, JSON_DECODE_ANY, NULL);
}

static bool place(json_t *at, const char *last, json_t *value)
{
    if (json_is_object(at))
        return json_object_set_new(at, last, value) == 0;
    size_t i = (size_t)strtoul(last, NULL, 10);
    if (json_is_array(at) && i == json_array_size(at))
        return json_array_append_new(at, value) == 0;
    return json_array_set_new(at, i, value) == 0; /* takes the reference in any case */
}

static bool edit_one(json_t *doc, json_t *other, char *edit)
{
    char *equals = strchr(edit, '=');
    if (equals == NULL)
        return false;
    *equals = '\0';
    char *slash = strrchr(edit, '/');
    char *last = slash != NULL ? slash + 1 : edit;
    json_t *value = strcmp(equals + 1, "-") == 0 ? NULL : edit_value(doc, other, equals + 1);
    if (slash != NULL)
        *slash = '\0';
    json_t *at = slash != NULL ? walk(doc, edit) : doc;
    if (strcmp(equals + 1, "-") == 0)
        return json_is_array(at) ? json_array_remove(at, (size_t)strtoul(last, NULL, 10)) == 0
                                 : json_object_del(at, last) == 0;
    return value != NULL && place(at, last, value);
}

bool document_edit(json_t *doc, const char *edits, json_t *other)
{
    char *copy = strdup(edits);
    char *save = NULL;
    bool ok = copy != NULL;
    for (char *e = ok ? strtok_r(copy, ";", &save) : NULL; ok && e != NULL;
         e = strtok_r(NULL, ";", &save))
        ok = edit_one(doc, other, e);
    free(copy);
    return ok;
}
