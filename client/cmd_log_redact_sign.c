/* hallmark log redact sign: an administrator looks at what is to be erased and signs it. */
#include "client/cli_approval_key.h"
#include "client/cli_redact.h"
#include "schema/io/hm_clock.h"

static const struct cli_opt opts[] = {
    {"key", "FILE", "OpenSSH or PEM private key that signs (SSH signature)", false},
    {"agent", "[=FINGERPRINT]", "sign with a key in the SSH agent, sk- keys too", false},
    {"dsse", "FILE", "PEM private key that signs in DSSE form", false},
    {"signature", "FILE", "signature made by ssh-keygen -Y sign -n hallmark-erasure", false},
    {"out", "FILE", "where the signed document goes", false},
    {"offline", NULL, "do not look at the records, only at what the statement says", false},
    {"yes", NULL, "do not ask", false},
    {NULL, NULL, NULL, false},
};

static enum hm_err sign(struct cli *c)
{
    HM_BUF_AUTO text = {.limit = HM_STATEMENT_MAX + 1};
    HM_BUF_AUTO doc = {.limit = HM_SIGNED_MAX};
    struct hm_erasure e;
    struct cli_sign_with with;
    struct hm_key key;
    enum hm_err err = cli_approval_key(c, &with);
    if (err == HM_OK)
        err = cli_redact_read(c, c->args.operand[0], &text, &e);
    if (err == HM_OK && e.expires_s <= hm_clock_unix_s())
        err = hm_fail(&c->why, HM_E_EXPIRED, "the statement has expired; write a new one");
    if (err == HM_OK)
        err = cli_redact_show(c, &e, cli_args_has(&c->args, "offline"));
    if (err == HM_OK)
        err = cli_approval_confirm(c, "What is erased never comes back. Sign this? Type yes:");
    if (err == HM_OK)
        err = cli_sign(&with, HM_SIGNED_ERASURE, hm_buf_bytes(&text), &doc, &key, &c->why);
    return err == HM_OK ? cli_write(cli_args_get(&c->args, "out"), hm_buf_bytes(&doc), &c->why)
                        : err;
}

static int run(struct cli *c)
{
    return cli_end(c, sign(c));
}

const struct cli_command cli_cmd_log_redact_sign = {
    .name = "log redact sign",
    .summary = "sign for private detail to be erased, as an administrator",
    .usage = "FILE --out FILE [--offline] [--key FILE | --agent[=FINGERPRINT] | --dsse FILE | "
             "--signature FILE]",
    .example = "  hallmark log redact sign erasure.txt --agent --out erasure.dora.json",
    .opts = opts,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
