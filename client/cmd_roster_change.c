/* hallmark roster change: writes the statement by which approvers join or leave, for the roster
 * keys to sign. Nothing is sent. */
#include "client/cli_roster.h"

#include <inttypes.h>
#include <string.h>

static const struct cli_opt opts[] = {
    {"add", "KEY", "a public key (line or file) that joins", true},
    {"remove", "KEY", "a public key (line or file) that leaves", true},
    {"out", "FILE", "where the statement goes", false},
    {NULL, NULL, NULL, false},
};

static size_t find(const struct hm_roster *r, const struct hm_key *k)
{
    size_t i = 0;
    while (i < r->count && !hm_key_eq(&r->approvers[i], k))
        i++;
    return i;
}

static enum hm_err remove_all(struct cli *c, struct hm_roster *r)
{
    const char *text;
    for (size_t i = 0; (text = cli_args_at(&c->args, "remove", i)) != NULL; i++) {
        struct hm_key k;
        enum hm_err err = cli_roster_key(c, text, &k);
        if (err != HM_OK)
            return err;
        size_t at = find(r, &k);
        if (at == r->count)
            return hm_fail(&c->why, HM_E_CONFIG, "--remove %.80s: not in the list", text);
        r->count--;
        memmove(&r->approvers[at], &r->approvers[at + 1], (r->count - at) * sizeof r->approvers[0]);
    }
    return HM_OK;
}

static enum hm_err add_all(struct cli *c, struct hm_roster *r)
{
    const char *text;
    for (size_t i = 0; (text = cli_args_at(&c->args, "add", i)) != NULL; i++) {
        struct hm_key k;
        enum hm_err err = cli_roster_key(c, text, &k);
        if (err != HM_OK)
            return err;
        if (find(r, &k) < r->count || r->count == HM_ROSTER_APPROVERS_MAX)
            return hm_fail(&c->why, HM_E_CONFIG,
                           "--add %.80s: it is in the list, or the list is full", text);
        r->approvers[r->count++] = k;
    }
    return HM_OK;
}

static enum hm_err change(struct cli *c)
{
    CLI_ROSTER_AUTO *r = cli_roster_new();
    HM_BUF_AUTO text = {.limit = HM_STATEMENT_MAX};
    const char *out = cli_args_get(&c->args, "out");
    if (r == NULL)
        return hm_fail(&c->why, HM_E_MEMORY, "out of memory");
    enum hm_err err = cli_roster_load(c, c->args.operand[0], r);
    if (err == HM_OK && r->guard->roster_threshold == 0)
        err = hm_fail(&c->why, HM_E_DENIED,
                      "the guard of this key names no roster keys; only the root changes its "
                      "approvers");
    if (err == HM_OK)
        err = remove_all(c, &r->held);
    if (err == HM_OK)
        err = add_all(c, &r->held);
    if (err == HM_OK && r->held.count < r->guard->approvals)
        err = hm_fail(&c->why, HM_E_CONFIG, "%zu approvers would be left, the guard asks for %zu",
                      r->held.count, r->guard->approvals);
    if (err != HM_OK)
        return err;
    memcpy(r->held.origin, r->origin, sizeof r->held.origin);
    r->held.key = r->guard->key;
    r->held.guards = r->guards_sha256;
    r->held.serial = r->now.serial + 1;
    r->held.former = r->now.list;
    err = hm_roster_write(&r->held, &text, &c->why);
    if (err == HM_OK)
        err = cli_write(out, hm_buf_bytes(&text), &c->why);
    if (err == HM_OK && out != NULL)
        cli_note(c, "next, %zu of the roster keys: hallmark roster sign %s --out FILE",
                 r->guard->roster_threshold, out);
    return err;
}

static int run(struct cli *c)
{
    return cli_end(c, change(c));
}

const struct cli_command cli_cmd_roster_change = {
    .name = "roster change",
    .summary = "write the statement by which approvers join or leave",
    .usage = "KEY [--add KEY] [--remove KEY] [--out FILE]",
    .example = "  hallmark roster change production-2026 --add carol.pub --out roster.txt",
    .opts = opts,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
