/* POST /v1/guards: a new guards document, signed by the root, is recorded. Signer and registrar
 * read it from their files at their next start; until then the old one holds. */
#include "server/registrar/reg_guards.h"

#include "policy/policy_guards.h"
#include "schema/core/hm_text.h"
#include "schema/json/hm_json.h"
#include "server/registrar/reg_policy_change.h"

#include <string.h>

struct changing {
    const struct reg_ask *ask;
    struct hm_bytes document;
    const struct hm_guards *guards; /* what it says */
    const struct policy *examined;
    struct reg_guards_now now;
    struct hm_why lint; /* why it cannot hold here, "" it can */
};

enum hm_err reg_guards_read(struct db_reader *r, const struct reg_world *w,
                            struct reg_guards_now *out, struct hm_why *why)
{
    HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
    struct reg_guards_now now = {.sha256 = w->genesis.guards};
    struct hm_record rec;
    enum hm_err err = db_reader_guards(r, &now.record, why);
    if (err == HM_OK && now.record > 0) {
        err = db_reader_record(r, now.record, &bytes, why);
        if (err == HM_OK)
            err = hm_record_parse(hm_buf_bytes(&bytes), &rec, why);
        if (err == HM_OK && (rec.event != HM_EV_GUARDS_CHANGED || rec.evidence_count < 1))
            err = hm_fail(why, HM_E_HISTORY, "record %llu is no guards document",
                          (unsigned long long)now.record);
        if (err != HM_OK)
            return err;
        now.serial = rec.serial;
        now.sha256 = rec.evidence[0];
    }
    if (err == HM_OK)
        *out = now;
    return err;
}

enum hm_err reg_guards_check_file(const struct reg_config *c, struct db_reader *r,
                                  const struct reg_world *w, struct hm_why *why)
{
    struct reg_guards_now now;
    struct hm_digest file = hm_sha256(hm_buf_bytes(&w->guards_bytes));
    enum hm_err err = reg_guards_read(r, w, &now, why);
    if (err != HM_OK || hm_digest_eq(&file, &now.sha256))
        return err;
    if (now.record == 0)
        return hm_fail(why, HM_E_CONFIG, "%s: not the guards document that the genesis names",
                       c->guards);
    return hm_fail(why, HM_E_CONFIG,
                   "%s: not the guards document that record %llu names; both signer and registrar "
                   "need that one",
                   c->guards, (unsigned long long)now.record);
}

static enum hm_err refuse(struct reg_tx *tx, const struct changing *a, enum reg_problem problem,
                          const char *detail, struct reg_result *out, struct hm_why *why)
{
    struct hm_record r = {
        .event = HM_EV_GUARDS_REFUSED, .serial = a->guards->serial, .evidence_count = 1};
    struct hm_bytes evidence[1] = {a->document};
    struct reg_refusal f = {.problem = problem,
                            .detail = detail,
                            .actor = a->ask->caller.who->id,
                            .record = &r,
                            .evidence = evidence};
    return reg_refuse(tx, a->ask, &f, out, why);
}

static enum hm_err decide(struct reg_tx *tx, void *arg, struct reg_result *out, struct hm_why *why)
{
    const struct changing *a = arg;
    struct hm_bytes evidence[1] = {a->document};
    struct hm_digest digest = hm_sha256(a->document);
    uint64_t record = 0;
    bool done = false;
    enum hm_err err = reg_stored_get(tx, a->ask, out, &done, why);
    if (err == HM_OK && !done)
        err = db_state_guards(tx->log, &record, why);
    if (err != HM_OK || done)
        return err;
    if (record > 0 && record == a->now.record && hm_digest_eq(&digest, &a->now.sha256)) {
        out->has_record = true; /* asking twice is harmless */
        out->record = record;
        return HM_OK;
    }
    if (!reg_has_room(tx, out))
        return HM_OK;
    if (record != a->now.record || a->examined != tx->world->policy) {
        reg_no(out, REG_PROBLEM_UNAVAILABLE, "policy or guards changed meanwhile; ask again");
        return HM_OK;
    }
    if (a->guards->serial <= a->now.serial)
        return refuse(tx, a, REG_PROBLEM_STATE,
                      "its serial number is not above that of the guards document that holds", out,
                      why);
    if (a->lint.text[0] != '\0')
        return refuse(tx, a, REG_PROBLEM_POLICY, a->lint.text, out, why);
    struct hm_record r = {
        .event = HM_EV_GUARDS_CHANGED, .serial = a->guards->serial, .evidence_count = 1};
    err = reg_record(tx, a->ask, a->ask->caller.who->id, &r, evidence, out, why);
    if (err == HM_OK)
        err = db_state_guards_put(tx->log, r.idx, why);
    return err == HM_OK ? reg_stored_put(tx, a->ask, out, why) : err;
}

/* Could the registrar start with it? */
static void lint(const struct reg_world *w, struct changing *a)
{
    enum hm_err err = policy_check_guards(a->examined, a->guards, &a->lint);
    if (err == HM_OK)
        err = reg_world_check_development(w, a->guards, &a->lint);
    if (err == HM_OK)
        a->lint.text[0] = '\0';
}

static enum hm_err run(struct reg_conn *c, struct changing *a, struct reg_result *out,
                       struct hm_why *why)
{
    __attribute__((cleanup(hm_guards_free))) struct hm_guards guards = {.count = 0};
    const struct reg_world *w = c->desk->world;
    struct db_reader *reader;
    enum hm_err err = hm_guards_open(a->document, &c->desk->config->root, &guards, why);
    if (err != HM_OK)
        return err;
    if (strcmp(guards.origin, w->genesis.origin) != 0 ||
        !hm_key_eq(&guards.log_key.key, &w->genesis.log_key.key))
        return hm_fail(why, HM_E_SIGNATURE, "the guards document is for another log");
    a->guards = &guards;
    err = reg_conn_reader(c, &reader, why);
    if (err == HM_OK)
        err = reg_guards_read(reader, w, &a->now, why);
    if (err != HM_OK)
        return err;
    lint(w, a);
    return reg_conn_decide(c, decide, a, out, why);
}

enum hm_err reg_guards_change(struct reg_conn *c, const struct reg_ask *ask, struct reg_result *out,
                              struct hm_why *why)
{
    HM_JSON_AUTO *body = NULL;
    HM_BUF_AUTO bytes = {.limit = HM_GUARDS_MAX};
    struct hm_json_in in;
    struct changing a = {.ask = ask, .examined = c->desk->world->policy};
    enum hm_err err = hm_json_parse(ask->body, HM_JSON_OURS(HM_BODY_MAX), &body, why);
    if (err != HM_OK)
        return err;
    hm_json_begin(&in, body, "$", why);
    const char *text = hm_json_str(&in, "guards");
    err = hm_json_end(&in);
    if (err != HM_OK)
        return err;
    if (hm_unbase64(hm_bytes_str(text), &bytes) != HM_OK)
        return hm_fail(why, HM_E_MALFORMED, "$.guards: expected base64 of at most %zu bytes",
                       HM_GUARDS_MAX);
    a.document = hm_buf_bytes(&bytes);
    return run(c, &a, out, why);
}
