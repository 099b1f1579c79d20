/* Facts in plain words become those that policy_evaluate takes: people and keys by their names in
 * the policy, artifacts by any name (their digest is that of the name, or sha256:<hex>). */
#include "client/cli_case.h"
#include "schema/core/hm_text.h"
#include "schema/json/hm_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where facts are read into, and what they are about. */
struct reader {
    const struct policy *p;
    struct cli_case_facts *f;
    struct hm_why *why;
};

static enum hm_err at(const struct hm_json_in *in, const char *member, size_t i, struct hm_why *why,
                      const char *text, const char *expected)
{
    char path[160];
    hm_json_path(in, member, (long)i, path);
    return hm_fail(why, HM_E_MALFORMED, "%s: %s%.100s%sexpected %s", path, text != NULL ? "\"" : "",
                   text != NULL ? text : "", text != NULL ? "\": " : "", expected);
}

static bool digest_of(const json_t *v, struct hm_digest *out)
{
    const char *text = json_string_value(v);
    if (text == NULL || text[0] == '\0')
        return false;
    if (strncmp(text, "sha256:", 7) == 0)
        return hm_digest_unhex(hm_bytes_str(text + 7), out) == HM_OK;
    *out = hm_sha256(hm_bytes_str(text));
    return true;
}

static enum hm_err digests(const struct hm_json_in *in, const char *member, const json_t *list,
                           struct hm_digest *out, struct hm_why *why)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!digest_of(json_array_get(list, i), &out[i]))
            return at(in, member, i, why, NULL,
                      "a name that stands for the bytes, or sha256:<hex>");
    return HM_OK;
}

/* Somebody of the policy, or {"stranger": name}. NULL with the error set. */
static const char *person(struct reader *r, const struct hm_json_in *in, const char *member, long i,
                          const json_t *v)
{
    char path[160];
    const char *stranger = json_string_value(json_object_get(v, "stranger"));
    hm_json_path(in, member, i, path);
    if (stranger != NULL && json_object_size(v) == 1) {
        if (policy_principal(r->p, stranger) == NULL)
            return stranger;
        (void)hm_fail(r->why, HM_E_MALFORMED, "%s: \"%.80s\" is no stranger to the policy", path,
                      stranger);
        return NULL;
    }
    const char *id = json_string_value(v);
    if (id != NULL && policy_principal(r->p, id) != NULL)
        return id;
    (void)hm_fail(r->why, HM_E_MALFORMED,
                  "%s: \"%.80s\" is no principal of the policy; expected an id out of it, or "
                  "{\"stranger\": \"name\"}",
                  path, id != NULL ? id : "");
    return NULL;
}

static enum hm_err read_hardware(struct reader *r, struct hm_json_in *in)
{
    const json_t *list = hm_json_array_or_null(in, "hardware", HM_HARDWARE_MAX);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        const char *slash = text != NULL ? strchr(text, '/') : NULL;
        struct hm_hardware *h = &r->f->hardware[i];
        if (slash == NULL || slash - text > HM_NAME_MAX || strlen(slash + 1) > HM_NAME_MAX)
            return at(in, "hardware", i, r->why, text, "MODEL/REVISION");
        (void)snprintf(h->model, sizeof h->model, "%.*s", (int)(slash - text), text);
        (void)snprintf(h->revision, sizeof h->revision, "%s", slash + 1);
        if (!hm_name_ok(h->model) || !hm_name_ok(h->revision))
            return at(in, "hardware", i, r->why, text, "MODEL/REVISION");
    }
    r->f->facts.hardware = r->f->hardware;
    r->f->facts.hardware_count = json_array_size(list);
    return HM_OK;
}

static enum hm_err read_key(struct reader *r, struct hm_json_in *in)
{
    const char *id = hm_json_str_or(in, "key", NULL);
    const struct policy_release_key *k;
    if (id == NULL)
        return HM_OK;
    for (size_t i = 0; (k = policy_key_at(r->p, i)) != NULL; i++)
        if (strcmp(k->id, id) == 0) {
            r->f->key = k->key_id;
            r->f->facts.key = &r->f->key;
            return HM_OK;
        }
    hm_json_bad(in, HM_E_MALFORMED, "key", "\"%.80s\": expected the id of a release key", id);
    return in->err;
}

/* --- provenance --- */

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
static enum hm_err read_signer(struct reader *r, struct hm_json_in *in, const char *builder,
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

static enum hm_err read_statement(struct reader *r, const struct hm_json_in *facts, size_t i,
                                  const json_t *v)
{
    struct hm_json_in in;
    char path[160];
    struct cli_case_facts *f = r->f;
    struct hm_provenance *s = &f->statements[i];
    hm_json_path(facts, "provenance", (long)i, path);
    hm_json_begin(&in, v, path, r->why);
    const char *builder = hm_json_str(&in, "builder");
    const json_t *subjects = hm_json_array_or_null(&in, "subjects", HM_PROVENANCE_SUBJECTS_MAX);
    read_sources(&in, s);
    (void)read_signer(r, &in, builder, &f->provenance[i].key);
    enum hm_err err = hm_json_end(&in);
    if (err == HM_OK)
        err = digests(&in, "subjects", subjects, s->subjects, r->why);
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

static enum hm_err read_provenance(struct reader *r, struct hm_json_in *in)
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

/* --- approvals and the rest --- */

/* "alice", {"stranger": "x"} or {"principal": "alice", "key": 1}: which of the approval keys. */
static enum hm_err read_approval(struct reader *r, const struct hm_json_in *in, size_t i,
                                 const json_t *v)
{
    struct policy_fact_approval *a = &r->f->approvals[i];
    const json_t *who = json_object_get(v, "principal");
    const json_t *key = json_object_get(v, "key");
    bool full = who != NULL && json_is_integer(key) && json_object_size(v) == 2;
    const char *id = person(r, in, "approvals", (long)i, full ? who : v);
    if (id == NULL)
        return HM_E_MALFORMED;
    *a = (struct policy_fact_approval){.principal = id, .record = i + 1};
    const struct policy_principal *p = policy_principal(r->p, id);
    json_int_t n = full ? json_integer_value(key) : 0;
    if (p == NULL)
        return HM_OK;
    if (n < 0 || (size_t)n >= p->approval_key_count)
        return at(in, "approvals", i, r->why, id,
                  "somebody with that many approval keys (\"key\" counts from 0)");
    a->key = hm_key_id(&p->approval_keys[n]);
    return HM_OK;
}

static enum hm_err read_people(struct reader *r, struct hm_json_in *in)
{
    const json_t *approvals = hm_json_array_or_null(in, "approvals", CLI_CASE_LIST_MAX);
    const json_t *vetoes = hm_json_array_or_null(in, "vetoes", CLI_CASE_LIST_MAX);
    const json_t *submitter = hm_json_has(in, "submitter") ? hm_json_any(in, "submitter") : NULL;
    struct cli_case_facts *f = r->f;
    enum hm_err err = in->err;
    if (err == HM_OK && submitter != NULL) {
        f->facts.submitter = person(r, in, "submitter", -1, submitter);
        err = f->facts.submitter != NULL ? HM_OK : HM_E_MALFORMED;
    }
    for (size_t i = 0; err == HM_OK && i < json_array_size(approvals); i++)
        err = read_approval(r, in, i, json_array_get(approvals, i));
    for (size_t i = 0; err == HM_OK && i < json_array_size(vetoes); i++) {
        f->vetoes[i] = person(r, in, "vetoes", (long)i, json_array_get(vetoes, i));
        err = f->vetoes[i] != NULL ? HM_OK : HM_E_MALFORMED;
    }
    f->facts.approvals = f->approvals;
    f->facts.approval_count = json_array_size(approvals);
    f->facts.vetoes = f->vetoes;
    f->facts.veto_count = json_array_size(vetoes);
    return err;
}

static enum hm_err read_prior(struct reader *r, struct hm_json_in *in)
{
    const json_t *list = hm_json_array_or_null(in, "prior", CLI_CASE_LIST_MAX);
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct hm_json_in one;
        char path[160];
        struct policy_fact_prior *p = &r->f->prior[i];
        hm_json_path(in, "prior", (long)i, path);
        hm_json_begin(&one, json_array_get(list, i), path, r->why);
        p->product = hm_json_str(&one, "product");
        p->version = hm_json_str(&one, "version");
        const json_t *artifact = hm_json_any(&one, "artifact");
        if (one.err == HM_OK && !digest_of(artifact, &p->artifact))
            hm_json_bad(&one, HM_E_MALFORMED, "artifact", "expected a name, or sha256:<hex>");
        enum hm_err err = hm_json_end(&one);
        if (err != HM_OK)
            return err;
    }
    r->f->facts.prior = r->f->prior;
    r->f->facts.prior_count = json_array_size(list);
    return in->err;
}

static void read_plain(struct hm_json_in *in, struct policy_facts *f)
{
    const char *stage = hm_json_str_or(in, "stage", "signing");
    f->stage = POLICY_AT_SIGNING;
    if (stage != NULL && strcmp(stage, "submission") == 0)
        f->stage = POLICY_AT_SUBMISSION;
    else if (stage != NULL && strcmp(stage, "signing") != 0)
        hm_json_bad(in, HM_E_MALFORMED, "stage", "expected \"submission\" or \"signing\"");
    f->product = hm_json_str_or(in, "product", NULL);
    f->version = hm_json_str_or(in, "version", NULL);
    f->channel = hm_json_str_or(in, "channel", NULL);
    f->break_glass = hm_json_str_or(in, "break_glass", NULL);
}

static enum hm_err read_all(struct reader *r, struct hm_json_in *in)
{
    struct cli_case_facts *f = r->f;
    read_plain(in, &f->facts);
    const json_t *artifacts = hm_json_array_or_null(in, "artifacts", CLI_CASE_LIST_MAX);
    f->facts.artifacts = f->artifacts;
    f->facts.artifact_count = json_array_size(artifacts);
    enum hm_err err = digests(in, "artifacts", artifacts, f->artifacts, r->why);
    if (err == HM_OK)
        err = read_hardware(r, in);
    if (err == HM_OK)
        err = read_key(r, in);
    if (err == HM_OK)
        err = read_provenance(r, in);
    if (err == HM_OK)
        err = read_people(r, in);
    if (err == HM_OK)
        err = read_prior(r, in);
    return err == HM_OK ? hm_json_end(in) : err;
}

enum hm_err cli_case_facts_read(const struct policy *p, const json_t *facts, const char *path,
                                struct cli_case_facts **out, struct hm_why *why)
{
    struct hm_json_in in;
    struct cli_case_facts *f = calloc(1, sizeof *f);
    struct reader r = {.p = p, .f = f, .why = why};
    if (f == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    hm_json_begin(&in, facts, path, why);
    enum hm_err err = in.err == HM_OK ? read_all(&r, &in) : in.err;
    if (err == HM_OK)
        *out = f;
    else
        cli_case_facts_free(&f);
    return err;
}

void cli_case_facts_free(struct cli_case_facts **f)
{
    if (*f == NULL)
        return;
    free((*f)->statements);
    free(*f);
    *f = NULL;
}
