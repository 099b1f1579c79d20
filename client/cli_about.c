#include "client/cli_about.h"

#include "client/cli_when.h"
#include "schema/attest/hm_decision.h"
#include "schema/core/hm_text.h"
#include "schema/io/hm_clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REASONS 100 /* pieces of evidence that are fetched from a server without --reasons */

static const char *const kinds[] = {
    [CLI_ABOUT_ARTIFACT] = "artifact", [CLI_ABOUT_KEY] = "key",
    [CLI_ABOUT_PERSON] = "person",     [CLI_ABOUT_RELEASE] = "release",
    [CLI_ABOUT_PRODUCT] = "product",
};
#define KINDS (sizeof kinds / sizeof kinds[0])

const char *cli_about_kind_name(enum cli_about_kind kind)
{
    return kinds[kind];
}

static enum hm_err take_kind(struct cli *c, struct cli_about *a)
{
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(c->args.operand[0], kinds[i]) == 0) {
            a->kind = (enum cli_about_kind)i;
            return HM_OK;
        }
    return hm_fail(&c->why, HM_E_CONFIG,
                   "'%.40s': expected artifact, key, person, release or product",
                   c->args.operand[0]);
}

static enum hm_err take_subject(struct cli *c, struct cli_about *a)
{
    const char *what = c->args.operand[1];
    switch (a->kind) {
    case CLI_ABOUT_ARTIFACT:
        return cli_artifact_digest(c, what, &a->digest);
    case CLI_ABOUT_KEY:
        return cli_key_digest(c, what, &a->digest);
    case CLI_ABOUT_RELEASE:
        return hm_release_id_parse(what, &a->release) == HM_OK
                   ? HM_OK
                   : hm_fail(&c->why, HM_E_CONFIG, "'%.40s': expected a release id like r17", what);
    case CLI_ABOUT_PERSON:
    case CLI_ABOUT_PRODUCT:
        break;
    }
    a->name = what;
    return hm_name_ok(what) ? HM_OK
                            : hm_fail(&c->why, HM_E_CONFIG, "'%.80s': expected a name", what);
}

enum hm_err cli_about_open(struct cli *c, struct cli_about *out)
{
    *out = (struct cli_about){.c = c};
    enum hm_err err = take_kind(c, out);
    if (err == HM_OK)
        err = take_subject(c, out);
    if (err == HM_OK)
        err = cli_filter_period(c, hm_clock_unix_s(), &out->period);
    out->prove = cli_args_has(&c->args, "prove");
    if (err == HM_OK)
        err = cli_source_open(c, CLI_SOURCE_GIVEN | (out->prove ? CLI_SOURCE_PROVES : 0),
                              &out->source);
    if (err != HM_OK)
        return err;
    bool server = out->source.kind == CLI_SOURCE_SERVER || out->source.kind == CLI_SOURCE_WHOLE;
    out->reasons_left = server && !cli_args_has(&c->args, "reasons") ? REASONS : UINT64_MAX;
    cli_papers_begin(&out->papers, &out->source);
    out->told = json_array();
    return out->told != NULL ? HM_OK : hm_fail(&c->why, HM_E_MEMORY, "out of memory");
}

void cli_about_close(struct cli_about *a)
{
    json_decref(a->told);
    json_decref(a->known);
    free(a->follow.v);
    cli_kept_free(&a->rows);
    cli_papers_end(&a->papers);
    cli_source_close(&a->source);
}

/* ---- telling ---- */

static enum hm_err add_reason(struct cli_about *a, const struct hm_record *r, json_t *lines)
{
    CLI_REASON_AUTO reason = {.findings = NULL};
    if (!cli_reason_has(r))
        return HM_OK;
    if (a->reasons_left == 0) {
        a->reasons_untold++;
        return HM_OK;
    }
    a->reasons_left--;
    enum hm_err err = cli_reason_get(&a->papers, r, &reason, &a->c->why);
    if (err != HM_OK)
        return err;
    json_t *more = cli_story_reason(&reason);
    (void)json_array_extend(lines, more);
    json_decref(more);
    return HM_OK;
}

static json_t *entry_of(const struct hm_record *r, const struct hm_digest *leaf, const char *text,
                        json_t *lines)
{
    char time[CLI_WHEN_TEXT];
    char id[HM_SHA256_HEX];
    hm_digest_hex(leaf, id);
    cli_when_exact(r->t_ms, time);
    json_t *e = json_pack("{s:I, s:s, s:I, s:s, s:s, s:s, s:O}", "index", (json_int_t)r->idx,
                          "time", time, "t_ms", (json_int_t)r->t_ms, "event",
                          hm_event_name(r->event), "text", text, "leaf", id, "lines", lines);
    if (r->has_release) {
        (void)snprintf(id, sizeof id, "r%" PRIu64, r->release);
        (void)json_object_set_new(e, "release", json_string(id));
    }
    if (r->actor[0] != '\0') {
        (void)json_object_set_new(e, "actor", json_string(r->actor));
        (void)json_object_set_new(e, "actor_proven",
                                  json_boolean(cli_story_actor_proven(r->event)));
    }
    if (r->outcome[0] != '\0')
        (void)json_object_set_new(e, "outcome", json_string(r->outcome));
    (void)json_object_set_new(e, "tone", json_string(cli_story_tone_name(cli_story_tone(r))));
    return e;
}

static enum hm_err tell(struct cli_about *a, const struct hm_record *r, struct hm_bytes bytes,
                        json_t *lines)
{
    HM_BUF_AUTO text = {.limit = 4096};
    CLI_RECORD_AUTO proof = {.leaf = {{0}}};
    struct hm_digest leaf = hm_merkle_leaf(bytes);
    enum hm_err err = cli_story_text(&a->papers, r, &text, &a->c->why);
    if (err == HM_OK)
        err = add_reason(a, r, lines);
    if (err == HM_OK && a->prove)
        err = cli_source_proof(&a->source, r->idx, bytes, &proof);
    if (err != HM_OK)
        return err;
    json_t *entry = entry_of(r, &leaf, hm_buf_str(&text), lines);
    return entry != NULL && json_array_append_new(a->told, entry) == 0
               ? HM_OK
               : hm_fail(&a->c->why, HM_E_INTERNAL, "record %" PRIu64 " cannot be told", r->idx);
}

static enum hm_err consider(struct cli_about *a, const struct cli_kept_row *row)
{
    struct hm_bytes bytes = hm_bytes_of(row->bytes, row->len);
    struct hm_record r;
    bool takes = false;
    enum hm_err err = hm_record_parse(bytes, &r, &a->c->why);
    if (err == HM_OK)
        err = cli_about_takes(a, &r, &takes, &a->c->why);
    if (err != HM_OK)
        return err;
    json_t *lines = json_array();
    if (cli_about_is_paper(a, &r))
        err = cli_about_paper(a, &r, lines, &a->c->why);
    bool shown = (takes || json_array_size(lines) > 0) && cli_filter_fits(&a->period, &r);
    if (err == HM_OK && shown)
        err = tell(a, &r, bytes, lines);
    json_decref(lines);
    return err;
}

/* Policies first: what they name is needed from record 0 on. */
static enum hm_err note_policies(struct cli_about *a)
{
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < a->rows.count; i++) {
        struct hm_record r;
        err = hm_record_parse(hm_bytes_of(a->rows.rows[i].bytes, a->rows.rows[i].len), &r,
                              &a->c->why);
        if (err == HM_OK)
            err = cli_papers_note(&a->papers, &r, &a->c->why);
    }
    return err;
}

enum hm_err cli_about_tell(struct cli_about *a)
{
    struct cli_count progress;
    enum hm_err err = note_policies(a);
    cli_count_begin(&progress, &a->c->term, "reading record", a->rows.count);
    for (size_t i = 0; err == HM_OK && i < a->rows.count; i++) {
        err = consider(a, &a->rows.rows[i]);
        cli_count_update(&progress, i + 1);
    }
    cli_count_clear(&progress);
    return err;
}
