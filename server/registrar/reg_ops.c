/* Operations that only read, artifacts, and the table. */
#include "server/registrar/reg_ops.h"

#include "schema/core/hm_text.h"
#include "schema/io/hm_clock.h"
#include "schema/io/hm_file.h"
#include "schema/json/hm_json.h"
#include "schema/log/hm_tlog_proof.h"
#include "server/registrar/reg_artifact.h"
#include "server/registrar/reg_cosign.h"
#include "server/registrar/reg_dossier.h"
#include "server/ipc/proc_thread.h"
#include "server/registrar/reg_roster.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MAX_MS 30000
#define WAIT_STEP_MS 500

void *reg_conn_open(void *desk)
{
    struct reg_conn *c = calloc(1, sizeof *c);
    proc_thread_gives_way();
    if (c != NULL)
        c->desk = desk;
    return c;
}

void reg_conn_close(void *desk, void *conn)
{
    struct reg_conn *c = conn;
    (void)desk;
    if (c != NULL) {
        hm_buf_free(&c->proof);
        hm_buf_free(&c->fresh_record);
        hm_buf_free(&c->fresh_evidence);
    }
    free(c);
}

void reg_conn_done(void *desk, void *conn)
{
    struct reg_conn *c = conn;
    (void)desk;
    if (c == NULL)
        return;
    reg_conn_rest(c);
    c->has_proof = false;
    c->has_fresh = false;
}

static enum hm_err conn_of(const struct ipc_request *r, struct reg_conn **out, struct hm_why *why)
{
    *out = r->conn_state;
    return *out != NULL ? HM_OK : hm_fail(why, HM_E_MEMORY, "no memory for the connection");
}

static void put_text(struct hm_buf *b, const struct hm_buf *text)
{
    ipc_put_bytes(b, hm_buf_bytes(text));
}

static enum hm_err op_hello(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    const struct reg_desk *desk = ctx;
    struct ipc_in in;
    HM_BUF_AUTO vkey = {.limit = 1024};
    ipc_in_begin(&in, r->body);
    uint64_t protocol = ipc_get_u64(&in);
    enum hm_err err = ipc_in_end(&in, why);
    if (err != HM_OK)
        return err;
    if (protocol != IPC_PROTOCOL)
        return hm_fail(why, HM_E_UNSUPPORTED, "protocol %llu, expected %u",
                       (unsigned long long)protocol, IPC_PROTOCOL);
    hm_vkey_write(&desk->world->genesis.log_key, &vkey);
    ipc_put_str(r->reply, desk->world->genesis.origin);
    put_text(r->reply, &vkey);
    return HM_OK;
}

static enum hm_err op_status(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    const struct reg_desk *desk = ctx;
    struct reg_status st;
    (void)why;
    reg_seq_status(desk->seq, &st);
    ipc_put_u64(r->reply, st.ready ? 1 : 0);
    ipc_put_str(r->reply, st.reason);
    ipc_put_u64(r->reply, st.committed);
    ipc_put_u64(r->reply, st.published);
    ipc_put_u64(r->reply, st.queued);
    struct hm_why waits = {""};
    ipc_put_str(r->reply, reg_witness_ready(desk->witness, &waits) == HM_OK ? "" : waits.text);
    return HM_OK;
}

static enum hm_err op_identify(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    const struct reg_desk *desk = ctx;
    struct ipc_in in;
    struct reg_caller caller;
    ipc_in_begin(&in, r->body);
    reg_caller_get(&in, desk, &caller);
    enum hm_err err = ipc_in_end(&in, why);
    if (err != HM_OK)
        return err;
    if (caller.who == NULL)
        return hm_fail(why, HM_E_NOT_FOUND, "%s", caller.nobody);
    ipc_put_str(r->reply, caller.who->id);
    ipc_put_str(r->reply, caller.who->name);
    ipc_put_u64(r->reply, caller.who->roles | caller.token);
    ipc_put_digest(r->reply, policy_digest(desk->world->policy));
    return HM_OK;
}

static enum hm_err op_artifact_put(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    const struct reg_desk *desk = ctx;
    struct ipc_in in;
    struct hm_digest digest;
    ipc_in_begin(&in, r->body);
    ipc_get_digest(&in, &digest);
    uint64_t size = ipc_get_u64(&in);
    enum hm_err err = ipc_in_end(&in, why);
    if (err == HM_OK && r->fd < 0)
        err = hm_fail(why, HM_E_MALFORMED, "no descriptor came with the artifact");
    return err == HM_OK ? reg_artifact_take(desk->config->artifact_dir, &digest, size, r->fd, why)
                        : err;
}

static enum hm_err op_artifact_open(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    const struct reg_desk *desk = ctx;
    struct ipc_in in;
    struct hm_digest digest;
    uint64_t size = 0;
    ipc_in_begin(&in, r->body);
    ipc_get_digest(&in, &digest);
    enum hm_err err = ipc_in_end(&in, why);
    if (err == HM_OK)
        err = reg_artifact_open(desk->config->artifact_dir, &digest, &r->reply_fd, &size, why);
    if (err == HM_OK)
        ipc_put_u64(r->reply, size);
    return err;
}

static enum hm_err get_u64s(const struct ipc_request *r, uint64_t *out, size_t count,
                            struct hm_why *why)
{
    struct ipc_in in;
    ipc_in_begin(&in, r->body);
    for (size_t i = 0; i < count; i++)
        out[i] = ipc_get_u64(&in);
    return ipc_in_end(&in, why);
}

static enum hm_err op_statement(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    uint64_t release = 0;
    struct reg_conn *c;
    REG_DOSSIER_AUTO *d = NULL;
    (void)ctx;
    enum hm_err err = get_u64s(r, &release, 1, why);
    if (err == HM_OK)
        err = conn_of(r, &c, why);
    if (err == HM_OK)
        err = reg_dossier_open(c, release, &d, why);
    if (err == HM_OK)
        put_text(r->reply, &d->known->statement);
    return err;
}

/* Records, or checkpoints. */
struct list {
    struct hm_buf bytes;
    uint64_t count;
};

static enum hm_err add_record(void *ctx, uint64_t idx, struct hm_bytes record, struct hm_why *why)
{
    struct list *list = ctx;
    (void)idx;
    (void)why;
    if (list->bytes.len + record.len > REG_RECORDS_BYTES_MAX)
        return HM_E_LIMIT; /* enough for one message */
    ipc_put_bytes(&list->bytes, record);
    list->count++;
    return hm_buf_err(&list->bytes);
}

static enum hm_err add_note(void *ctx, uint64_t size, struct hm_bytes note, struct hm_why *why)
{
    struct list *list = ctx;
    (void)size;
    (void)why;
    ipc_put_bytes(&list->bytes, note);
    list->count++;
    return hm_buf_err(&list->bytes);
}

static void put_list(struct hm_buf *reply, const struct list *list)
{
    ipc_put_u64(reply, list->count);
    hm_buf_put(reply, list->bytes.data, list->bytes.len);
}

static enum hm_err put_records(struct reg_conn *c, const struct reg_head *head, uint64_t first,
                               uint64_t max, struct hm_buf *reply, struct hm_why *why)
{
    struct list records = {.bytes = {.limit = 2 * REG_RECORDS_BYTES_MAX}};
    struct list notes = {.bytes = {.limit = 2 * REG_RECORDS_BYTES_MAX}};
    struct db_reader *reader;
    uint64_t left = first < head->size ? head->size - first : 0;
    if (max > left)
        max = left;
    enum hm_err err = reg_conn_reader(c, &reader, why);
    if (err == HM_OK && max > 0) {
        err = db_reader_records(reader, first, (size_t)max, add_record, &records, why);
        if (err == HM_E_LIMIT && records.count > 0)
            err = HM_OK;
        if (err == HM_OK)
            err =
                db_reader_checkpoints(reader, first, first + records.count, add_note, &notes, why);
    }
    if (err == HM_OK) {
        ipc_put_u64(reply, head->size);
        ipc_put_bytes(reply, hm_bytes_of(head->note, head->note_len));
        reg_cosign_put(c, reply);
        put_list(reply, &records);
        put_list(reply, &notes);
    }
    hm_buf_free(&records.bytes);
    hm_buf_free(&notes.bytes);
    return err;
}

/* A long poll, in steps, so that nobody's patience keeps the process from ending. */
static void wait_for_record(const struct reg_desk *desk, uint64_t idx, uint64_t wait_ms)
{
    struct pollfd stop = {.fd = desk->stop_fd, .events = POLLIN};
    int64_t until = hm_clock_mono_ms() + (int64_t)(wait_ms < WAIT_MAX_MS ? wait_ms : WAIT_MAX_MS);
    for (int64_t left = until - hm_clock_mono_ms(); left > 0; left = until - hm_clock_mono_ms()) {
        struct reg_head head;
        reg_seq_wait(desk->seq, idx, (uint64_t)(left < WAIT_STEP_MS ? left : WAIT_STEP_MS));
        if ((reg_seq_head(desk->seq, &head, NULL) == HM_OK && head.size > idx) ||
            poll(&stop, 1, 0) > 0)
            return;
    }
}

static enum hm_err op_records(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    const struct reg_desk *desk = ctx;
    uint64_t v[3] = {0};
    struct reg_head head;
    struct reg_conn *c;
    enum hm_err err = get_u64s(r, v, 3, why);
    if (err == HM_OK)
        err = conn_of(r, &c, why);
    if (err != HM_OK)
        return err;
    wait_for_record(desk, v[0], v[2]);
    err = reg_seq_head(desk->seq, &head, why);
    return err == HM_OK
               ? put_records(c, &head, v[0], v[1] < REG_RECORDS_MAX ? v[1] : REG_RECORDS_MAX,
                             r->reply, why)
               : err;
}

/* What is committed but under no checkpoint yet does not leave: a release signature least of all.
 */
static enum hm_err published(const struct reg_desk *desk, uint64_t idx, struct hm_why *why)
{
    struct reg_head head;
    enum hm_err err = reg_seq_head(desk->seq, &head, why);
    if (err == HM_OK && idx >= head.size)
        err = hm_fail(why, HM_E_NOT_FOUND, "record %llu is not under a checkpoint",
                      (unsigned long long)idx);
    return err;
}

/* Evidence 0 of release.signed is the signature itself. */
static enum hm_err may_leave(struct reg_conn *c, uint64_t idx, struct hm_why *why)
{
    struct hm_record r;
    HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
    enum hm_err err = reg_conn_record(c, idx, &bytes, why);
    if (err == HM_OK)
        err = hm_record_parse(hm_buf_bytes(&bytes), &r, why);
    return err == HM_OK ? reg_cosign_hold(c, &r, why) : err;
}

static enum hm_err op_evidence(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    uint64_t v[2] = {0};
    struct reg_conn *c;
    struct db_reader *reader;
    HM_BUF_AUTO blob = {.limit = HM_POLICY_MAX};
    enum hm_err err = get_u64s(r, v, 2, why);
    if (err == HM_OK && v[1] >= HM_RECORD_EVIDENCE_MAX)
        err = hm_fail(why, HM_E_NOT_FOUND, "a record has at most %d pieces of evidence",
                      HM_RECORD_EVIDENCE_MAX);
    if (err == HM_OK)
        err = published(ctx, v[0], why);
    if (err == HM_OK)
        err = conn_of(r, &c, why);
    if (err == HM_OK && v[1] == 0)
        err = may_leave(c, v[0], why);
    if (err == HM_OK)
        err = reg_conn_reader(c, &reader, why);
    if (err == HM_OK)
        err = db_reader_evidence(reader, v[0], (unsigned)v[1], HM_POLICY_MAX, &blob, why);
    if (err == HM_OK)
        put_text(r->reply, &blob);
    return err;
}

static enum hm_err op_proof(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    uint64_t idx = 0;
    struct reg_conn *c;
    HM_BUF_AUTO proof = {.limit = HM_TLOG_PROOF_MAX};
    (void)ctx;
    enum hm_err err = get_u64s(r, &idx, 1, why);
    if (err == HM_OK)
        err = conn_of(r, &c, why);
    if (err == HM_OK)
        err = reg_proof(c, idx, &proof, why);
    if (err == HM_OK)
        put_text(r->reply, &proof);
    return err;
}

static enum hm_err op_consistency(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    const struct reg_desk *desk = ctx;
    uint64_t v[2] = {0};
    struct reg_head head;
    struct reg_conn *c;
    struct hm_path path;
    struct reg_nodes nodes = {desk->readers, NULL};
    enum hm_err err = get_u64s(r, v, 2, why);
    if (err == HM_OK)
        err = reg_seq_head(desk->seq, &head, why);
    if (err == HM_OK && (v[1] > head.size || v[0] > v[1]))
        err = hm_fail(why, HM_E_MALFORMED, "sizes %llu and %llu: expected old <= size <= %llu",
                      (unsigned long long)v[0], (unsigned long long)v[1],
                      (unsigned long long)head.size);
    if (err == HM_OK)
        err = conn_of(r, &c, why);
    if (err == HM_OK)
        err = reg_conn_reader(c, &nodes.reader, why);
    if (err == HM_OK)
        err = hm_merkle_consistency(v[0], v[1], reg_nodes_read, &nodes, &path, why);
    if (err != HM_OK)
        return err;
    ipc_put_digests(r->reply, path.hash, path.count);
    return HM_OK;
}

static enum hm_err op_checkpoint(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    const struct reg_desk *desk = ctx;
    struct reg_head head;
    enum hm_err err = reg_seq_head(desk->seq, &head, why);
    if (err == HM_OK)
        ipc_put_bytes(r->reply, hm_bytes_of(head.note, head.note_len));
    return err;
}

static enum hm_err op_policy(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    const struct reg_desk *desk = ctx;
    (void)why;
    ipc_put_bytes(r->reply, reg_policies_document(desk->world->policies, desk->world->policy));
    return HM_OK;
}

static enum hm_err op_trust_store(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    const struct reg_desk *desk = ctx;
    struct ipc_in in;
    char environment[HM_NAME_MAX + 1];
    ipc_in_begin(&in, r->body);
    ipc_get_str(&in, environment, sizeof environment);
    enum hm_err err = ipc_in_end(&in, why);
    if (err != HM_OK)
        return err;
    const struct reg_trust_store *s = reg_world_store(desk->world, environment);
    if (s == NULL)
        return hm_fail(why, HM_E_NOT_FOUND, "there is no trust store for that environment");
    put_text(r->reply, &s->bytes);
    return HM_OK;
}

static json_t *key_json(const struct reg_desk *desk, const struct hm_guards *guards,
                        const struct policy_release_key *k)
{
    char hex[HM_SHA256_HEX];
    char token[HM_TOKEN_SERIAL_MAX + 1] = "";
    HM_BUF_AUTO pem = {.limit = 4096};
    const struct hm_guard *g = hm_guards_find(guards, &k->key_id);
    hm_digest_hex(&k->key_id, hex);
    hm_key_pem(&k->key, &pem);
    bool there = reg_seq_key_token(desk->seq, &k->key_id, token, NULL) == HM_OK;
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:b}", "id", k->id, "key_id", hex,
                     "environment", k->environment, "mechanism", hm_key_mechanism(&k->key), "token",
                     token, "pem", hm_buf_str(&pem), "guard_approvals",
                     (json_int_t)(g != NULL ? g->approvals : 0), "guard_approvers",
                     (json_int_t)(g != NULL ? g->approver_count : 0), "available", there ? 1 : 0);
}

static enum hm_err op_keys(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    const struct reg_desk *desk = ctx;
    const struct policy *policy = desk->world->policy;
    const struct policy_release_key *k;
    __attribute__((cleanup(hm_guards_free))) struct hm_guards guards = {.count = 0};
    HM_BUF_AUTO vkey = {.limit = 1024};
    struct reg_conn *c;
    struct db_reader *reader;
    enum hm_err err = conn_of(r, &c, why);
    if (err == HM_OK)
        err = reg_conn_reader(c, &reader, why);
    if (err == HM_OK)
        err = reg_roster_guards(reader, desk->world, &guards, why);
    if (err != HM_OK)
        return err;
    json_t *list = json_array();
    hm_vkey_write(&desk->world->genesis.log_key, &vkey);
    for (size_t i = 0; (k = policy_key_at(policy, i)) != NULL; i++)
        (void)json_array_append_new(list, key_json(desk, &guards, k));
    json_t *doc = json_pack("{s:s, s:s, s:o}", "origin", desk->world->genesis.origin, "log_key",
                            hm_buf_str(&vkey), "keys", list);
    char *text = doc != NULL ? json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(doc);
    if (text == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for the list of keys");
    ipc_put_str(r->reply, text);
    free(text);
    return HM_OK;
}

static enum hm_err op_detail(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    uint64_t idx = 0;
    struct reg_conn *c;
    struct db_reader *reader;
    HM_BUF_AUTO detail = {.limit = HM_RECORD_MAX};
    enum hm_err err = get_u64s(r, &idx, 1, why);
    if (err == HM_OK)
        err = published(ctx, idx, why);
    if (err == HM_OK)
        err = conn_of(r, &c, why);
    if (err == HM_OK)
        err = reg_conn_reader(c, &reader, why);
    if (err == HM_OK)
        err = db_reader_detail(reader, idx, &detail, why);
    if (err == HM_OK)
        put_text(r->reply, &detail);
    return err;
}

const struct ipc_op reg_ops[] = {
    {REG_HELLO, op_hello, "hello"},
    {REG_STATUS, op_status, "status"},
    {REG_IDENTIFY, op_identify, "identify"},
    {REG_SUBMIT, reg_op_submit, "submit"},
    {REG_ARTIFACT_PUT, op_artifact_put, "artifact put"},
    {REG_ARTIFACT_OPEN, op_artifact_open, "artifact open"},
    {REG_APPROVE, reg_op_approve, "approve"},
    {REG_REJECT, reg_op_reject, "reject"},
    {REG_CANCEL, reg_op_cancel, "cancel"},
    {REG_SIGN, reg_op_sign, "sign"},
    {REG_STATEMENT, op_statement, "statement"},
    {REG_RECORDS, op_records, "records"},
    {REG_EVIDENCE, op_evidence, "evidence"},
    {REG_PROOF, op_proof, "proof"},
    {REG_CONSISTENCY, op_consistency, "consistency"},
    {REG_CHECKPOINT, op_checkpoint, "checkpoint"},
    {REG_POLICY, op_policy, "policy"},
    {REG_TRUST_STORE, op_trust_store, "trust store"},
    {REG_KEYS, op_keys, "keys"},
    {REG_DETAIL, op_detail, "detail"},
    {REG_POLICY_PROPOSE, reg_op_policy_propose, "policy propose"},
    {REG_POLICY_APPROVE, reg_op_policy_approve, "policy approve"},
    {REG_POLICY_ACTIVATE, reg_op_policy_activate, "policy activate"},
    {REG_POLICY_REPLACE, reg_op_policy_replace, "policy replace"},
    {REG_ROSTER, reg_op_roster, "roster"},
    {REG_GUARDS, reg_op_guards, "guards"},
    {REG_ERASE, reg_op_erase, "erase"},
    {REG_COSIGN, reg_op_cosign, "cosign"},
};
const size_t reg_op_count = sizeof reg_ops / sizeof reg_ops[0];
