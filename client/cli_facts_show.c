#include "client/cli_facts.h"

#include "schema/core/hm_time.h"

#include <inttypes.h>

static void line(FILE *out, const char *label, const char *text)
{
    (void)fprintf(out, "  %-13s ", label);
    cli_put_text(out, text);
    (void)fputc('\n', out);
}

static void digest_line(FILE *out, const char *label, const struct hm_digest *d, const char *more)
{
    char hex[HM_SHA256_HEX];
    hm_digest_hex(d, hex);
    (void)fprintf(out, "  %-13s sha256:%s%s", label, hex, more[0] != '\0' ? " " : "");
    cli_put_text(out, more);
    (void)fputc('\n', out);
}

static void show_what(const struct hm_approval *s, FILE *out)
{
    char text[512];
    (void)snprintf(text, sizeof text, "%s %s for channel %s (%s)", s->product, s->version,
                   s->channel, s->environment);
    line(out, "release", text);
    if (s->break_glass[0] != '\0')
        line(out, "BREAK GLASS", s->break_glass);
    (void)snprintf(text, sizeof text, "%" PRIu64, s->sequence);
    line(out, "sequence", text);
    for (size_t i = 0; i < s->hardware_count; i++) {
        (void)snprintf(text, sizeof text, "%s revision %s", s->hardware[i].model,
                       s->hardware[i].revision);
        line(out, i == 0 ? "hardware" : "", text);
    }
    for (size_t i = 0; i < s->region_count; i++)
        line(out, i == 0 ? "regions" : "", s->regions[i]);
    for (size_t i = 0; i < s->dependency_count; i++) {
        (void)snprintf(text, sizeof text, "%s %s", s->dependencies[i].product,
                       s->dependencies[i].version);
        line(out, i == 0 ? "depends on" : "", text);
    }
}

static void show_source(const struct cli_facts *f, FILE *out)
{
    const struct hm_approval *s = &f->statement;
    if (s->builder[0] == '\0') {
        line(out, "source", "NO PROVENANCE: nothing says where these bytes come from");
        return;
    }
    line(out, "repository", s->source.repository);
    line(out, "ref", s->source.ref[0] != '\0' ? s->source.ref : "-");
    line(out, "commit", s->source.commit[0] != '\0' ? s->source.commit : "-");
    line(out, "builder", s->builder);
    if (f->policy == NULL)
        line(out, "", "the builder's signature was not checked: the policy was not at hand");
}

static void show_conditions(const struct cli_facts *f, FILE *out)
{
    char text[128];
    if (f->suit.use_before != 0) {
        hm_time_format((int64_t)f->suit.use_before, text);
        line(out, "use before", text);
    }
    if (f->suit.rollback_floor != 0) {
        (void)snprintf(text, sizeof text, "nothing below sequence %" PRIu64 " boots afterwards",
                       f->suit.rollback_floor);
        line(out, "rollback", text);
    }
    if (f->suit.at_least_count != 0) {
        int n = snprintf(text, sizeof text, "only over version ");
        for (size_t i = 0; i < f->suit.at_least_count && n > 0 && (size_t)n < sizeof text; i++)
            n += snprintf(text + n, sizeof text - (size_t)n, "%s%" PRIu32, i > 0 ? "." : "",
                          f->suit.at_least[i]);
        line(out, "installs", text);
    }
}

void cli_facts_show(const struct cli *c, const struct cli_facts *f, FILE *out)
{
    const struct hm_approval *s = &f->statement;
    const struct hm_record *r = &f->submitted.record;
    char text[400];
    bool color = out == stdout ? c->term.color_out : c->term.color_err;
    (void)fprintf(out, "%sr%" PRIu64 " in the log ", cli_term_style(color, CLI_BOLD), f->release);
    cli_put_text(out, s->origin);
    (void)fprintf(out, "%s\n", cli_term_style(color, CLI_PLAIN));
    show_what(s, out);
    for (size_t i = 0; i < s->artifact_count; i++) {
        char size[24];
        cli_size_text((double)s->artifacts[i].size, size);
        (void)snprintf(text, sizeof text, "%s, %s (%" PRIu64 " bytes)", s->artifacts[i].name, size,
                       s->artifacts[i].size);
        digest_line(out, i == 0 ? "artifact" : "", &s->artifacts[i].digest, text);
    }
    show_source(f, out);
    show_conditions(f, out);
    line(out, "submitted by", r->actor);
    digest_line(out, "manifest", &s->manifest, "");
    for (size_t i = 0; i < s->sign_count; i++)
        digest_line(out, i == 0 ? "signing key" : "", &s->sign[i].key, s->sign[i].mechanism);
    digest_line(out, "policy", &s->policy, "");
    (void)snprintf(text, sizeof text, "%s%s", f->vendor_domain,
                   f->vendor_pinned ? "" : " (from the policy the server sent; pin vendor_domain)");
    line(out, "vendor", text);
    hm_time_format(s->expires_s, text);
    line(out, "expires", text);
    (void)fputs("  checked       the record's proof under the pinned log key; statement = record = "
                "signed request\n                = manifest (classes, images, digests, bytes to be "
                "signed)\n",
                out);
}
