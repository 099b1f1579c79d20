/* hallmark roster sign: the holder of a roster key looks at the list and signs it. */
#include "client/cli_approval_key.h"
#include "client/cli_roster.h"

#include <inttypes.h>
#include <stdlib.h>

static const struct cli_opt opts[] = {
    {"key", "FILE", "OpenSSH or PEM private key that signs (SSH signature)", false},
    {"agent", "[=FINGERPRINT]", "sign with a key in the SSH agent, sk- keys too", false},
    {"dsse", "FILE", "PEM private key that signs in DSSE form", false},
    {"signature", "FILE", "signature made by ssh-keygen -Y sign -n hallmark-roster", false},
    {"out", "FILE", "where the signed document goes", false},
    {"yes", NULL, "do not ask", false},
    {NULL, NULL, NULL, false},
};

static void show(const struct hm_roster *r)
{
    char key[HM_SHA256_HEX];
    hm_digest_hex(&r->key, key);
    (void)fprintf(stderr, "approvers of key %s, list %" PRIu64 " of log %s:\n", key, r->serial,
                  r->origin);
    for (size_t i = 0; i < r->count; i++) {
        HM_BUF_AUTO line = {.limit = 4096};
        cli_roster_line(&r->approvers[i], &line);
        (void)fprintf(stderr, "  %s\n", hm_buf_str(&line) != NULL ? hm_buf_str(&line) : "");
    }
}

static enum hm_err sign(struct cli *c)
{
    HM_BUF_AUTO text = {.limit = HM_STATEMENT_MAX + 1};
    HM_BUF_AUTO doc = {.limit = HM_SIGNED_MAX};
    HM_FREE struct hm_roster *r = calloc(1, sizeof *r);
    struct cli_sign_with with;
    struct hm_key key;
    if (r == NULL)
        return hm_fail(&c->why, HM_E_MEMORY, "out of memory");
    enum hm_err err = cli_approval_key(c, &with);
    if (err == HM_OK)
        err = cli_read(c->args.operand[0], HM_STATEMENT_MAX, &text, &c->why);
    if (err == HM_OK)
        err = hm_roster_parse(hm_buf_bytes(&text), r, &c->why);
    if (err != HM_OK)
        return err;
    show(r);
    err = cli_approval_confirm(c, "Sign this list? Type yes:");
    if (err == HM_OK)
        err = cli_sign(&with, HM_SIGNED_ROSTER, hm_buf_bytes(&text), &doc, &key, &c->why);
    return err == HM_OK ? cli_write(cli_args_get(&c->args, "out"), hm_buf_bytes(&doc), &c->why)
                        : err;
}

static int run(struct cli *c)
{
    return cli_end(c, sign(c));
}

const struct cli_command cli_cmd_roster_sign = {
    .name = "roster sign",
    .summary = "sign a list of approvers, with a roster key",
    .usage =
        "FILE --out FILE [--key FILE | --agent[=FINGERPRINT] | --dsse FILE | --signature FILE]",
    .example = "  hallmark roster sign roster.txt --agent --out roster.dora.json",
    .opts = opts,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
