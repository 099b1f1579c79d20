/* Requests that change something: parsed, put under their Idempotency-Key, handled, answered. */
#include "server/registrar/reg_change.h"
#include "server/registrar/reg_ops.h"
#include "server/registrar/reg_policy_change.h"
#include "server/ident/ident_token.h"

#include "schema/core/hm_text.h"
#include "schema/io/hm_clock.h"
#include "schema/io/hm_random.h"

#include <stdio.h>
#include <string.h>

typedef enum hm_err (*change_fn)(struct reg_conn *c, const struct reg_ask *ask,
                                 struct reg_result *out, struct hm_why *why);

struct change {
    const char *route;
    unsigned roles;   /* the caller needs one of them */
    change_fn handle; /* NULL: submission */
    size_t body_max;
    unsigned tokens; /* kinds of token that may bring it; 0: a certificate alone */
};

static const char unknown[] = "the client certificate names nobody in the policy in force";

/* A reading connection of its own: what it finds is a convenience for the door, not a decision. */
static bool spent(const struct reg_desk *desk, const struct hm_digest *token)
{
    struct db_reader *reader = NULL;
    uint64_t record = 0;
    if (reg_readers_take(desk->readers, &reader, NULL) != HM_OK)
        return true;
    enum hm_err err = db_reader_request(reader, token, &record, NULL);
    reg_readers_give(desk->readers, reader);
    return err != HM_E_NOT_FOUND;
}

static void bearer_get(struct ipc_in *in, const struct reg_desk *desk, struct reg_caller *out)
{
    struct hm_why why = {""};
    struct reg_bearer b = {.who = NULL};
    struct hm_bytes token = ipc_get_bytes(in, HM_OIDC_TOKEN_MAX);
    if (in->err != HM_OK)
        return;
    if (reg_oidc_bearer(desk->oidc, desk->world->policy, token, hm_clock_unix_s(), &b, &why) !=
        HM_OK) {
        memcpy(out->nobody, why.text, sizeof out->nobody);
        return;
    }
    out->who = b.who;
    out->token = b.kind;
    out->request = b.request;
    if (b.kind == IDENT_TOKEN_BOUND && !spent(desk, &b.id))
        out->token |= IDENT_TOKEN_FRESH;
}

void reg_caller_get(struct ipc_in *in, const struct reg_desk *desk, struct reg_caller *out)
{
    const char *uris[REG_URIS_MAX];
    static const struct hm_digest none;
    memset(out, 0, sizeof *out);
    memcpy(out->nobody, unknown, sizeof unknown);
    ipc_get_digest(in, &out->fingerprint);
    if (in->err == HM_OK && hm_digest_eq(&out->fingerprint, &none)) {
        bearer_get(in, desk, out);
        return;
    }
    out->uri_count = ipc_get_count(in, REG_URIS_MAX);
    for (size_t i = 0; i < out->uri_count; i++) {
        ipc_get_str(in, out->uris[i], sizeof out->uris[i]);
        uris[i] = out->uris[i];
    }
    if (in->err == HM_OK)
        out->who =
            policy_by_certificate(desk->world->policy, &out->fingerprint, uris, out->uri_count);
}

/* Scope of an Idempotency-Key: principal, route, release. */
static void set_digests(struct reg_ask *ask)
{
    HM_BUF_AUTO b = {.limit = 4096};
    uint8_t random[16];
    hm_buf_printf(&b, "%s\n%s\n%llu\n%s", ask->caller.who->id, ask->route,
                  (unsigned long long)ask->release, ask->idempotency);
    ask->idem = hm_sha256(hm_buf_bytes(&b));
    ask->body_sha = hm_sha256(ask->body);
    hm_random(random, sizeof random);
    hm_hex(random, sizeof random, ask->req);
}

static enum hm_err parse(const struct reg_desk *desk, struct ipc_request *r,
                         const struct change *ch, struct reg_ask *ask, struct hm_why *why)
{
    struct ipc_in in;
    ipc_in_begin(&in, r->body);
    memset(ask, 0, sizeof *ask);
    ask->route = ch->route;
    ask->release = UINT64_MAX;
    reg_caller_get(&in, desk, &ask->caller);
    ipc_get_str(&in, ask->idempotency, sizeof ask->idempotency);
    if (ch->handle != NULL) {
        ipc_get_str(&in, ask->if_match, sizeof ask->if_match);
        ask->release = ipc_get_u64(&in);
    }
    ask->body = ipc_get_bytes(&in, ch->body_max);
    return ipc_in_end(&in, why);
}

static enum hm_err handle(struct reg_conn *c, const struct change *ch, const struct reg_ask *ask,
                          struct hm_buf *reply, struct hm_why *why)
{
    struct reg_result result = {.release = UINT64_MAX};
    reg_seq_enter(c->desk->seq);
    enum hm_err err = ch->handle != NULL ? ch->handle(c, ask, &result, why)
                                         : reg_submit(c, ask, &result, reply, why);
    reg_seq_leave(c->desk->seq);
    if (err == HM_OK && reply->len > 0) /* artifacts are missing */
        return HM_OK;
    if (err == HM_OK)
        err = reg_answer(c, &result, reply, why);
    if (err == HM_OK)
        return HM_OK;
    hm_buf_reset(reply);
    return reg_answer_problem(reg_problem_of_err(err), why->text, reply);
}

static enum hm_err run(struct ipc_request *r, const struct change *ch, struct hm_why *why)
{
    struct reg_conn *c = r->conn_state;
    struct reg_ask ask;
    if (c == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for the connection");
    enum hm_err err = parse(c->desk, r, ch, &ask, why);
    if (err == HM_E_LIMIT)
        return reg_answer_problem(REG_PROBLEM_TOO_LARGE, why->text, r->reply);
    if (err != HM_OK)
        return err;
    if (ask.caller.who == NULL)
        return reg_answer_problem(REG_PROBLEM_UNAUTHENTICATED, ask.caller.nobody, r->reply);
    if ((ask.caller.who->roles & ch->roles) == 0 ||
        (ask.caller.token != 0 && (ask.caller.token & ch->tokens) == 0))
        return reg_answer_problem(REG_PROBLEM_FORBIDDEN, "this needs another role than yours",
                                  r->reply);
    set_digests(&ask);
    if (ask.idempotency[0] == '\0')
        return handle(c, ch, &ask, r->reply, why);
    if (!reg_inflight_enter(c->desk->inflight, &ask.idem))
        return reg_answer_problem(
            REG_PROBLEM_IN_FLIGHT,
            "a request with this Idempotency-Key is being worked on; ask again", r->reply);
    err = handle(c, ch, &ask, r->reply, why);
    reg_inflight_leave(c->desk->inflight, &ask.idem);
    return err;
}

enum hm_err reg_op_submit(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    static const struct change ch = {"submit", POLICY_ROLE_SUBMITTER, NULL, HM_BODY_MAX,
                                     IDENT_TOKEN_BOUND};
    (void)ctx;
    return run(r, &ch, why);
}

enum hm_err reg_op_approve(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    static const struct change ch = {"approve", POLICY_ROLE_APPROVER, reg_approve,
                                     HM_SMALL_BODY_MAX, 0};
    (void)ctx;
    return run(r, &ch, why);
}

enum hm_err reg_op_reject(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    static const struct change ch = {"reject", POLICY_ROLE_APPROVER, reg_reject, HM_SMALL_BODY_MAX,
                                     0};
    (void)ctx;
    return run(r, &ch, why);
}

enum hm_err reg_op_cancel(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    static const struct change ch = {"cancel", POLICY_ROLE_SUBMITTER | POLICY_ROLE_APPROVER,
                                     reg_cancel, HM_SMALL_BODY_MAX, 0};
    (void)ctx;
    return run(r, &ch, why);
}

enum hm_err reg_op_sign(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    static const struct change ch = {"sign", POLICY_ROLE_SUBMITTER | POLICY_ROLE_APPROVER,
                                     reg_sign_release, HM_SMALL_BODY_MAX, IDENT_TOKEN_ACCESS};
    (void)ctx;
    return run(r, &ch, why);
}

enum hm_err reg_op_policy_propose(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    static const struct change ch = {"policy-propose", POLICY_ROLE_ADMINISTRATOR,
                                     reg_policy_propose, HM_BODY_MAX, 0};
    (void)ctx;
    return run(r, &ch, why);
}

enum hm_err reg_op_policy_approve(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    static const struct change ch = {"policy-approve", POLICY_ROLE_ADMINISTRATOR,
                                     reg_policy_approve, HM_SMALL_BODY_MAX, 0};
    (void)ctx;
    return run(r, &ch, why);
}

enum hm_err reg_op_policy_activate(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    static const struct change ch = {"policy-activate", POLICY_ROLE_ADMINISTRATOR,
                                     reg_policy_activate, 0, 0};
    (void)ctx;
    return run(r, &ch, why);
}

/* The root's statement proves itself; who carries it does not matter, as long as it is somebody. */
enum hm_err reg_op_policy_replace(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    static const struct change ch = {"policy-replace",
                                     POLICY_ROLE_ADMINISTRATOR | POLICY_ROLE_APPROVER,
                                     reg_policy_replace, HM_BODY_MAX, 0};
    (void)ctx;
    return run(r, &ch, why);
}

/* Likewise: the roster keys signed it. */
enum hm_err reg_op_roster(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    static const struct change ch = {"roster", POLICY_ROLE_ADMINISTRATOR | POLICY_ROLE_APPROVER,
                                     reg_roster_change, HM_BODY_MAX, 0};
    (void)ctx;
    return run(r, &ch, why);
}

enum hm_err reg_op_erase(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    static const struct change ch = {"erase", POLICY_ROLE_ADMINISTRATOR, reg_erase, HM_BODY_MAX, 0};
    (void)ctx;
    return run(r, &ch, why);
}

enum hm_err reg_op_guards(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    static const struct change ch = {"guards", POLICY_ROLE_ADMINISTRATOR | POLICY_ROLE_APPROVER,
                                     reg_guards_change, HM_BODY_MAX, 0};
    (void)ctx;
    return run(r, &ch, why);
}
