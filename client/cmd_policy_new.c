/* hallmark policy new: a policy to start from, and beside it what it says and what it still needs.
 */
#include "client/cli_policy.h"
#include "client/cli_preset.h"
#include "schema/json/hm_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct cli_opt opts[] = {
    {"preset", "NAME", "two-person, team or enterprise", false},
    {"product", "NAME", "product that is released under it", true},
    {"name", "TEXT", "whose policy it is; default: the vendor domain", false},
    {"approver", "ID[=FILE]", "a person who approves, and the file of their public key", true},
    {"security", "ID[=FILE]", "a person of group security (team, enterprise)", true},
    {"administrator", "ID[=FILE]", "a person who administers the policy (enterprise)", true},
    {"submitter", "ID[=FILE]", "a pipeline that submits; default: ci", true},
    {"client-certificate", "ID=FILE",
     "the client certificate (PEM) of somebody named above; default: SAN URI spiffe://DOMAIN/ID",
     true},
    {"builder", "URI[=FILE]", "builder.id of the provenance, and its public key", true},
    {"repository", "URI", "repository that it builds from", true},
    {"release-key", "KEY=FILE", "public half of a release key, such as production=release.pem",
     true},
    {"out", "FILE", "write the policy there, its notes beside it; default: stdout and stderr",
     false},
    {NULL, NULL, NULL, false},
};

static enum hm_err choose(struct cli *c, const struct cli_preset **out)
{
    const char *name = cli_args_get(&c->args, "preset");
    const struct cli_preset *p;
    HM_BUF_AUTO all = {.limit = 4096};
    *out = name != NULL ? cli_preset_find(name) : NULL;
    if (*out != NULL)
        return HM_OK;
    for (size_t i = 0; (p = cli_preset_at(i)) != NULL; i++)
        hm_buf_printf(&all, "%s%s (%s)", i > 0 ? ", " : "", p->name, p->summary);
    const char *text = hm_buf_str(&all);
    return hm_fail(&c->why, HM_E_CONFIG, "--preset: expected one of %s", text != NULL ? text : "");
}

static void write_notes(const struct cli *c, const struct cli_preset *p, const char *places,
                        size_t count, struct hm_buf *out)
{
    hm_buf_printf(out, "Policy for %s, made from preset %s (%s).\n\n%s", c->set.vendor_domain,
                  p->name, p->summary, p->notes);
    hm_buf_puts(out,
                "\nCredentials are the SAN URIs or fingerprints of client certificates: change "
                "them to those that\nyour certificate authority issues.\n");
    if (count > 0)
        hm_buf_printf(out, "\nTo be filled in (the policy is refused until then):\n%s", places);
    hm_buf_puts(out,
                "\nNext:\n  hallmark policy check FILE      everything the registrar would say\n"
                "  hallmark-ceremony               names it in the genesis\n"
                "docs/policy.md explains every field.\n");
}

/* "dir/policy.json" -> "dir/policy.notes.txt". */
static char *notes_path(const char *out)
{
    char *path = NULL;
    size_t n = strlen(out);
    if (n > 5 && strcmp(out + n - 5, ".json") == 0)
        n -= 5;
    return asprintf(&path, "%.*s.notes.txt", (int)n, out) < 0 ? NULL : path;
}

static enum hm_err write_both(struct cli *c, const char *out, const char *text,
                              struct hm_buf *notes)
{
    HM_FREE char *beside = notes_path(out);
    if (beside == NULL)
        return hm_fail(&c->why, HM_E_MEMORY, "out of memory");
    const char *const files[] = {out, beside};
    for (size_t i = 0; i < 2; i++)
        if (access(files[i], F_OK) == 0) {
            cli_next(c, "give another --out, or move the file away");
            return hm_fail(&c->why, HM_E_IO, "%.300s exists already", files[i]);
        }
    enum hm_err err = cli_write(out, hm_bytes_str(text), &c->why);
    return err == HM_OK ? cli_write(beside, hm_buf_bytes(notes), &c->why) : err;
}

/* A document that needs nothing more must load; one that does cannot be checked yet. */
static enum hm_err check_made(struct cli *c, const char *text, size_t places)
{
    struct policy *p = NULL;
    if (places > 0)
        return HM_OK;
    enum hm_err err = policy_load(hm_bytes_str(text), &p, &c->why);
    policy_free(p);
    return err;
}

static void report(struct cli *c, const char *out, const char *places, size_t count)
{
    if (c->term.json && out != NULL) {
        (void)printf("{\"complete\":%s,\"fill_in\":%zu}\n", count == 0 ? "true" : "false", count);
        return;
    }
    if (out == NULL)
        return;
    (void)printf("written: %s\n", out);
    if (count > 0) {
        (void)printf("%zu to be filled in:\n", count);
        cli_policy_put_lines(stdout, places);
    }
    (void)printf("next: %shallmark policy check %s\n", count > 0 ? "fill them in, then " : "", out);
}

static enum hm_err new_policy(struct cli *c)
{
    const struct cli_preset *preset = NULL;
    HM_JSON_AUTO *doc = NULL;
    HM_BUF_AUTO lines = {.limit = HM_POLICY_MAX};
    HM_BUF_AUTO notes = {.limit = HM_POLICY_MAX};
    const char *out = cli_args_get(&c->args, "out");
    enum hm_err err = choose(c, &preset);
    if (err == HM_OK)
        err = cli_preset_fill(c, preset, &doc);
    if (err != HM_OK)
        return err;
    HM_FREE char *body = json_dumps(doc, JSON_INDENT(2));
    HM_FREE char *text = NULL;
    if (body == NULL || asprintf(&text, "%s\n", body) < 0)
        return hm_fail(&c->why, HM_E_MEMORY, "out of memory");
    size_t count = cli_policy_places(doc, &lines);
    const char *places = hm_buf_str(&lines);
    if (places == NULL)
        return hm_fail(&c->why, HM_E_LIMIT, "the policy is too large");
    err = check_made(c, text, count);
    if (err != HM_OK)
        return err;
    write_notes(c, preset, places, count, &notes);
    if (out != NULL)
        err = write_both(c, out, text, &notes);
    else
        err = cli_write(NULL, hm_bytes_str(text), &c->why);
    const char *said = hm_buf_str(&notes);
    if (err == HM_OK && out == NULL && !c->term.json && said != NULL)
        cli_policy_put_lines(stderr, said);
    if (err == HM_OK)
        report(c, out, places, count);
    return err;
}

static int run(struct cli *c)
{
    return cli_end(c, new_policy(c));
}

const struct cli_command cli_cmd_policy_new = {
    .name = "policy new",
    .summary = "a policy to start from: two-person, team or enterprise",
    .usage = "--preset NAME --vendor-domain DOMAIN --product P... [--out FILE] [OPTIONS]",
    .example = "  hallmark policy new --preset two-person --vendor-domain example.com \\\n"
               "    --product edge-router --approver alice=alice.pub --approver bob=bob.pub \\\n"
               "    --builder https://ci.example.com/builder=builder.pem \\\n"
               "    --repository https://git.example.com/edge-router \\\n"
               "    --release-key production=production.pem --out policy.json\n\n"
               "No key is ever made up. What was not given stands in the document as \"FILL IN: "
               "...\", which\n"
               "hallmark policy check and the registrar refuse, naming the field.",
    .opts = opts,
    .operands_min = 0,
    .operands_max = 0,
    .run = run,
};
