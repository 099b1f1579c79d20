/* Which records may be part of the story. A server is asked for them by a few filters; what is too
 * much is left out by cli_about_takes, like everything else. */
#include "client/cli_about.h"

#include "client/cli_grow.h"

#include <stdlib.h>
#include <string.h>

static enum hm_err on_record(void *ctx, const struct cli_source_record *x, struct hm_why *why)
{
    return cli_kept_add(&((struct cli_about *)ctx)->rows, x->r->idx, x->bytes, why);
}

static enum hm_err ask(struct cli_about *a, const struct cli_filter *f)
{
    struct cli_found found;
    enum hm_err err = cli_source_find(&a->source, f, UINT64_MAX, on_record, a, &found);
    a->questions++;
    if (err == HM_OK && found.log_size < a->log_size)
        a->log_size = found.log_size;
    return err;
}

static enum hm_err ask_event(struct cli_about *a, enum hm_event event)
{
    const struct cli_filter f = {.event = event};
    return ask(a, &f);
}

/* ---- an artifact ---- */

struct version {
    char product[HM_NAME_MAX + 1], version[HM_NAME_MAX + 1];
};
struct versions {
    struct version *list;
    size_t count, cap;
};

static enum hm_err add_version(struct versions *v, const struct hm_record *r, struct hm_why *why)
{
    for (size_t i = 0; i < v->count; i++)
        if (strcmp(v->list[i].product, r->product) == 0 &&
            strcmp(v->list[i].version, r->version) == 0)
            return HM_OK;
    if (cli_grow((void *)&v->list, v->count, &v->cap, sizeof *v->list, why) != HM_OK)
        return HM_E_MEMORY;
    struct version *to = &v->list[v->count++];
    memcpy(to->product, r->product, sizeof to->product);
    memcpy(to->version, r->version, sizeof to->version);
    return HM_OK;
}

/* Records about a release do not name the artifact, but product and version: one question for all
 * releases of a version. A refused submission is its own end. */
static enum hm_err ask_versions(struct cli_about *a)
{
    struct versions v = {.list = NULL};
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < a->rows.count; i++) {
        struct hm_record r;
        err = hm_record_parse(hm_bytes_of(a->rows.rows[i].bytes, a->rows.rows[i].len), &r,
                              &a->c->why);
        if (err == HM_OK && r.event == HM_EV_RELEASE_SUBMITTED)
            err = add_version(&v, &r, &a->c->why);
    }
    for (size_t i = 0; err == HM_OK && i < v.count; i++) {
        const struct cli_filter f = {.product = v.list[i].product, .version = v.list[i].version};
        err = ask(a, &f);
    }
    free(v.list);
    return err;
}

static enum hm_err ask_artifact(struct cli_about *a)
{
    const struct cli_filter f = {.has_artifact = true, .artifact = a->digest};
    enum hm_err err = ask(a, &f);
    return err == HM_OK ? ask_versions(a) : err;
}

/* ---- the others ---- */

/* Failed and unknown signatures name their intention, not the key. */
static enum hm_err ask_key(struct cli_about *a)
{
    static const enum hm_event events[] = {HM_EV_SIGN_FAILED, HM_EV_SIGN_UNKNOWN, HM_EV_LOG_CREATED,
                                           HM_EV_GUARDS_CHANGED, HM_EV_ROSTER_CHANGED};
    const struct cli_filter f = {.has_key = true, .key = a->digest};
    enum hm_err err = ask(a, &f);
    for (size_t i = 0; err == HM_OK && i < sizeof events / sizeof events[0]; i++)
        err = ask_event(a, events[i]);
    return err;
}

static enum hm_err ask_person(struct cli_about *a)
{
    struct cli_filter f = a->period;
    f.actor = a->name;
    enum hm_err err = ask(a, &f);
    if (err == HM_OK)
        err = ask_event(a, HM_EV_LOG_CREATED);
    if (err == HM_OK)
        err = ask_event(a, HM_EV_GUARDS_CHANGED);
    return err == HM_OK ? ask_event(a, HM_EV_ROSTER_CHANGED) : err;
}

/* A refused submission has no release, but its index is what people call it by. */
static enum hm_err ask_release(struct cli_about *a)
{
    const struct cli_filter f = {.has_release = true, .release = a->release};
    const struct cli_filter first = {.has_after = a->release > 0, .after = a->release - 1};
    struct cli_found found;
    enum hm_err err = ask(a, &f);
    if (err != HM_OK || a->rows.count > 0)
        return err;
    a->questions++;
    return cli_source_find(&a->source, &first, 1, on_record, a, &found);
}

static enum hm_err ask_product(struct cli_about *a)
{
    struct cli_filter f = a->period;
    f.product = a->name;
    return ask(a, &f);
}

static enum hm_err ask_all(struct cli_about *a)
{
    static enum hm_err (*const asking[])(struct cli_about * a) = {
        [CLI_ABOUT_ARTIFACT] = ask_artifact, [CLI_ABOUT_KEY] = ask_key,
        [CLI_ABOUT_PERSON] = ask_person,     [CLI_ABOUT_RELEASE] = ask_release,
        [CLI_ABOUT_PRODUCT] = ask_product,
    };
    enum hm_err err = asking[a->kind](a);
    /* Names stand in the policies. */
    return err == HM_OK ? ask_event(a, HM_EV_POLICY_ACTIVATED) : err;
}

/* ---- everything at hand ---- */

static enum hm_err on_walked(void *ctx, const struct cli_source_record *x, struct hm_why *why)
{
    struct cli_about *a = ctx;
    bool takes = false;
    enum hm_err err = cli_about_takes(a, x->r, &takes, why);
    if (err != HM_OK)
        return err;
    takes = takes || cli_about_is_paper(a, x->r) || x->r->event == HM_EV_POLICY_ACTIVATED;
    return takes ? cli_kept_add(&a->rows, x->r->idx, x->bytes, why) : HM_OK;
}

static enum hm_err walk(struct cli_about *a)
{
    enum hm_err err = cli_source_walk(&a->source, on_walked, a);
    a->log_size = a->source.checkpoint.size;
    a->follow.count = 0; /* it grows again when the story is told */
    return err;
}

/* The answers are of slightly different moments: what all of them know counts. */
static void cut(struct cli_about *a)
{
    while (a->rows.count > 0 && a->rows.rows[a->rows.count - 1].idx >= a->log_size)
        free(a->rows.rows[--a->rows.count].bytes);
}

enum hm_err cli_about_gather(struct cli_about *a)
{
    a->log_size = UINT64_MAX;
    enum hm_err err = cli_source_is_complete(&a->source) ? walk(a) : ask_all(a);
    if (err == HM_OK)
        err = cli_kept_sort(&a->rows, &a->c->why);
    if (err == HM_OK)
        cut(a);
    return err;
}
