/* POST /v1/rosters: another list of approvers for a guard, signed by its roster keys. Recorded,
 * then handed to the signer with the record's inclusion proof; asking again hands it over again. */
#include "server/registrar/reg_policy_change.h"
#include "server/registrar/reg_roster.h"

#include "policy/policy_guards.h"
#include "schema/json/hm_json.h"
#include "server/ipc/ipc_msg.h"
#include "server/ipc/ipc_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct changing {
    const struct reg_ask *ask;
    struct hm_digest key;
    struct hm_roster_update update;
    struct hm_bytes documents[HM_GUARD_ROSTER_MAX];
    struct hm_roster *roster; /* owned; what was signed */
    uint64_t serial_now;      /* of the list that held when this was examined */
    uint64_t serial_stored;   /* as the decision state has it; of other guards perhaps */
    bool known;               /* this very list was recorded before: */
    uint64_t record;
    struct hm_why state; /* why it does not follow, "" it does */
    const struct policy *examined;
    struct hm_why lint; /* why the examined policy cannot be in force with it, "" it can */
};

static enum hm_err read_body(struct changing *a, const json_t *body, struct hm_why *why)
{
    struct hm_json_in in;
    hm_json_begin(&in, body, "$", why);
    hm_json_digest(&in, "key", &a->key);
    const char *statement = hm_json_str(&in, "statement");
    const json_t *list = hm_json_array(&in, "signatures", 1, HM_GUARD_ROSTER_MAX);
    enum hm_err err = hm_json_end(&in);
    if (err != HM_OK)
        return err;
    a->update = (struct hm_roster_update){hm_bytes_str(statement), a->documents, 0};
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text == NULL || strlen(text) > HM_SIGNED_MAX)
            return hm_fail(why, HM_E_MALFORMED,
                           "$.signatures[%zu]: expected a signed document as a string", i);
        a->documents[a->update.document_count++] = hm_bytes_str(text);
    }
    return HM_OK;
}

/* Recorded before? Then its signatures need not be the same ones. */
static enum hm_err find_known(struct reg_conn *c, struct changing *a, struct hm_why *why)
{
    HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
    struct hm_record rec;
    struct db_reader *reader;
    struct hm_digest statement = hm_sha256(a->update.statement);
    enum hm_err err = reg_conn_reader(c, &reader, why);
    if (err == HM_OK)
        err = db_reader_roster(reader, &a->key, a->roster->serial, &a->record, why);
    if (err == HM_OK)
        err = db_reader_record(reader, a->record, &bytes, why);
    if (err == HM_OK)
        err = hm_record_parse(hm_buf_bytes(&bytes), &rec, why);
    if (err == HM_OK)
        a->known = rec.has_statement && hm_digest_eq(&rec.statement, &statement);
    return err;
}

/* Could the registrar start with it? A policy that asks people whom the list does not know would
 * keep it from starting, and then nobody could change either. */
static enum hm_err lint(struct db_reader *reader, const struct reg_world *w, struct changing *a,
                        struct hm_why *why)
{
    __attribute__((cleanup(hm_guards_free))) struct hm_guards guards = {.count = 0};
    enum hm_err err = reg_roster_guards(reader, w, &guards, why);
    for (size_t i = 0; err == HM_OK && i < guards.count; i++) {
        struct hm_guard *g = &guards.guards[i];
        if (!hm_digest_eq(&g->key, &a->key))
            continue;
        free(g->approvers);
        g->approvers = calloc(a->roster->count + 1, sizeof *g->approvers);
        g->approver_count = g->approvers != NULL ? a->roster->count : 0;
        if (g->approvers == NULL)
            return hm_fail(why, HM_E_MEMORY, "no memory for guards");
        memcpy(g->approvers, a->roster->approvers, a->roster->count * sizeof *g->approvers);
    }
    if (err == HM_OK && policy_check_guards(a->examined, &guards, &a->lint) == HM_OK)
        a->lint.text[0] = '\0';
    return err;
}

static enum hm_err examine(struct reg_conn *c, struct changing *a, struct hm_why *why)
{
    const struct reg_world *w = c->desk->world;
    struct hm_roster_now now = {.serial = 0};
    struct hm_digest guards = hm_sha256(hm_buf_bytes(&w->guards_bytes));
    struct db_reader *reader;
    HM_FREE struct hm_roster *held = calloc(1, sizeof *held);
    if (held == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for a roster");
    enum hm_err err = hm_roster_verify(&w->guards, &guards, &a->key, &a->update, a->roster, why);
    if (err == HM_OK)
        err = reg_conn_reader(c, &reader, why);
    if (err == HM_OK)
        err = reg_roster_read(reader, w, hm_guards_find(&w->guards, &a->key), held, &now, why);
    if (err == HM_OK)
        err = db_reader_roster_serial(reader, &a->key, &a->serial_stored, why);
    if (err != HM_OK)
        return err;
    a->serial_now = now.serial;
    if (a->roster->serial <= now.serial)
        err = find_known(c, a, why);
    if (err == HM_OK && !a->known && hm_roster_follows(a->roster, &now, &a->state) == HM_OK)
        a->state.text[0] = '\0';
    return err == HM_OK && !a->known ? lint(reader, w, a, why) : err;
}

static enum hm_err refuse(struct reg_tx *tx, const struct changing *a, enum reg_problem problem,
                          const char *detail, struct reg_result *out, struct hm_why *why)
{
    struct hm_record r = {.event = HM_EV_ROSTER_REFUSED,
                          .has_guard = true,
                          .guard = a->key,
                          .serial = a->roster->serial,
                          .evidence_count = 1};
    struct hm_bytes evidence[1] = {a->update.statement};
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
    struct hm_bytes evidence[1 + HM_GUARD_ROSTER_MAX];
    uint64_t serial = 0;
    bool done = false;
    enum hm_err err = reg_stored_get(tx, a->ask, out, &done, why);
    if (err == HM_OK && !done)
        err = db_state_roster_serial(tx->log, &a->key, &serial, why);
    if (err != HM_OK || done || !reg_has_room(tx, out))
        return err;
    if (serial != a->serial_stored || a->examined != tx->world->policy) {
        reg_no(out, REG_PROBLEM_UNAVAILABLE,
               "another list or another policy came in between; ask again");
        return HM_OK;
    }
    if (a->state.text[0] != '\0')
        return refuse(tx, a, REG_PROBLEM_STATE, a->state.text, out, why);
    if (a->lint.text[0] != '\0')
        return refuse(tx, a, REG_PROBLEM_POLICY, a->lint.text, out, why);
    struct hm_record r = {.event = HM_EV_ROSTER_CHANGED,
                          .has_guard = true,
                          .guard = a->key,
                          .serial = a->roster->serial,
                          .has_statement = true,
                          .statement = hm_sha256(a->update.statement)};
    evidence[r.evidence_count++] = a->update.statement;
    for (size_t i = 0; i < a->update.document_count; i++)
        evidence[r.evidence_count++] = a->update.documents[i];
    err = reg_record(tx, a->ask, a->ask->caller.who->id, &r, evidence, out, why);
    return err == HM_OK ? db_state_roster_put(tx->log, &a->key, r.serial, r.idx, why) : err;
}

/* --- to the signer --- */

static enum hm_err frame(struct reg_conn *c, const struct hm_digest *key, uint64_t idx,
                         struct hm_buf *out, struct hm_why *why)
{
    struct reg_head head;
    struct hm_path path;
    struct hm_record rec;
    struct db_reader *reader;
    HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
    reg_conn_rest(c); /* a snapshot from before this head may not hold all of its nodes */
    enum hm_err err = reg_seq_head(c->desk->seq, &head, why);
    if (err == HM_OK)
        err = reg_conn_reader(c, &reader, why);
    if (err == HM_OK)
        err = db_reader_record(reader, idx, &bytes, why);
    if (err == HM_OK)
        err = hm_record_parse(hm_buf_bytes(&bytes), &rec, why);
    if (err == HM_OK)
        err = reg_conn_path(c, idx, head.size, &path, why);
    if (err != HM_OK)
        return err;
    ipc_put_digest(out, key);
    ipc_put_bytes(out, hm_buf_bytes(&bytes));
    ipc_put_u64(out, idx);
    ipc_put_u64(out, head.size);
    ipc_put_digests(out, path.hash, path.count);
    for (unsigned n = 0; err == HM_OK && n < rec.evidence_count; n++) {
        HM_BUF_AUTO blob = {.limit = HM_SIGNED_MAX};
        err = db_reader_evidence(reader, idx, n, HM_SIGNED_MAX, &blob, why);
        ipc_put_bytes(out, hm_buf_bytes(&blob));
        if (n == 0)
            ipc_put_u64(out, rec.evidence_count - 1);
    }
    return err != HM_OK ? err : hm_buf_err(out);
}

static enum hm_err deliver_one(struct reg_conn *c, struct ipc_pool *signer,
                               const struct hm_digest *key, uint64_t idx, struct hm_why *why)
{
    HM_BUF_AUTO request = {.limit = IPC_FRAME_MAX};
    HM_BUF_AUTO reply = {.limit = IPC_FRAME_MAX};
    enum hm_err err = frame(c, key, idx, &request, why);
    reg_conn_rest(c);
    return err == HM_OK ? ipc_pool_call(signer, SIGNER_ROSTER, hm_buf_bytes(&request), -1, &reply,
                                        NULL, (int64_t)c->desk->config->signer_timeout_ms, why)
                        : err;
}

/* A signer that was away may have missed earlier lists: it takes them in their order. */
static enum hm_err catch_up(struct reg_conn *c, struct ipc_pool *signer,
                            const struct hm_digest *key, uint64_t serial, struct hm_why *why)
{
    enum hm_err err = HM_OK;
    for (uint64_t s = 1; s < serial; s++) {
        uint64_t idx = 0;
        struct hm_why old = {""};
        struct db_reader *reader;
        err = reg_conn_reader(c, &reader, why);
        if (err == HM_OK)
            err = db_reader_roster(reader, key, s, &idx, why);
        if (err != HM_OK)
            return err;
        err = deliver_one(c, signer, key, idx, &old);
        if (err != HM_OK && err != HM_E_STATE) /* that one it has already */
            return hm_fail(why, err, "%s", old.text);
    }
    return HM_OK;
}

static enum hm_err deliver(struct reg_conn *c, const struct changing *a, uint64_t idx,
                           struct hm_why *why)
{
    struct ipc_pool *signer = NULL;
    bool past = a->known && a->roster->serial < a->serial_now; /* a later list was recorded */
    enum hm_err err = ipc_pool_open(c->desk->config->signer_socket, 1, &signer, why);
    if (err == HM_OK)
        err = deliver_one(c, signer, &a->key, idx, why);
    if (err == HM_E_STATE && !past) {
        err = catch_up(c, signer, &a->key, a->roster->serial, why);
        if (err == HM_OK)
            err = deliver_one(c, signer, &a->key, idx, why);
    }
    ipc_pool_close(signer);
    if (err == HM_OK || (past && err == HM_E_STATE))
        return HM_OK;
    struct hm_why inner = *why;
    return hm_fail(
        why, HM_E_UNAVAILABLE,
        "recorded at index %llu, but the signer has not taken it (%.300s); send the same "
        "again",
        (unsigned long long)idx, inner.text);
}

static enum hm_err run(struct reg_conn *c, struct changing *a, struct reg_result *out,
                       struct hm_why *why)
{
    enum hm_err err = examine(c, a, why);
    if (err == HM_OK && a->known) {
        out->has_record = true;
        out->record = a->record;
    } else if (err == HM_OK) {
        err = reg_conn_decide(c, decide, a, out, why);
    }
    if (err == HM_OK && out->problem == REG_PROBLEM_NONE)
        err = deliver(c, a, out->record, why);
    return err;
}

enum hm_err reg_roster_change(struct reg_conn *c, const struct reg_ask *ask, struct reg_result *out,
                              struct hm_why *why)
{
    HM_JSON_AUTO *body = NULL;
    HM_FREE struct hm_roster *roster = calloc(1, sizeof *roster);
    struct changing a = {.ask = ask, .roster = roster, .examined = c->desk->world->policy};
    if (roster == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for a roster");
    enum hm_err err = hm_json_parse(ask->body, HM_JSON_OURS(HM_BODY_MAX), &body, why);
    if (err == HM_OK)
        err = read_body(&a, body, why);
    return err == HM_OK ? run(c, &a, out, why) : err;
}
