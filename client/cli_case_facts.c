/* Facts in plain words become those that policy_evaluate takes: people and keys by their names in
 * the policy, artifacts by any name (their digest is that of the name, or sha256:<hex>). */
#include "client/cli_case_priv.h"
#include "schema/core/hm_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum hm_err case_at(const struct hm_json_in *in, const char *member, size_t i, struct hm_why *why,
                    const char *text, const char *expected)
{
    char path[160];
    hm_json_path(in, member, (long)i, path);
    return hm_fail(why, HM_E_MALFORMED, "%s: %s%.100s%sexpected %s", path, text != NULL ? "\"" : "",
                   text != NULL ? text : "", text != NULL ? "\": " : "", expected);
}

bool case_digest(const json_t *v, struct hm_digest *out)
{
    const char *text = json_string_value(v);
    if (text == NULL || text[0] == '\0')
        return false;
    if (strncmp(text, "sha256:", 7) == 0)
        return hm_digest_unhex(hm_bytes_str(text + 7), out) == HM_OK;
    *out = hm_sha256(hm_bytes_str(text));
    return true;
}

enum hm_err case_digests(const struct hm_json_in *in, const char *member, const json_t *list,
                         struct hm_digest *out, struct hm_why *why)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!case_digest(json_array_get(list, i), &out[i]))
            return case_at(in, member, i, why, NULL,
                           "a name that stands for the bytes, or sha256:<hex>");
    return HM_OK;
}

const char *case_person(struct case_reader *r, const struct hm_json_in *in, const char *member,
                        long i, const json_t *v)
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

static enum hm_err read_hardware(struct case_reader *r, struct hm_json_in *in)
{
    const json_t *list = hm_json_array_or_null(in, "hardware", HM_HARDWARE_MAX);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        const char *slash = text != NULL ? strchr(text, '/') : NULL;
        struct hm_hardware *h = &r->f->hardware[i];
        if (slash == NULL || slash - text > HM_NAME_MAX || strlen(slash + 1) > HM_NAME_MAX)
            return case_at(in, "hardware", i, r->why, text, "MODEL/REVISION");
        (void)snprintf(h->model, sizeof h->model, "%.*s", (int)(slash - text), text);
        (void)snprintf(h->revision, sizeof h->revision, "%s", slash + 1);
        if (!hm_name_ok(h->model) || !hm_name_ok(h->revision))
            return case_at(in, "hardware", i, r->why, text, "MODEL/REVISION");
    }
    r->f->facts.hardware = r->f->hardware;
    r->f->facts.hardware_count = json_array_size(list);
    return HM_OK;
}

static bool find_key(const struct policy *p, const char *id, struct hm_digest *out)
{
    const struct policy_release_key *k;
    for (size_t i = 0; id != NULL && (k = policy_key_at(p, i)) != NULL; i++)
        if (strcmp(k->id, id) == 0) {
            *out = k->key_id;
            return true;
        }
    return false;
}

/* Which keys would sign: one id, or a list of them. */
static enum hm_err read_keys(struct case_reader *r, struct hm_json_in *in)
{
    static const char expected[] = "the id of a release key, or a list of them";
    struct cli_case_facts *f = r->f;
    if (!hm_json_has(in, "key"))
        return HM_OK;
    const json_t *v = hm_json_any(in, "key");
    size_t n = json_is_array(v) ? json_array_size(v) : 1;
    if (n == 0 || n > HM_SIGN_KEYS_MAX) {
        hm_json_bad(in, HM_E_MALFORMED, "key", "expected %s, of 1 to %d", expected,
                    HM_SIGN_KEYS_MAX);
        return in->err;
    }
    for (size_t i = 0; i < n; i++) {
        const char *id = json_string_value(json_is_array(v) ? json_array_get(v, i) : v);
        if (!find_key(r->p, id, &f->keys[i])) {
            hm_json_bad(in, HM_E_MALFORMED, "key", "\"%.80s\": expected %s",
                        id != NULL ? id : "(no text)", expected);
            return in->err;
        }
    }
    f->facts.key = f->keys;
    f->facts.more_keys = n - 1;
    return HM_OK;
}

/* --- approvals and the rest --- */

void case_time(struct hm_json_in *in, const char *member, int64_t *out)
{
    const char *text = hm_json_str_or(in, member, NULL);
    if (text != NULL && hm_time_parse(hm_bytes_str(text), out) != HM_OK)
        hm_json_bad(in, HM_E_MALFORMED, member, "expected a time like 2026-11-21T02:00:00Z");
}

/* "alice", {"stranger": "x"} or {"principal": "alice", "key": 1}: which of the approval keys. */
static enum hm_err read_approval(struct case_reader *r, const struct hm_json_in *in, size_t i,
                                 const json_t *v)
{
    struct policy_fact_approval *a = &r->f->approvals[i];
    const json_t *who = json_object_get(v, "principal");
    const json_t *key = json_object_get(v, "key");
    bool full = who != NULL && json_is_integer(key) && json_object_size(v) == 2;
    const char *id = case_person(r, in, "approvals", (long)i, full ? who : v);
    if (id == NULL)
        return HM_E_MALFORMED;
    *a = (struct policy_fact_approval){.principal = id, .record = i + 1};
    const struct policy_principal *p = policy_principal(r->p, id);
    json_int_t n = full ? json_integer_value(key) : 0;
    if (p == NULL)
        return HM_OK;
    if (n < 0 || (size_t)n >= p->approval_key_count)
        return case_at(in, "approvals", i, r->why, id,
                       "somebody with that many approval keys (\"key\" counts from 0)");
    a->key = hm_key_id(&p->approval_keys[n]);
    a->user_verified = p->approval_keys[n].verify_user; /* else nobody would have taken it */
    return HM_OK;
}

static enum hm_err read_people(struct case_reader *r, struct hm_json_in *in)
{
    const json_t *approvals = hm_json_array_or_null(in, "approvals", CLI_CASE_LIST_MAX);
    const json_t *vetoes = hm_json_array_or_null(in, "vetoes", CLI_CASE_LIST_MAX);
    const json_t *submitter = hm_json_has(in, "submitter") ? hm_json_any(in, "submitter") : NULL;
    struct cli_case_facts *f = r->f;
    enum hm_err err = in->err;
    if (err == HM_OK && submitter != NULL) {
        f->facts.submitter = case_person(r, in, "submitter", -1, submitter);
        err = f->facts.submitter != NULL ? HM_OK : HM_E_MALFORMED;
    }
    for (size_t i = 0; err == HM_OK && i < json_array_size(approvals); i++)
        err = read_approval(r, in, i, json_array_get(approvals, i));
    for (size_t i = 0; err == HM_OK && i < json_array_size(vetoes); i++) {
        f->vetoes[i] = case_person(r, in, "vetoes", (long)i, json_array_get(vetoes, i));
        err = f->vetoes[i] != NULL ? HM_OK : HM_E_MALFORMED;
    }
    f->facts.approvals = f->approvals;
    f->facts.approval_count = json_array_size(approvals);
    f->facts.vetoes = f->vetoes;
    f->facts.veto_count = json_array_size(vetoes);
    return err;
}

static enum hm_err read_prior(struct case_reader *r, struct hm_json_in *in)
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
        if (one.err == HM_OK && !case_digest(artifact, &p->artifact))
            hm_json_bad(&one, HM_E_MALFORMED, "artifact", "expected a name, or sha256:<hex>");
        enum hm_err err = hm_json_end(&one);
        if (err != HM_OK)
            return err;
    }
    r->f->facts.prior = r->f->prior;
    r->f->facts.prior_count = json_array_size(list);
    return in->err;
}

static const char *environment(struct hm_json_in *in)
{
    const char *text = hm_json_str_or(in, "environment", NULL);
    const char *known = hm_environment(text);
    if (text != NULL && known == NULL)
        hm_json_bad(in, HM_E_MALFORMED, "environment",
                    "expected \"development\", \"staging\" or \"production\"");
    return known;
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
    f->environment = environment(in);
    f->break_glass = hm_json_str_or(in, "break_glass", NULL);
    case_time(in, "submitted", &f->submitted_s);
}

static enum hm_err read_all(struct case_reader *r, struct hm_json_in *in)
{
    struct cli_case_facts *f = r->f;
    read_plain(in, &f->facts);
    const json_t *artifacts = hm_json_array_or_null(in, "artifacts", CLI_CASE_LIST_MAX);
    f->facts.artifacts = f->artifacts;
    f->facts.artifact_count = json_array_size(artifacts);
    enum hm_err err = case_digests(in, "artifacts", artifacts, f->artifacts, r->why);
    if (err == HM_OK)
        err = read_hardware(r, in);
    if (err == HM_OK)
        err = read_keys(r, in);
    if (err == HM_OK)
        err = case_read_evidence(r, in);
    if (err == HM_OK)
        err = read_people(r, in);
    if (err == HM_OK)
        err = read_prior(r, in);
    if (err == HM_OK)
        err = case_read_history(r, in);
    return err == HM_OK ? hm_json_end(in) : err;
}

enum hm_err cli_case_facts_read(const struct policy *p, const json_t *facts, const char *path,
                                struct cli_case_facts **out, struct hm_why *why)
{
    struct hm_json_in in;
    struct cli_case_facts *f = calloc(1, sizeof *f);
    struct case_reader r = {.p = p, .f = f, .why = why};
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
    free((*f)->others);
    free((*f)->sets);
    free(*f);
    *f = NULL;
}
