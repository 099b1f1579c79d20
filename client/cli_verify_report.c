#include "client/cli_verify_report.h"

#include "client/cli_deep.h"
#include "client/cli_proof.h"

#include <inttypes.h>

static void draw(void *ctx, bool signatures, uint64_t done, uint64_t total)
{
    struct cli_verify_report *r = ctx;
    r->count.what = signatures ? "verifying signature" : "verifying record";
    r->count.total = total;
    cli_count_update(&r->count, done);
}

struct cli_verify_progress cli_verify_progress(struct cli_verify_report *r, const struct cli *c)
{
    cli_count_begin(&r->count, &c->term, "", 0);
    return (struct cli_verify_progress){c->term.tty_err ? draw : NULL, r};
}

void cli_verify_progressed(struct cli_verify_report *r)
{
    cli_count_clear(&r->count);
}

static void gone_json(const struct cli_details_gone *g)
{
    (void)printf(",\"gone_records\":%" PRIu64 ",\"gone\":[", g->records);
    for (uint64_t i = 0; i < g->records && i < CLI_DETAILS_NAMED; i++)
        (void)printf("%s{\"record\":%" PRIu64 ",\"details\":%" PRIu64 ",\"retired\":%s}",
                     i > 0 ? "," : "", g->by[i].record, g->by[i].count,
                     g->by[i].retired ? "true" : "false");
    (void)putchar(']');
}

static void sums_json(const struct cli_verify_report *r)
{
    const struct cli_verify_sums *s = &r->sums;
    (void)printf(",\"size\":%" PRIu64 ",\"covered\":%" PRIu64 ",\"checkpoints\":%" PRIu64
                 ",\"releases\":%" PRIu64 ",\"results\":%" PRIu64 ",\"open_intentions\":%" PRIu64,
                 s->records, s->covered, s->checkpoints, s->releases, s->results,
                 s->open_intentions);
    (void)printf(",\"evidence\":%" PRIu64 ",\"details\":%" PRIu64 ",\"details_erased\":%" PRIu64
                 ",\"cosigned\":%zu,\"cosigned_notes\":%" PRIu64 ",\"cosigned_size\":%" PRIu64
                 ",\"seen_held\":%s,\"records_ms\":%" PRId64 ",\"signatures_ms\":%" PRId64,
                 s->evidence, s->details, s->details_erased, s->cosigned, s->cosigned_notes,
                 s->cosigned_size, s->seen_held ? "true" : "false", s->records_ms,
                 s->signatures_ms);
    gone_json(&s->gone);
}

static void report_json(const struct cli_verify_report *r, const struct cli_deep_sums *deep)
{
    (void)printf("{\"verified\":%s,\"origin\":\"%s\"", deep->fault_count == 0 ? "true" : "false",
                 r->origin);
    sums_json(r);
    if (r->deep != NULL) {
        (void)fputs(",\"deep\":", stdout);
        cli_deep_json(deep, stdout);
    }
    (void)puts("}");
}

/* Which records say that detail is gone. */
static void report_gone(const struct cli_verify_sums *s)
{
    const struct cli_details_gone *g = &s->gone;
    (void)printf("  %" PRIu64 " detail%s gone:", s->details_erased,
                 s->details_erased == 1 ? " is" : "s are");
    for (uint64_t i = 0; i < g->records && i < CLI_DETAILS_NAMED; i++)
        (void)printf("%s %" PRIu64 " %s by record %" PRIu64, i > 0 ? "," : "", g->by[i].count,
                     g->by[i].retired ? "retired" : "erased", g->by[i].record);
    if (g->records > CLI_DETAILS_NAMED)
        (void)printf(", and more by %" PRIu64 " others", g->records - CLI_DETAILS_NAMED);
    (void)putchar('\n');
}

/* What was read beside the records. */
static void report_rest(const struct cli_verify_report *r)
{
    const struct cli_verify_sums *s = &r->sums;
    uint64_t left = s->covered < s->records ? s->records - s->covered : 0;
    if (s->evidence > 0)
        (void)printf("  %" PRIu64 " piece%s of evidence and %" PRIu64
                     " private detail%s are what the records name\n",
                     s->evidence, CLI_S(s->evidence), s->details, CLI_S(s->details));
    if (s->evidence > 0 && s->details_erased > 0)
        report_gone(s);
    if (s->cosigned_notes > 0)
        (void)printf("  %" PRIu64 " checkpoint%s stored with cosignatures, up to size %" PRIu64
                     "%s\n",
                     s->cosigned_notes, s->cosigned_notes == 1 ? " is" : "s are", s->cosigned_size,
                     r->witnesses == 0 ? " (--witness verifies them)" : "");
    if (r->witnesses > 0)
        (void)printf("  %zu of %zu witnesses cosigned the newest %scheckpoint\n", s->cosigned,
                     r->witnesses, s->cosigned_notes > 0 ? "of these " : "");
    if (s->open_intentions > 0)
        (void)printf("  %" PRIu64 " intention%s no result yet: signing may be running\n",
                     s->open_intentions, s->open_intentions == 1 ? " has" : "s have");
    if (left == 0)
        return;
    (void)printf("  the last %" PRIu64 " record%s under no checkpoint: nobody has signed for %s "
                 "(--whole makes that a fault)\n",
                 left, left == 1 ? " is" : "s are", left == 1 ? "it" : "them");
}

static void report_text(const struct cli *c, const struct cli_verify_report *r)
{
    const struct cli_verify_sums *s = &r->sums;
    (void)printf("%sverified%s %s: %" PRIu64 " record%s, %" PRIu64 " release%s, %" PRIu64
                 " result%s of signing\n",
                 cli_term_style(c->term.color_out, CLI_GOOD),
                 cli_term_style(c->term.color_out, CLI_PLAIN), r->origin, s->records,
                 CLI_S(s->records), s->releases, CLI_S(s->releases), s->results, CLI_S(s->results));
    (void)puts("  chain, times, states, sequence numbers, intentions and results hold;");
    const char *seen = s->seen_held ? ", and the log extends the checkpoint seen before" : "";
    if (s->checkpoints == 1)
        (void)printf("  the root is the one in the signed checkpoint%s\n", seen);
    else
        (void)printf("  the roots are those in the %" PRIu64 " signed checkpoints%s\n",
                     s->checkpoints, seen);
    report_rest(r);
}

enum hm_err cli_verify_report(struct cli *c, const struct cli_verify_report *r)
{
    struct cli_deep_sums deep = {.fault_count = 0};
    if (r->deep != NULL)
        cli_deep_sums(r->deep, &deep);
    if (c->term.json)
        report_json(r, &deep);
    else if (r->deep != NULL)
        cli_deep_report(c, &deep);
    if (deep.fault_count == 0) {
        if (!c->term.json)
            report_text(c, r);
        return HM_OK;
    }
    const struct cli_deep_fault *f = &deep.faults[0];
    return hm_fail(&c->why, HM_E_DENIED,
                   "%" PRIu64 " of %" PRIu64 " intentions do not hold, %zu faults; the first in "
                   "record %" PRIu64 ": %s: %.300s",
                   deep.faulty, deep.intentions, deep.fault_count, f->record,
                   cli_deep_kind_name(f->kind), f->text);
}

void cli_verify_report_proof(const struct cli *c, const struct cli_verify_report *r,
                             const struct cli_record *p)
{
    if (c->term.json) {
        (void)printf("{\"verified\":true,\"index\":%" PRIu64 ",\"log_size\":%" PRIu64
                     ",\"cosigned\":%zu,\"record\":",
                     p->record.idx, p->checkpoint.size, r->sums.cosigned);
        (void)fwrite(p->bytes.data, 1, p->bytes.len, stdout);
        (void)puts("}");
        return;
    }
    (void)printf("verified: record %" PRIu64 " (%s) is in %s of size %" PRIu64 "\n", p->record.idx,
                 hm_event_name(p->record.event), p->checkpoint.origin, p->checkpoint.size);
    if (r->witnesses > 0)
        (void)printf("  %zu of %zu witnesses cosigned its checkpoint\n", r->sums.cosigned,
                     r->witnesses);
    (void)fwrite(p->bytes.data, 1, p->bytes.len, stdout);
    (void)putchar('\n');
}

void cli_verify_report_fault(const struct cli *c, const struct cli_verify_report *r)
{
    if (!c->term.json) {
        cli_note(c, "fault: kind %s, index %" PRIu64, cli_fault_name(r->fault.kind),
                 r->fault.index);
        return;
    }
    (void)printf("{\"verified\":false,\"origin\":\"%s\",\"fault\":", r->origin);
    cli_fault_json(&r->fault, stdout);
    (void)puts("}");
}
