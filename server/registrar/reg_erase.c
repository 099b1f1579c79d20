/* POST /v1/log/erasures: private detail of records is erased, because enough administrators of the
 * policy in force have signed for it. One record says so, in the transaction that erases. No proof
 * depends on what goes. */
#include "server/registrar/reg_policy_change.h"
#include "server/registrar/reg_who.h"

#include "schema/attest/hm_erasure.h"
#include "schema/io/hm_clock.h"
#include "schema/json/hm_json.h"

#include <stdio.h>
#include <string.h>

#define AHEAD_S 7776000 /* a statement may expire at most 90 days ahead */

_Static_assert(1 + POLICY_ADMIN_COUNT_MAX <= HM_RECORD_EVIDENCE_MAX, "evidence has no room");

struct erasing {
    const struct reg_ask *ask;
    struct hm_bytes statement;
    struct hm_bytes documents[POLICY_ADMIN_COUNT_MAX];
    size_t document_count;
    struct hm_erasure said;
    struct hm_digest seen_as;      /* what a statement that was carried out is remembered by */
    const struct policy *examined; /* in force when the signatures were verified */
    const struct policy_principal *people[POLICY_ADMIN_COUNT_MAX];
    struct hm_digest keys[POLICY_ADMIN_COUNT_MAX];
    size_t people_count;
    enum reg_problem problem; /* of the evidence; NONE: it holds */
    const char *outcome;
    struct hm_why detail;
};

static enum hm_err read_body(struct erasing *e, const json_t *body, struct hm_why *why)
{
    struct hm_json_in in;
    hm_json_begin(&in, body, "$", why);
    const char *statement = hm_json_str(&in, "statement");
    const json_t *list = hm_json_array(&in, "signatures", 1, POLICY_ADMIN_COUNT_MAX);
    enum hm_err err = hm_json_end(&in);
    if (err != HM_OK)
        return err;
    e->statement = hm_bytes_str(statement);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text == NULL || strlen(text) > HM_SIGNED_MAX)
            return hm_fail(why, HM_E_MALFORMED,
                           "$.signatures[%zu]: expected a signed document as a string", i);
        e->documents[e->document_count++] = hm_bytes_str(text);
    }
    return hm_erasure_parse(e->statement, &e->said, why);
}

static void bad(struct erasing *e, enum reg_problem problem, const char *outcome)
{
    e->problem = problem;
    e->outcome = outcome;
}

/* ---- signatures, on the connection's thread ---- */

/* Whose it is: a document in DSSE names nobody, so that everybody who counts is tried. */
static enum hm_err find_signer(struct reg_conn *c, const struct erasing *e,
                               const struct hm_signed *s, struct hm_bytes document,
                               const struct policy_principal **who, struct hm_key *key,
                               struct hm_why *why)
{
    struct reg_who_input in = {.certs = c->desk->certs,
                               .policy = e->examined,
                               .memo = c->desk->memo,
                               .s = s,
                               .document = document,
                               .kind = HM_SIGNED_ERASURE,
                               .at_s = hm_clock_unix_s()};
    const struct policy_principal *admin = policy_administrator_at(e->examined, 0);
    enum hm_err err = hm_fail(why, HM_E_DENIED, "the policy in force names no administration");
    for (size_t i = 0; admin != NULL && err != HM_OK && err != HM_E_MEMORY;
         admin = policy_administrator_at(e->examined, ++i)) {
        in.hint = admin->id;
        err = reg_who_signed(&in, who, key, why);
        if (s->is_ssh)
            break; /* it names its key, which one person has */
    }
    return err;
}

static enum hm_err check_document(struct reg_conn *c, struct erasing *e, size_t n,
                                  struct hm_why *why)
{
    __attribute__((cleanup(hm_signed_free))) struct hm_signed s = {0};
    const struct policy_principal *who = NULL;
    struct hm_key key;
    enum hm_err err = hm_signed_parse(e->documents[n], HM_SIGNED_MAX, &s, why);
    if (err == HM_OK)
        err = find_signer(c, e, &s, e->documents[n], &who, &key, why);
    if (err == HM_OK && !hm_bytes_eq(hm_signed_payload(&s), e->statement))
        err = hm_fail(why, HM_E_SIGNATURE, "over other bytes than the statement");
    if (err == HM_OK && !policy_is_administrator(e->examined, who))
        err = hm_fail(why, HM_E_DENIED, "by %s, who is no administrator of the policy in force",
                      who->id);
    if (err != HM_OK)
        return hm_fail_in(why, err, "signature %zu", n);
    struct hm_digest id = hm_key_id(&key);
    for (size_t i = 0; i < e->people_count; i++)
        if (e->people[i] == who || hm_digest_eq(&e->keys[i], &id))
            return HM_OK; /* each person and each key once */
    e->people[e->people_count] = who;
    e->keys[e->people_count++] = id;
    return HM_OK;
}

static enum hm_err check_quorum(struct reg_conn *c, struct erasing *e)
{
    size_t asked = policy_admin_count(e->examined);
    enum hm_err err = HM_OK;
    for (size_t n = 0; err == HM_OK && n < e->document_count; n++)
        err = check_document(c, e, n, &e->detail);
    if (err == HM_E_MEMORY)
        return err;
    if (err != HM_OK) {
        bad(e, REG_PROBLEM_SIGNATURE, NULL);
    } else if (asked == 0 || e->people_count < asked) {
        (void)hm_fail(&e->detail, HM_E_DENIED, "signed by %zu of %zu administrators",
                      e->people_count, asked);
        bad(e, REG_PROBLEM_POLICY, "administration.count");
    }
    return HM_OK;
}

/* ---- what the statement is about: records do not change ---- */

static enum hm_err check_item(struct reg_conn *c, struct erasing *e,
                              const struct hm_erasure_item *item, struct hm_why *why)
{
    HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
    struct hm_record r;
    struct db_reader *reader;
    enum hm_err err = reg_conn_reader(c, &reader, why);
    if (err == HM_OK)
        err = db_reader_record(reader, item->idx, &bytes, why);
    if (err == HM_OK)
        err = hm_record_parse(hm_buf_bytes(&bytes), &r, why);
    if (err != HM_OK && err != HM_E_NOT_FOUND)
        return err;
    if (err == HM_OK && r.has_detail && hm_digest_eq(&r.detail, &item->detail))
        return HM_OK;
    (void)hm_fail(&e->detail, HM_E_STATE, "record %llu %s", (unsigned long long)item->idx,
                  err != HM_OK    ? "does not exist"
                  : !r.has_detail ? "has no private detail"
                                  : "names another detail than the statement");
    bad(e, REG_PROBLEM_STATE, NULL);
    return HM_OK;
}

static enum hm_err examine(struct reg_conn *c, struct erasing *e, struct hm_why *why)
{
    if (strcmp(e->said.origin, c->desk->world->genesis.origin) != 0) {
        (void)hm_fail(&e->detail, HM_E_SIGNATURE, "the statement is for another log");
        bad(e, REG_PROBLEM_SIGNATURE, NULL);
        return HM_OK;
    }
    enum hm_err err = check_quorum(c, e);
    for (size_t i = 0; err == HM_OK && e->problem == REG_PROBLEM_NONE && i < e->said.count; i++)
        err = check_item(c, e, &e->said.items[i], why);
    return err == HM_E_MEMORY ? hm_fail(why, err, "no memory") : err;
}

/* ---- on the sequencer ---- */

static enum hm_err refuse(struct reg_tx *tx, const struct erasing *e, enum reg_problem problem,
                          const char *outcome, const char *detail, struct reg_result *out,
                          struct hm_why *why)
{
    struct hm_record r = {.event = HM_EV_DETAIL_REFUSED, .evidence_count = 1};
    struct hm_bytes evidence[1] = {e->statement};
    struct reg_refusal f = {.problem = problem,
                            .outcome = outcome,
                            .detail = detail,
                            .actor = e->ask->caller.who->id,
                            .record = &r,
                            .evidence = evidence};
    return reg_refuse(tx, e->ask, &f, out, why);
}

/* Is there something to erase for every record? *gone: the first one without. */
static enum hm_err check_there(struct reg_tx *tx, const struct erasing *e, uint64_t *gone,
                               bool *all, struct hm_why *why)
{
    enum hm_err err = HM_OK;
    *all = true;
    for (size_t i = 0; err == HM_OK && *all && i < e->said.count; i++) {
        *gone = e->said.items[i].idx;
        err = db_log_has_detail(tx->log, *gone, all, why);
    }
    return err;
}

static enum hm_err erase(struct reg_tx *tx, const struct erasing *e, struct reg_result *out,
                         struct hm_why *why)
{
    uint64_t seen = 0;
    struct hm_bytes evidence[1 + POLICY_ADMIN_COUNT_MAX] = {e->statement};
    struct hm_record r = {.event = HM_EV_DETAIL_ERASED,
                          .has_statement = true,
                          .statement = hm_sha256(e->statement),
                          .count = e->said.count,
                          .evidence_count = 1};
    for (size_t i = 0; i < e->document_count; i++)
        evidence[r.evidence_count++] = e->documents[i];
    enum hm_err err = reg_record(tx, e->ask, e->ask->caller.who->id, &r, evidence, out, why);
    for (size_t i = 0; err == HM_OK && i < e->said.count; i++)
        err = db_log_erase(tx->log, e->said.items[i].idx, why);
    if (err == HM_OK)
        err = db_state_request_seen(tx->log, &e->seen_as, e->said.expires_s, r.idx, &seen, why);
    return err == HM_OK ? reg_stored_put(tx, e->ask, out, why) : err;
}

static enum hm_err judge(struct reg_tx *tx, const struct erasing *e, struct reg_result *out,
                         struct hm_why *why)
{
    char text[96];
    uint64_t gone = 0;
    bool all = false;
    int64_t now_s = (int64_t)(tx->now_ms / 1000);
    if (e->problem != REG_PROBLEM_NONE)
        return refuse(tx, e, e->problem, e->outcome, e->detail.text, out, why);
    if (e->said.expires_s <= now_s)
        return refuse(tx, e, REG_PROBLEM_EXPIRED, NULL, "the statement has expired", out, why);
    if (e->said.expires_s > now_s + AHEAD_S)
        return refuse(tx, e, REG_PROBLEM_MALFORMED, NULL,
                      "the statement expires more than 90 days ahead", out, why);
    enum hm_err err = check_there(tx, e, &gone, &all, why);
    if (err != HM_OK)
        return err;
    (void)snprintf(text, sizeof text, "the private detail of record %llu is gone already",
                   (unsigned long long)gone);
    return all ? erase(tx, e, out, why) : refuse(tx, e, REG_PROBLEM_STATE, NULL, text, out, why);
}

static enum hm_err decide(struct reg_tx *tx, void *arg, struct reg_result *out, struct hm_why *why)
{
    const struct erasing *e = arg;
    uint64_t record = 0;
    bool done = false;
    enum hm_err err = reg_stored_get(tx, e->ask, out, &done, why);
    if (err != HM_OK || done)
        return err;
    err = db_state_request_find(tx->log, &e->seen_as, &record, why);
    if (err == HM_OK) { /* asking twice is harmless: the same record answers */
        out->has_record = true;
        out->record = record;
        return HM_OK;
    }
    if (err != HM_E_NOT_FOUND)
        return err;
    if (!reg_has_room(tx, out))
        return HM_OK;
    if (e->examined != tx->world->policy) {
        reg_no(out, REG_PROBLEM_UNAVAILABLE,
               "the policy in force changed while this was examined; ask again");
        return HM_OK;
    }
    return judge(tx, e, out, why);
}

enum hm_err reg_erase(struct reg_conn *c, const struct reg_ask *ask, struct reg_result *out,
                      struct hm_why *why)
{
    HM_JSON_AUTO *body = NULL;
    struct erasing e = {.ask = ask, .examined = c->desk->world->policy};
    enum hm_err err = hm_json_parse(ask->body, HM_JSON_OURS(HM_BODY_MAX), &body, why);
    if (err == HM_OK)
        err = read_body(&e, body, why);
    if (err != HM_OK)
        return err;
    e.seen_as = hm_sha256_3(hm_bytes_str(hm_signed_payload_type(HM_SIGNED_ERASURE)),
                            hm_bytes_str("\n"), e.statement);
    err = examine(c, &e, why);
    return err == HM_OK ? reg_conn_decide(c, decide, &e, out, why) : err;
}
