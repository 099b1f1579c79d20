#include "client/cli_about.h"

#include "client/cli_when.h"
#include "schema/json/hm_json.h"

#include <inttypes.h>
#include <string.h>

#define SUMS 32 /* events */

static void subject_text(const struct cli_about *a, char out[static HM_SHA256_HEX + 16])
{
    char hex[HM_SHA256_HEX];
    hm_digest_hex(&a->digest, hex);
    if (a->kind == CLI_ABOUT_RELEASE)
        (void)snprintf(out, HM_SHA256_HEX + 16, "r%" PRIu64, a->release);
    else if (a->name != NULL)
        (void)snprintf(out, HM_SHA256_HEX + 16, "%s", a->name);
    else
        (void)snprintf(out, HM_SHA256_HEX + 16, "%s%s",
                       a->kind == CLI_ABOUT_ARTIFACT ? "sha256:" : "", hex);
}

/* How often each event occurs, in the order of their first time. */
static json_t *sums_of(const struct cli_about *a)
{
    json_t *sums = json_object();
    for (size_t i = 0; i < json_array_size(a->told); i++) {
        const char *event = hm_json_text(json_array_get(a->told, i), "event");
        json_int_t n = json_integer_value(json_object_get(sums, event));
        (void)json_object_set_new(sums, event, json_integer(n + 1));
    }
    return sums;
}

/* ---- for machines ---- */

static enum hm_err show_json(const struct cli_about *a)
{
    char subject[HM_SHA256_HEX + 16];
    subject_text(a, subject);
    bool complete = cli_source_is_complete(&a->source);
    json_t *doc = json_pack(
        "{s:s, s:s, s:I, s:b, s:b, s:I, s:I, s:I, s:o, s:O}", "kind", cli_about_kind_name(a->kind),
        "subject", subject, "log_size", (json_int_t)a->log_size, "complete", complete, "proven",
        a->prove || complete, "documents_missing", (json_int_t)a->papers.missing, "reasons_missing",
        (json_int_t)a->reasons_untold, "questions", (json_int_t)a->questions, "sums", sums_of(a),
        "entries", a->told);
    if (doc == NULL || json_dumpf(doc, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER) != 0) {
        json_decref(doc);
        return hm_fail(&a->c->why, HM_E_IO, "cannot write to stdout");
    }
    (void)putchar('\n');
    json_decref(doc);
    return HM_OK;
}

/* ---- for people ---- */

struct columns {
    int index, release;
    bool local, color;
};

static int digits(json_int_t n)
{
    char text[24];
    return snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, n);
}

static struct columns columns_of(const struct cli_about *a)
{
    const json_t *last = json_array_get(a->told, json_array_size(a->told) - 1);
    struct columns k = {.local = cli_args_has(&a->c->args, "local"), .color = a->c->term.color_out};
    k.index = digits(json_integer_value(json_object_get(last, "index"))) + 1;
    for (size_t i = 0; i < json_array_size(a->told); i++) {
        int n = (int)strlen(hm_json_text(json_array_get(a->told, i), "release"));
        k.release = n > k.release ? n : k.release;
    }
    return k;
}

static void put_entry(const json_t *e, const struct columns *k)
{
    char time[CLI_WHEN_TEXT];
    char index[24];
    const char *tone = hm_json_text(e, "tone");
    enum cli_style style = strcmp(tone, "good") == 0  ? CLI_GOOD
                           : strcmp(tone, "bad") == 0 ? CLI_BAD
                                                      : CLI_PLAIN;
    cli_when_text((uint64_t)json_integer_value(json_object_get(e, "t_ms")), k->local, time);
    (void)snprintf(index, sizeof index, "#%" JSON_INTEGER_FORMAT,
                   json_integer_value(json_object_get(e, "index")));
    (void)printf("%s%s  %*s%s  ", cli_term_style(k->color, CLI_DIM), time, k->index, index,
                 cli_term_style(k->color, CLI_PLAIN));
    if (k->release > 0)
        (void)printf("%-*s  ", k->release, hm_json_text(e, "release"));
    (void)fputs(cli_term_style(k->color, style), stdout);
    cli_put_text(stdout, hm_json_text(e, "text"));
    (void)printf("%s\n", cli_term_style(k->color, CLI_PLAIN));
    const json_t *lines = json_object_get(e, "lines");
    int indent = (int)strlen(time) + 2 + k->index + 2 + (k->release > 0 ? k->release + 2 : 0) + 2;
    for (size_t i = 0; i < json_array_size(lines); i++) {
        (void)printf("%*s", indent, "");
        cli_put_text(stdout, json_string_value(json_array_get(lines, i)));
        (void)putchar('\n');
    }
}

static void put_sums(const struct cli_about *a)
{
    const char *event;
    json_t *n;
    json_t *sums = sums_of(a);
    const char *between = "\nin all: ";
    json_object_foreach(sums, event, n)
    {
        (void)printf("%s%" JSON_INTEGER_FORMAT " %s", between, json_integer_value(n), event);
        between = ", ";
    }
    (void)putchar('\n');
    json_decref(sums);
}

static void put_notes(const struct cli_about *a)
{
    const struct cli *c = a->c;
    if (a->papers.missing > 0)
        cli_note(c, "%" PRIu64 " document%s could not be had, nor the names and reasons in %s.",
                 a->papers.missing, CLI_S(a->papers.missing),
                 a->papers.missing == 1 ? "it" : "them");
    if (a->reasons_untold > 0)
        cli_note(c, "%" PRIu64 " reason%s not fetched: --reasons fetches all.", a->reasons_untold,
                 a->reasons_untold == 1 ? " was" : "s were");
    if (cli_source_is_complete(&a->source))
        cli_note(c,
                 "Complete: all %" PRIu64
                 " records of %s were read, and the root is the one in the signed checkpoint.",
                 a->log_size, a->source.key.name);
    else
        cli_note(c,
                 "%zu record%s%s, true up to log size %" PRIu64
                 ". They were picked by the server, which may have left some out: --complete reads "
                 "the whole log.",
                 json_array_size(a->told), CLI_S(json_array_size(a->told)),
                 a->prove ? ", each proven to be in the log" : "", a->log_size);
}

enum hm_err cli_about_show(struct cli_about *a)
{
    char subject[HM_SHA256_HEX + 16];
    if (a->c->term.json)
        return show_json(a);
    subject_text(a, subject);
    bool color = a->c->term.color_out;
    (void)printf("%s%s %s%s\n\n", cli_term_style(color, CLI_BOLD), cli_about_kind_name(a->kind),
                 subject, cli_term_style(color, CLI_PLAIN));
    if (json_array_size(a->told) == 0) {
        (void)puts("the log says nothing about it");
    } else {
        struct columns k = columns_of(a);
        for (size_t i = 0; i < json_array_size(a->told); i++)
            put_entry(json_array_get(a->told, i), &k);
        put_sums(a);
    }
    put_notes(a);
    return HM_OK;
}
