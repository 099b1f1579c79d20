/* What the clock and the log say, in plain words: sizes, times, earlier releases. */
#include "client/cli_case_priv.h"

#include <stdlib.h>
#include <string.h>

/* Room for the artifacts of one earlier release. */
static struct hm_digest *room(struct cli_case_facts *f)
{
    return f->sets + (size_t)HM_ARTIFACTS_MAX * f->set_count++;
}

/* A list of artifacts; absent: those of the release. */
static enum hm_err read_set(struct case_reader *r, const struct hm_json_in *in, const char *member,
                            const json_t *list, struct policy_fact_set *out)
{
    struct hm_digest *v = room(r->f);
    if (list == NULL) {
        *out = (struct policy_fact_set){r->f->artifacts, r->f->facts.artifact_count};
        return HM_OK;
    }
    if (!json_is_array(list) || json_array_size(list) > HM_ARTIFACTS_MAX)
        return case_at(in, member, 0, r->why, NULL, "lists of at most 8 artifacts");
    *out = (struct policy_fact_set){v, json_array_size(list)};
    return case_digests(in, member, list, v, r->why);
}

static void read_last(struct case_reader *r, struct hm_json_in *in)
{
    const json_t *v = hm_json_object_or_null(in, "last");
    struct hm_json_in one;
    char path[160];
    if (v == NULL)
        return;
    hm_json_path(in, "last", -1, path);
    hm_json_begin(&one, v, path, r->why);
    r->f->last = (struct policy_fact_last){
        .version = hm_json_str(&one, "version"),
        .rollback_floor = hm_json_uint_or(&one, "rollback_floor", 0, CLI_CASE_NUMBER_MAX, 0),
        .size = hm_json_uint_or(&one, "size", 0, CLI_CASE_NUMBER_MAX, 0)};
    if (hm_json_end(&one) != HM_OK)
        in->err = one.err;
    r->f->facts.last = &r->f->last;
}

static enum hm_err read_same_version(struct case_reader *r, struct hm_json_in *in)
{
    const json_t *list = hm_json_array_or_null(in, "same_version", CLI_CASE_LIST_MAX);
    enum hm_err err = in->err;
    for (size_t i = 0; err == HM_OK && i < json_array_size(list); i++)
        err = read_set(r, in, "same_version", json_array_get(list, i), &r->f->same_version[i]);
    r->f->facts.same_version = r->f->same_version;
    r->f->facts.same_version_count = json_array_size(list);
    return err;
}

static enum hm_err read_signed_at(struct case_reader *r, struct hm_json_in *in)
{
    const json_t *list = hm_json_array_or_null(in, "signed_at", CLI_CASE_LIST_MAX);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text == NULL || hm_time_parse(hm_bytes_str(text), &r->f->signed_at[i]) != HM_OK)
            return case_at(in, "signed_at", i, r->why, text, "a time like 2026-11-21T02:00:00Z");
    }
    r->f->facts.signed_at = r->f->signed_at;
    r->f->facts.signed_at_count = json_array_size(list);
    return in->err;
}

static enum hm_err read_one_earlier(struct case_reader *r, const struct hm_json_in *in, size_t i,
                                    const json_t *v)
{
    struct hm_json_in one;
    struct policy_fact_earlier *e = &r->f->earlier[i];
    char path[160];
    hm_json_path(in, "earlier", (long)i, path);
    hm_json_begin(&one, v, path, r->why);
    const json_t *artifacts = hm_json_array_or_null(&one, "artifacts", HM_ARTIFACTS_MAX);
    *e = (struct policy_fact_earlier){.product =
                                          hm_json_str_or(&one, "product", r->f->facts.product),
                                      .environment = hm_json_str(&one, "environment"),
                                      .channel = hm_json_str(&one, "channel")};
    const json_t *submitter = hm_json_any(&one, "submitter");
    if (!hm_json_has(&one, "signed"))
        hm_json_bad(&one, HM_E_MALFORMED, "signed", "expected a time like 2026-11-21T02:00:00Z");
    case_time(&one, "signed", &e->signed_s);
    enum hm_err err = hm_json_end(&one);
    if (err != HM_OK)
        return err;
    e->submitter = case_person(r, &one, "submitter", -1, submitter);
    return e->submitter == NULL ? HM_E_MALFORMED
                                : read_set(r, &one, "artifacts", artifacts, &e->artifacts);
}

static enum hm_err read_earlier(struct case_reader *r, struct hm_json_in *in)
{
    const json_t *list = hm_json_array_or_null(in, "earlier", CLI_CASE_LIST_MAX);
    enum hm_err err = in->err;
    for (size_t i = 0; err == HM_OK && i < json_array_size(list); i++)
        err = read_one_earlier(r, in, i, json_array_get(list, i));
    r->f->facts.earlier = r->f->earlier;
    r->f->facts.earlier_count = json_array_size(list);
    return err;
}

enum hm_err case_read_history(struct case_reader *r, struct hm_json_in *in)
{
    struct cli_case_facts *f = r->f;
    f->sets = calloc((size_t)2 * CLI_CASE_LIST_MAX * HM_ARTIFACTS_MAX, sizeof f->sets[0]);
    if (f->sets == NULL)
        return hm_fail(r->why, HM_E_MEMORY, "out of memory");
    case_time(in, "now", &f->facts.now_s);
    f->facts.size = hm_json_uint_or(in, "size", 0, CLI_CASE_NUMBER_MAX, 0);
    f->facts.rollback_floor = hm_json_uint_or(in, "rollback_floor", 0, CLI_CASE_NUMBER_MAX, 0);
    read_last(r, in);
    enum hm_err err = read_same_version(r, in);
    if (err == HM_OK)
        err = read_signed_at(r, in);
    return err == HM_OK ? read_earlier(r, in) : err;
}
