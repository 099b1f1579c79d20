/* in-toto Statement v1 with SLSA provenance v1. Pure; any thread. Members that the standards may
 * add are ignored; those that are read must have their right types. */
#include "schema/attest/hm_provenance_priv.h"

#include "schema/core/hm_text.h"
#include "schema/core/hm_time.h"
#include "schema/json/hm_json.h"

#include <stdlib.h>
#include <string.h>

#define STATEMENT_TYPE "https://in-toto.io/Statement/v1"
#define PREDICATE_TYPE "https://slsa.dev/provenance/v1"
/* Dependencies of every kind; the size of the statement bounds them anyway. */
#define RESOLVED_MAX 65536

static void begin_open(struct hm_json_in *in, const json_t *value, const char *path,
                       struct hm_why *why)
{
    hm_json_begin(in, value, path, why);
    in->open = true;
}

static enum hm_err read_subject(const json_t *subject, const char *path, struct hm_digest *out,
                                struct hm_why *why)
{
    struct hm_json_in in;
    struct hm_json_in digest;
    char digest_path[160];
    begin_open(&in, subject, path, why);
    const json_t *d = hm_json_object(&in, "digest");
    hm_json_path(&in, "digest", -1, digest_path);
    enum hm_err e = hm_json_end(&in);
    if (e != HM_OK)
        return e;
    begin_open(&digest, d, digest_path, why);
    hm_json_digest(&digest, "sha256", out);
    return hm_json_end(&digest);
}

static enum hm_err read_subjects(const struct hm_json_in *in, const json_t *subjects,
                                 struct hm_digest out[static HM_PROVENANCE_SUBJECTS_MAX],
                                 size_t *count, struct hm_why *why)
{
    *count = json_array_size(subjects);
    for (size_t i = 0; i < *count; i++) {
        char path[160];
        hm_json_path(in, "subject", (long)i, path);
        enum hm_err e = read_subject(json_array_get(subjects, i), path, &out[i], why);
        if (e != HM_OK)
            return e;
    }
    return HM_OK;
}

/* Copies n bytes that are a URI or, for a ref, look like a part of one. */
static bool copy_uri(const char *text, size_t n, char out[static HM_URI_MAX + 1])
{
    if (n == 0 || n > HM_URI_MAX)
        return false;
    memcpy(out, text, n);
    out[n] = '\0';
    return hm_uri_ok(out);
}

/* git+URI[@ref]. A ref may hold slashes and at signs, a user name stands in the authority: so the
 * ref begins behind the first '@' of the path. */
static bool split_source(const char *uri, struct hm_source *s)
{
    const char *repository = uri + strlen("git+");
    const char *scheme_end = strstr(repository, "://");
    const char *path = strchr(scheme_end != NULL ? scheme_end + 3 : repository, '/');
    const char *at = path != NULL ? strchr(path, '@') : NULL;
    if (at == NULL)
        return copy_uri(repository, strlen(repository), s->repository);
    return copy_uri(repository, (size_t)(at - repository), s->repository) &&
           copy_uri(at + 1, strlen(at + 1), s->ref);
}

static bool commit_ok(const char *hex)
{
    uint8_t raw[32];
    size_t n = strnlen(hex, 65);
    return (n == 40 || n == 64) && hm_unhex(hm_bytes_of(hex, n), raw, n / 2) == HM_OK;
}

static enum hm_err read_commit(const json_t *digest, const char *path, struct hm_source *s,
                               struct hm_why *why)
{
    struct hm_json_in in;
    begin_open(&in, digest, path, why);
    const char *commit = hm_json_str_or(&in, "gitCommit", NULL);
    if (commit == NULL)
        commit = hm_json_str_or(&in, "sha1", NULL);
    if (commit != NULL && !commit_ok(commit))
        hm_json_bad(&in, HM_E_MALFORMED, "gitCommit", "expected a commit of 40 or 64 hex digits");
    enum hm_err e = hm_json_end(&in);
    if (e == HM_OK && commit != NULL)
        memcpy(s->commit, commit, strlen(commit) + 1);
    return e;
}

/* One resolved dependency; only those from git are kept. */
static enum hm_err read_dependency(const json_t *dependency, const char *path,
                                   struct hm_provenance *p, struct hm_why *why)
{
    struct hm_json_in in;
    char digest_path[160];
    begin_open(&in, dependency, path, why);
    const char *uri = hm_json_str_or(&in, "uri", "");
    const json_t *digest = hm_json_object_or_null(&in, "digest");
    hm_json_path(&in, "digest", -1, digest_path);
    enum hm_err e = hm_json_end(&in);
    if (e == HM_OK)
        hm_provenance_mark_dependency(p, uri, digest);
    if (e != HM_OK || strncmp(uri, "git+", 4) != 0)
        return e;
    if (p->source_count == HM_PROVENANCE_SOURCES_MAX)
        return hm_fail(why, HM_E_LIMIT, "%s: more than %d git sources", path,
                       HM_PROVENANCE_SOURCES_MAX);
    struct hm_source *s = &p->sources[p->source_count];
    if (!split_source(uri, s))
        return hm_fail(why, HM_E_MALFORMED, "%s.uri: expected git+URI or git+URI@ref", path);
    p->source_count++;
    return digest != NULL ? read_commit(digest, digest_path, s, why) : HM_OK;
}

static enum hm_err read_build(const json_t *build, struct hm_provenance *p, struct hm_why *why)
{
    struct hm_json_in in;
    begin_open(&in, build, "$.predicate.buildDefinition", why);
    const json_t *list = hm_json_array_or_null(&in, "resolvedDependencies", RESOLVED_MAX);
    const json_t *parameters = json_object_get(build, "externalParameters");
    enum hm_err e = hm_json_end(&in);
    if (e == HM_OK && parameters != NULL)
        hm_provenance_mark_parameters(p, parameters);
    for (size_t i = 0; e == HM_OK && i < json_array_size(list); i++) {
        char path[160];
        hm_json_path(&in, "resolvedDependencies", (long)i, path);
        e = read_dependency(json_array_get(list, i), path, p, why);
    }
    return e;
}

/* RFC 3339 in UTC; fractions of a second are left away. Anything else is as good as no time: a rule
 * that asks for one then refuses. */
static int64_t finished(const json_t *metadata)
{
    const char *text = json_string_value(json_object_get(metadata, "finishedOn"));
    char whole[HM_TIME_TEXT];
    int64_t t = 0;
    size_t n = text != NULL ? strlen(text) : 0;
    if (n < HM_TIME_TEXT - 1 || text[n - 1] != 'Z')
        return 0;
    size_t fraction = n - (HM_TIME_TEXT - 1);
    if (fraction > 0 && (text[HM_TIME_TEXT - 2] != '.' || fraction < 2 || fraction > 10 ||
                         strspn(text + HM_TIME_TEXT - 1, "0123456789") != fraction - 1))
        return 0;
    memcpy(whole, text, HM_TIME_TEXT - 2);
    memcpy(whole + HM_TIME_TEXT - 2, "Z", 2);
    return hm_time_parse(hm_bytes_str(whole), &t) == HM_OK ? t : 0;
}

static enum hm_err read_builder(const json_t *run, struct hm_provenance *p, struct hm_why *why)
{
    struct hm_json_in details;
    struct hm_json_in builder;
    begin_open(&details, run, "$.predicate.runDetails", why);
    const json_t *b = hm_json_object(&details, "builder");
    enum hm_err e = hm_json_end(&details);
    if (e != HM_OK)
        return e;
    p->finished_s = finished(json_object_get(run, "metadata"));
    begin_open(&builder, b, "$.predicate.runDetails.builder", why);
    const char *id = hm_json_str(&builder, "id");
    if (id != NULL && !copy_uri(id, strlen(id), p->builder))
        hm_json_bad(&builder, HM_E_MALFORMED, "id", "expected a URI of at most %d bytes",
                    HM_URI_MAX);
    return hm_json_end(&builder);
}

static enum hm_err read_predicate(const json_t *predicate, struct hm_provenance *p,
                                  struct hm_why *why)
{
    struct hm_json_in in;
    begin_open(&in, predicate, "$.predicate", why);
    const json_t *build = hm_json_object(&in, "buildDefinition");
    const json_t *run = hm_json_object(&in, "runDetails");
    enum hm_err e = hm_json_end(&in);
    if (e == HM_OK)
        e = read_build(build, p, why);
    if (e == HM_OK)
        e = read_builder(run, p, why);
    return e;
}

/* The members that every statement has; *predicate_type is borrowed from the document. */
static enum hm_err read_head(struct hm_json_in *in, const char **predicate_type,
                             struct hm_digest subjects[static HM_PROVENANCE_SUBJECTS_MAX],
                             size_t *count, struct hm_why *why)
{
    const char *statement_type = hm_json_str(in, "_type");
    *predicate_type = hm_json_str(in, "predicateType");
    const json_t *list = hm_json_array(in, "subject", 1, HM_PROVENANCE_SUBJECTS_MAX);
    if (statement_type != NULL && strcmp(statement_type, STATEMENT_TYPE) != 0)
        hm_json_bad(in, HM_E_MALFORMED, "_type", "expected %s", STATEMENT_TYPE);
    return in->err == HM_OK ? read_subjects(in, list, subjects, count, why) : in->err;
}

static enum hm_err read_statement(const json_t *statement, enum hm_statement_type *type,
                                  struct hm_provenance *p, struct hm_why *why)
{
    struct hm_json_in in;
    const char *predicate_type = NULL;
    begin_open(&in, statement, "$", why);
    enum hm_err e = read_head(&in, &predicate_type, p->subjects, &p->subject_count, why);
    if (e != HM_OK)
        return e;
    *type = strcmp(predicate_type, PREDICATE_TYPE) == 0 ? HM_STATEMENT_SLSA_V1 : HM_STATEMENT_OTHER;
    if (*type == HM_STATEMENT_OTHER)
        return hm_json_end(&in);
    const json_t *predicate = hm_json_object(&in, "predicate");
    e = hm_json_end(&in);
    return e == HM_OK ? read_predicate(predicate, p, why) : e;
}

enum hm_err hm_provenance_parse(struct hm_bytes payload, enum hm_statement_type *type,
                                struct hm_provenance *out, struct hm_why *why)
{
    HM_JSON_AUTO *statement = NULL;
    enum hm_statement_type t = HM_STATEMENT_OTHER;
    enum hm_err e = hm_json_parse(payload, HM_JSON_FOREIGN(HM_ATTESTATION_MAX), &statement, why);
    if (e != HM_OK)
        return e;
    struct hm_provenance *p = calloc(1, sizeof *p); /* 29 KiB: not for every thread's stack */
    if (p == NULL)
        return hm_fail(why, HM_E_MEMORY, "provenance: out of memory");
    e = read_statement(statement, &t, p, why);
    if (e == HM_OK && t == HM_STATEMENT_SLSA_V1)
        *out = *p;
    if (e == HM_OK)
        *type = t;
    free(p);
    return e;
}

enum hm_err hm_statement_parse(struct hm_bytes payload, struct hm_statement *out,
                               struct hm_why *why)
{
    HM_JSON_AUTO *doc = NULL;
    struct hm_statement s = {.subject_count = 0};
    struct hm_json_in in;
    const char *type = NULL;
    enum hm_err e = hm_json_parse(payload, HM_JSON_FOREIGN(HM_ATTESTATION_MAX), &doc, why);
    if (e != HM_OK)
        return e;
    begin_open(&in, doc, "$", why);
    e = read_head(&in, &type, s.subjects, &s.subject_count, why);
    if (e != HM_OK)
        return e;
    if (!copy_uri(type, strlen(type), s.predicate))
        hm_json_bad(&in, HM_E_MALFORMED, "predicateType", "expected a URI of at most %d bytes",
                    HM_URI_MAX);
    const char *result =
        json_string_value(json_object_get(json_object_get(doc, "predicate"), "result"));
    if (result != NULL && strlen(result) <= HM_RESULT_MAX)
        memcpy(s.result, result, strlen(result) + 1);
    e = hm_json_end(&in);
    if (e == HM_OK)
        *out = s;
    return e;
}
