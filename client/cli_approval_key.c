#include "client/cli_approval_key.h"

#include "schema/json/hm_json_canon.h"

enum hm_err cli_approval_key(struct cli *c, struct cli_sign_with *out)
{
    const struct cli_args *a = &c->args;
    struct cli_sign_with w = {CLI_SIGN_NONE, NULL, NULL};
    unsigned given = 0;
    if (cli_args_has(a, "key") && ++given)
        w = (struct cli_sign_with){CLI_SIGN_SSH, cli_args_get(a, "key"), NULL};
    if (cli_args_has(a, "agent") && ++given)
        w = (struct cli_sign_with){CLI_SIGN_AGENT, cli_args_get(a, "agent"), NULL};
    if (cli_args_has(a, "dsse") && ++given)
        w = (struct cli_sign_with){CLI_SIGN_DSSE, cli_args_get(a, "dsse"), NULL};
    if (cli_args_has(a, "signature") && ++given)
        w = (struct cli_sign_with){CLI_SIGN_FILE, cli_args_get(a, "signature"), NULL};
    if (given == 0 && c->set.approval_key[0] != '\0')
        w = (struct cli_sign_with){CLI_SIGN_SSH, c->set.approval_key, NULL};
    else if (given == 0 && c->set.approval_agent[0] != '\0')
        w = (struct cli_sign_with){CLI_SIGN_AGENT, c->set.approval_agent, NULL};
    if (given > 1)
        return hm_fail(&c->why, HM_E_CONFIG,
                       "expected one of --key, --agent, --dsse and --signature");
    if (w.how == CLI_SIGN_NONE) {
        cli_next(c, "hallmark %s %s --agent (or --key FILE; or \"approval_key\" in the settings)",
                 c->command->name, c->args.operand[0]);
        return hm_fail(&c->why, HM_E_CONFIG, "nothing says which key signs the approval");
    }
    *out = w;
    return HM_OK;
}

enum hm_err cli_approval_confirm(struct cli *c, const char *question)
{
    if (cli_args_has(&c->args, "yes"))
        return HM_OK;
    if (!c->term.tty_in) {
        cli_next(c, "hallmark %s %s --yes (without a terminal nobody can be asked)",
                 c->command->name, c->args.operand[0]);
        return hm_fail(&c->why, HM_E_CONFIG, "not confirmed: there is no terminal to ask on");
    }
    if (!cli_term_confirm(&c->term, question))
        return hm_fail(&c->why, HM_E_DENIED, "not confirmed, nothing was signed or sent");
    return HM_OK;
}

enum hm_err cli_put_signatures(struct cli *c, struct hm_buf *out)
{
    const char *file;
    if (!cli_args_has(&c->args, "signature"))
        return hm_fail(&c->why, HM_E_CONFIG, "--signature is missing");
    for (size_t i = 0; (file = cli_args_at(&c->args, "signature", i)) != NULL; i++) {
        HM_BUF_AUTO doc = {.limit = HM_SIGNED_MAX + 1};
        enum hm_err err = cli_read(file, HM_SIGNED_MAX, &doc, &c->why);
        if (err != HM_OK)
            return err;
        hm_buf_putc(out, i == 0 ? '[' : ',');
        hm_json_canon_str(out, hm_buf_bytes(&doc));
    }
    hm_buf_putc(out, ']');
    return HM_OK;
}

enum hm_err cli_approval_send(struct cli *c, const struct cli_sign_with *with,
                              const struct cli_approval *a, struct cli_ack *ack)
{
    HM_BUF_AUTO doc = {.limit = HM_SIGNED_MAX};
    const struct hm_record *r = &ack->rec.record;
    struct hm_key key;
    if (with->how == CLI_SIGN_AGENT && c->term.tty_err)
        cli_note(c, "asking the SSH agent; touch the security key if it blinks");
    enum hm_err err = cli_sign(with, a->kind, a->statement, &doc, &key, &c->why);
    if (err == HM_OK)
        err = cli_post_document(c, a->path, hm_buf_bytes(&doc), a->event, a->release,
                                hm_buf_bytes(&doc), ack);
    if (err != HM_OK)
        return err;
    struct hm_digest statement = hm_sha256(a->statement);
    struct hm_digest id = hm_key_id(&key);
    if (!r->has_statement || !hm_digest_eq(&r->statement, &statement))
        return hm_fail(&c->why, HM_E_DENIED, "the proven record is about another statement");
    if (!r->has_approver_key || !hm_digest_eq(&r->approver_key, &id))
        return hm_fail(&c->why, HM_E_DENIED, "the proven record names another approval key");
    return HM_OK;
}
