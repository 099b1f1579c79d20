/* hallmark policy explain: what would happen to a release, check by check, without doing it. */
#include "client/cli_explain.h"
#include "schema/attest/hm_cert.h"
#include "schema/attest/hm_signed.h"
#include "schema/io/hm_clock.h"
#include "schema/json/hm_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_FILE_MAX (2 * HM_REQUEST_MAX)

static const struct cli_opt opts[] = {
    {"request", "FILE", "a request (hallmark submit --dry-run), or the signed document", false},
    {"attestation", "FILE", "DSSE envelope that comes with it", true},
    {"submitter", "ID", "who would submit it, where the request is not signed", false},
    {"approved-by", "ID", "suppose that this person approves, in the order given", true},
    {"at", "WHEN", "submission or signing (default): what the exit code is about", false},
    {NULL, NULL, NULL, false},
};

/* Whose signature is under the request: a submit key of the policy, or the certificate that came
 * with it (its chain is not looked at here). */
static enum hm_err find_submitter(const struct cli_policy *p, const struct hm_signed *s,
                                  struct cli_explain *e, struct hm_why *why)
{
    const struct policy_principal *who;
    size_t k = 0;
    for (size_t i = 0; (who = policy_principal_at(p->policy, i)) != NULL; i++)
        if (hm_signed_find(s, HM_SIGNED_REQUEST, who->submit_keys, who->submit_key_count, &k,
                           NULL) == HM_OK)
            break;
    const char *pem = hm_signed_certificate(s);
    if (who == NULL && pem != NULL) {
        HM_FREE struct hm_cert *cert = calloc(1, sizeof *cert);
        const char *uris[HM_CERT_URIS_MAX];
        if (cert == NULL || hm_cert_parse_pem(hm_bytes_str(pem), cert, why) != HM_OK)
            return cert == NULL ? HM_E_MEMORY : HM_E_MALFORMED;
        for (size_t i = 0; i < cert->uri_count; i++)
            uris[i] = cert->uris[i];
        if (hm_signed_verify(s, HM_SIGNED_REQUEST, &cert->key, why) == HM_OK)
            who = policy_by_certificate(p->policy, &cert->fingerprint, uris, cert->uri_count);
    }
    if (who == NULL)
        return hm_fail(why, HM_E_SIGNATURE, "nobody of the policy signed this request");
    (void)snprintf(e->submitter, sizeof e->submitter, "%s", who->id);
    return HM_OK;
}

static enum hm_err read_request(struct cli *c, const struct cli_policy *p, const char *file,
                                struct cli_explain *e)
{
    HM_BUF_AUTO text = {.limit = REQUEST_FILE_MAX + 1};
    struct hm_signed s;
    const char *submitter = cli_args_get(&c->args, "submitter");
    enum hm_err err = cli_read(file, REQUEST_FILE_MAX, &text, &c->why);
    if (err != HM_OK)
        return err;
    if (hm_signed_parse(hm_buf_bytes(&text), REQUEST_FILE_MAX, &s, NULL) == HM_OK) {
        err = submitter == NULL ? find_submitter(p, &s, e, &c->why)
                                : hm_fail(&c->why, HM_E_CONFIG,
                                          "--submitter: the request is signed, and that says who");
        if (err == HM_OK)
            err = hm_request_parse(hm_signed_payload(&s), &e->request, &c->why);
        hm_signed_free(&s);
        return err == HM_OK || err == HM_E_CONFIG ? err : hm_fail_in(&c->why, err, "%.200s", file);
    }
    if (submitter == NULL) {
        cli_next(c, "hallmark policy explain --request %.200s --submitter ID", file);
        return hm_fail(&c->why, HM_E_CONFIG, "the request is not signed: --submitter is missing");
    }
    if (policy_principal(p->policy, submitter) == NULL)
        return hm_fail(&c->why, HM_E_CONFIG, "--submitter: the policy knows no '%.80s'", submitter);
    (void)snprintf(e->submitter, sizeof e->submitter, "%s", submitter);
    err = hm_request_parse(hm_buf_bytes(&text), &e->request, &c->why);
    return err == HM_OK ? HM_OK : hm_fail_in(&c->why, err, "%.200s", file);
}

static bool names(const struct hm_request *r, const struct hm_digest *d)
{
    for (size_t i = 0; i < r->attestation_count; i++)
        if (hm_digest_eq(&r->attestations[i], d))
            return true;
    return false;
}

static enum hm_err read_attestations(struct cli *c, const struct cli_policy *p,
                                     struct cli_explain *e)
{
    const char *file;
    for (size_t i = 0; (file = cli_args_at(&c->args, "attestation", i)) != NULL; i++) {
        HM_BUF_AUTO text = {.limit = HM_ATTESTATION_MAX + 1};
        bool used = false;
        enum hm_err err = cli_read(file, HM_ATTESTATION_MAX, &text, &c->why);
        if (err != HM_OK)
            return err;
        struct hm_digest d = hm_sha256(hm_buf_bytes(&text));
        if (!names(&e->request, &d))
            return hm_fail(&c->why, HM_E_DENIED, "%.200s is no attestation that the request names",
                           file);
        err = cli_explain_attestation(e, p->policy, hm_buf_bytes(&text), &used, &c->why);
        if (err != HM_OK)
            return hm_fail_in(&c->why, err, "%.200s", file);
        if (!used)
            cli_note(c, "%s: no statement that a builder of the policy signed", file);
    }
    return HM_OK;
}

static enum hm_err suppose_approvals(struct cli *c, const struct cli_policy *p,
                                     struct cli_explain *e)
{
    const char *id;
    uint64_t record = 1;
    for (size_t i = 0; i < e->facts.approval_count; i++)
        if (e->approvals[i].record >= record)
            record = e->approvals[i].record + 1;
    for (size_t i = 0; (id = cli_args_at(&c->args, "approved-by", i)) != NULL; i++) {
        const struct policy_principal *who = policy_principal(p->policy, id);
        const struct hm_key *with = who != NULL ? cli_explain_key(who) : NULL;
        if (with == NULL)
            return hm_fail(&c->why, HM_E_CONFIG,
                           "--approved-by: '%.80s' is nobody with an approval key in the policy",
                           id);
        struct hm_digest key = hm_key_id(with);
        enum hm_err err = cli_explain_approval(e, id, &key, record + i, true, &c->why);
        if (err != HM_OK)
            return err;
    }
    return HM_OK;
}

static enum hm_err offline(struct cli *c, const char *file, struct cli_explain *e,
                           struct cli_policy *p)
{
    enum hm_err err = cli_need(c, "policy", c->set.policy);
    if (err != HM_OK) {
        cli_next(c, "hallmark policy explain --request %.200s --policy POLICY.json", file);
        return err;
    }
    err = cli_policy_open(c, c->set.policy, p);
    if (err == HM_OK)
        err = read_request(c, p, file, e);
    if (err != HM_OK)
        return err;
    cli_explain_request(e);
    e->facts.submitted_s = hm_clock_unix_s();
    return read_attestations(c, p, e);
}

static enum hm_err gather(struct cli *c, struct cli_explain *e, struct cli_policy *p,
                          struct cli_policy *in_force)
{
    static const char *const only[] = {"attestation", "submitter"};
    const char *file = cli_args_get(&c->args, "request");
    bool release = c->args.operand_count > 0;
    uint64_t id = 0;
    if ((file != NULL) == release)
        return hm_fail(&c->why, HM_E_CONFIG, "expected a release id or --request FILE");
    for (size_t i = 0; i < 2; i++)
        if (release && cli_args_has(&c->args, only[i]))
            return hm_fail(&c->why, HM_E_CONFIG, "--%s goes with --request", only[i]);
    enum hm_err err = HM_OK;
    if (release) {
        err = cli_release_operand(c, &id);
        if (err == HM_OK)
            err = cli_explain_release(c, id, e, p, in_force);
    } else {
        err = offline(c, file, e, p);
    }
    return err == HM_OK ? suppose_approvals(c, p, e) : err;
}

static enum hm_err want_at(struct cli *c, bool *submission)
{
    const char *at = cli_args_get(&c->args, "at");
    *submission = at != NULL && strcmp(at, "submission") == 0;
    if (at != NULL && !*submission && strcmp(at, "signing") != 0)
        return hm_fail(&c->why, HM_E_CONFIG, "--at: '%.40s': expected submission or signing", at);
    return HM_OK;
}

static void print_next(const struct cli *c, const struct cli_explain *e,
                       const struct cli_answered *a)
{
    const char *id = c->args.operand_count > 0 ? c->args.operand[0] : NULL;
    if (e->ended != NULL)
        return;
    if (id == NULL)
        (void)printf("next: %s\n", a->submission.allow ? "hallmark submit --request FILE"
                                                       : "change what failed, then ask again");
    else if (a->signing.allow)
        (void)printf("next: hallmark sign %s\n", id);
    else if (a->submission.allow)
        (void)printf("next: hallmark approve %s\n", id);
}

static bool show(const struct cli *c, const struct cli_explain *e, const struct cli_policy *p,
                 const struct cli_policy *in_force, bool submission)
{
    const struct cli_policy *const both[] = {p, in_force};
    struct cli_answered a[2];
    HM_JSON_AUTO *all = json_array();
    bool allow = true;
    size_t n = in_force->policy != NULL ? 2 : 1;
    if (!c->term.json) {
        const char *environment = e->facts.environment;
        (void)printf("%s %s for channel %s%s%s, submitted by %s%s\n", e->request.product,
                     e->request.version, e->request.channel, environment != NULL ? " in " : "",
                     environment != NULL ? environment : "", e->submitter,
                     e->facts.break_glass != NULL ? ", breaking the glass" : "");
    }
    for (size_t i = 0; i < n; i++) {
        cli_explain_ask(e, both[i]->policy, &a[i]);
        allow = allow && (submission ? a[i].submission.allow : a[i].signing.allow);
        if (c->term.json)
            (void)json_array_append_new(all, cli_explain_json(e, both[i]->policy, &a[i]));
        else
            cli_explain_print(c, e, both[i]->policy, &a[i],
                              n == 1   ? "policy"
                              : i == 0 ? "policy of the submission"
                                       : "\npolicy in force now, which has to allow it too:");
    }
    if (c->term.json) {
        HM_JSON_AUTO *doc = json_pack("{s:b, s:O}", "allow", (int)allow, "policies", all);
        if (e->ended != NULL)
            (void)json_object_set_new(doc, "ended", json_string(e->ended));
        (void)json_dumpf(doc, stdout, JSON_COMPACT);
        (void)putchar('\n');
    } else {
        print_next(c, e, &a[n - 1]);
    }
    return allow;
}

static int run(struct cli *c)
{
    CLI_EXPLAIN_AUTO *e = cli_explain_new();
    CLI_POLICY_AUTO p = {.policy = NULL};
    CLI_POLICY_AUTO in_force = {.policy = NULL};
    bool submission = false;
    enum hm_err err = e == NULL ? hm_fail(&c->why, HM_E_MEMORY, "out of memory") : HM_OK;
    if (err == HM_OK)
        err = want_at(c, &submission);
    if (err == HM_OK)
        err = gather(c, e, &p, &in_force);
    if (err != HM_OK)
        return cli_end(c, err);
    return show(c, e, &p, &in_force, submission) ? CLI_EXIT_OK : CLI_EXIT_REFUSED;
}

const struct cli_command cli_cmd_policy_explain = {
    .name = "policy explain",
    .summary = "what would happen to a release, check by check, without doing it",
    .usage = "RELEASE [--approved-by ID...] | --request FILE --policy POLICY [OPTIONS]",
    .example =
        "  hallmark policy explain r17\n"
        "  hallmark policy explain r17 --approved-by alice\n"
        "  hallmark policy explain --request request.json --attestation provenance.dsse.json \\\n"
        "    --submitter ci --policy policy.json --at submission\n\n"
        "Nothing is sent or recorded. Exit code 0 where it would be allowed, 1 where not.",
    .opts = opts,
    .operands_min = 0,
    .operands_max = 1,
    .run = run,
};
