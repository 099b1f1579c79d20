#include "client/cli_deep.h"

#include "schema/json/hm_json_canon.h"

#include <inttypes.h>

static void print_faults(const struct cli *c, const struct cli_deep_sums *s)
{
    static const char *const headers[] = {"INTENTION", "RECORD", "KIND", "WHAT"};
    CLI_TABLE_AUTO t;
    cli_table_begin(&t, headers, 4);
    for (size_t i = 0; i < s->fault_count; i++) {
        const struct cli_deep_fault *f = &s->faults[i];
        if (f->intention == CLI_DEEP_NO_INTENTION)
            cli_table_cell(&t, "-");
        else
            cli_table_cell(&t, "%" PRIu64, f->intention);
        cli_table_cell(&t, "%" PRIu64, f->record);
        cli_table_cell(&t, "%s", cli_deep_kind_name(f->kind));
        cli_table_cell(&t, "%s", f->text);
    }
    cli_table_write(&t, stdout, c->term.color_out);
    if (s->fault_count > 0)
        (void)putchar('\n');
}

static void row(struct cli_table *t, const char *what, uint64_t n)
{
    cli_table_cell(t, "%s", what);
    cli_table_cell(t, "%" PRIu64, n);
}

void cli_deep_report(const struct cli *c, const struct cli_deep_sums *s)
{
    static const char *const headers[] = {"JUDGED AGAIN", ""};
    CLI_TABLE_AUTO t;
    print_faults(c, s);
    cli_table_begin(&t, headers, 2);
    row(&t, "intentions", s->intentions);
    row(&t, "of them hold", s->intentions - s->faulty);
    row(&t, "signatures over approval statements", s->approvals);
    row(&t, "envelopes", s->results);
    row(&t, "policies put into force", s->policies);
    row(&t, "erasures of private detail", s->erasures);
    row(&t, "guards documents and lists of approvers", s->guards);
    if (s->tokens > 0) {
        row(&t, "requests by tokens", s->tokens);
        row(&t, "of them by their issuers' keys", s->tokens_known);
    }
    cli_table_write(&t, stdout, c->term.color_out);
    if (s->tokens > s->tokens_known)
        (void)printf("tokens that no key of their issuers (--jwks) was at hand for: %" PRIu64
                     "; that the key in the evidence was the issuer's is the registrar's word\n",
                     s->tokens - s->tokens_known);
    if (!s->root_pinned)
        (void)puts("no root is pinned (--trust-store, --root-key): the first policy rests on the "
                   "root that the log itself shows");
}

static void put_text(struct hm_buf *b, const char *name, const char *text)
{
    hm_buf_printf(b, ",\"%s\":", name);
    hm_json_canon_str(b, hm_bytes_str(text));
}

void cli_deep_json(const struct cli_deep_sums *s, FILE *out)
{
    HM_BUF_AUTO b = {.limit = (size_t)256 * 1024 * 1024};
    hm_buf_printf(&b,
                  "{\"intentions\":%" PRIu64 ",\"hold\":%" PRIu64 ",\"approvals\":%" PRIu64
                  ",\"envelopes\":%" PRIu64 ",\"policies\":%" PRIu64 ",\"erasures\":%" PRIu64
                  ",\"guards\":%" PRIu64 ",\"tokens\":%" PRIu64 ",\"tokens_known\":%" PRIu64
                  ",\"root_pinned\":%s,\"faults\":[",
                  s->intentions, s->intentions - s->faulty, s->approvals, s->results, s->policies,
                  s->erasures, s->guards, s->tokens, s->tokens_known,
                  s->root_pinned ? "true" : "false");
    for (size_t i = 0; i < s->fault_count; i++) {
        const struct cli_deep_fault *f = &s->faults[i];
        hm_buf_printf(&b, "%s{\"record\":%" PRIu64, i > 0 ? "," : "", f->record);
        if (f->intention != CLI_DEEP_NO_INTENTION)
            hm_buf_printf(&b, ",\"intention\":%" PRIu64, f->intention);
        put_text(&b, "kind", cli_deep_kind_name(f->kind));
        put_text(&b, "text", f->text);
        hm_buf_putc(&b, '}');
    }
    hm_buf_puts(&b, "]}");
    if (hm_buf_err(&b) == HM_OK)
        (void)fwrite(b.data, 1, b.len, out);
}
