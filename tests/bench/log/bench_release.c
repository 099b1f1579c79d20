/* The five steps of a release, each with its record, its evidence and the rows of decision state
 * that the registrar keeps for it. */
#include "tests/bench/log/bench_log_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Bytes of evidence, as they are with SSH signatures and SLSA provenance. */
#define REQUEST_BYTES 2400
#define MANIFEST_BYTES 350
#define ATTESTATION_BYTES 2200
#define APPROVAL_BYTES 1600
#define ENVELOPE_BYTES 500

#define PRODUCTS 20
#define APPROVERS 50
#define DAY_S 86400

struct hm_digest bench_digest(const char *what, uint64_t n)
{
    return hm_sha256_3(hm_bytes_str(what), hm_bytes_of(&n, sizeof n), hm_bytes_of(NULL, 0));
}

/* The next blob of this length: no two are the same. */
static struct hm_bytes blob(struct bench_log *b, struct hm_record *r, uint8_t *at, size_t len)
{
    b->blobs++;
    memcpy(at, b->blob, len);
    memcpy(at, &b->blobs, sizeof b->blobs);
    struct hm_bytes bytes = hm_bytes_of(at, len);
    r->evidence[r->evidence_count++] = hm_sha256(bytes);
    return bytes;
}

static struct hm_record about(const struct bench_log *b, const struct bench_release *x,
                              enum hm_event event, enum hm_release_state state)
{
    struct hm_record r = {.event = event,
                          .has_release = true,
                          .release = x->id,
                          .state = state,
                          .has_policy = true,
                          .policy = b->policy};
    struct hm_digest req = bench_digest(hm_event_name(event), x->no);
    for (size_t i = 0; i < 16; i++)
        (void)snprintf(r.req + 2 * i, 3, "%02x", req.b[i]);
    (void)snprintf(r.product, sizeof r.product, "edge-router-%u", (unsigned)(x->no % PRODUCTS));
    (void)snprintf(r.version, sizeof r.version, "2.%" PRIu64 ".%" PRIu64, x->no / 100, x->no % 100);
    (void)snprintf(r.channel, sizeof r.channel, "stable");
    (void)snprintf(r.environment, sizeof r.environment, "production");
    return r;
}

static void name_key(const struct bench_log *b, const struct bench_release *x, struct hm_record *r)
{
    r->key_count = 1;
    r->keys[0] = (struct hm_record_key){
        .spki = b->release_key, .mechanism = "ESP256", .tbs = x->tbs, .token = "a1b2c3d4e5f60718"};
    r->has_manifest = true;
    r->manifest = x->manifest;
    r->sequence = x->row.sequence;
}

static enum hm_err put(struct bench_log *b, struct hm_record *r, const struct hm_bytes *evidence,
                       struct hm_why *why)
{
    return db_log_append(b->db, b->now_ms++, r, evidence, hm_bytes_of(NULL, 0), why);
}

/* The answer that is kept under the request's idempotency key. */
static enum hm_err put_answer(struct bench_log *b, const struct hm_record *r, struct hm_why *why)
{
    struct hm_digest key = bench_digest("idempotency", r->idx);
    struct db_answer a = {.body = bench_digest("body", r->idx),
                          .status = 0,
                          .release = r->release,
                          .record = r->idx,
                          .at_s = (int64_t)(r->t_ms / 1000)};
    return db_state_answer_put(b->db, &key, &a, why);
}

static enum hm_err move_on(struct bench_log *b, struct bench_release *x, const struct hm_record *r,
                           struct hm_why *why)
{
    x->row.state = r->state;
    x->row.last_idx = r->idx;
    return db_state_release_update(b->db, &x->row, why);
}

static void begin(struct bench_log *b, struct bench_release *x)
{
    *x = (struct bench_release){.id = db_log_pending_size(b->db), .no = b->releases++};
    x->manifest = bench_digest("manifest", x->no);
    x->artifact = bench_digest("artifact", x->no);
    x->statement = bench_digest("statement", x->no);
    x->tbs = bench_digest("tbs", x->no);
}

static enum hm_err insert_release(struct bench_log *b, struct bench_release *x,
                                  const struct hm_record *r, struct hm_why *why)
{
    x->row = (struct db_release){.id = r->idx,
                                 .state = r->state,
                                 .sequence = r->sequence,
                                 .expires_s = (int64_t)r->expires_s,
                                 .submitted_leaf = hm_merkle_leaf(db_log_appended(b->db)),
                                 .manifest = r->manifest,
                                 .statement = x->statement,
                                 .policy = r->policy,
                                 .last_idx = r->idx};
    memcpy(x->row.product, r->product, sizeof r->product);
    memcpy(x->row.version, r->version, sizeof r->version);
    memcpy(x->row.channel, r->channel, sizeof r->channel);
    memcpy(x->row.environment, r->environment, sizeof r->environment);
    memcpy(x->row.submitter, r->actor, sizeof r->actor);
    return db_state_release_insert(b->db, &x->row, why);
}

static enum hm_err submit(struct bench_log *b, struct bench_release *x, struct hm_why *why)
{
    uint8_t bytes[3][BLOB_MAX];
    begin(b, x);
    enum hm_err err = db_state_next_sequence(b->db, &x->row.sequence, why);
    struct hm_record r = about(b, x, HM_EV_RELEASE_SUBMITTED, HM_RELEASE_SUBMITTED);
    name_key(b, x, &r);
    (void)snprintf(r.actor, sizeof r.actor, "ci-edge");
    r.artifact_count = 1;
    r.artifacts[0] = x->artifact;
    r.expires_s = b->now_ms / 1000 + DAY_S;
    const struct hm_bytes evidence[] = {blob(b, &r, bytes[0], REQUEST_BYTES),
                                        blob(b, &r, bytes[1], MANIFEST_BYTES),
                                        blob(b, &r, bytes[2], ATTESTATION_BYTES)};
    struct hm_digest request = bench_digest("request", x->no);
    if (err == HM_OK)
        err = db_state_request_seen(b->db, &request, (int64_t)r.expires_s, x->id, NULL, why);
    if (err == HM_OK)
        err = put(b, &r, evidence, why);
    if (err == HM_OK)
        err = insert_release(b, x, &r, why);
    return err == HM_OK ? put_answer(b, &r, why) : err;
}

static enum hm_err approve(struct bench_log *b, struct bench_release *x, unsigned which,
                           struct hm_why *why)
{
    uint8_t bytes[BLOB_MAX];
    uint64_t person = (2 * x->no + which) % APPROVERS;
    struct hm_record r = about(b, x, HM_EV_APPROVAL_RECORDED,
                               which == 0 ? HM_RELEASE_SUBMITTED : HM_RELEASE_APPROVED);
    (void)snprintf(r.actor, sizeof r.actor, "person-%" PRIu64, person);
    r.has_manifest = r.has_statement = r.has_approver_key = true;
    r.manifest = x->manifest;
    r.statement = x->statement;
    r.approver_key = bench_digest("approver", person);
    const struct hm_bytes evidence[] = {blob(b, &r, bytes, APPROVAL_BYTES)};
    struct db_approval row = {.record = db_log_pending_size(b->db), .key = r.approver_key};
    memcpy(row.principal, r.actor, sizeof row.principal);
    enum hm_err err = db_state_approval_insert(b->db, x->id, &row, why);
    if (err == HM_OK)
        err = put(b, &r, evidence, why);
    if (err == HM_OK)
        err = move_on(b, x, &r, why);
    return err == HM_OK ? put_answer(b, &r, why) : err;
}

static enum hm_err intend(struct bench_log *b, struct bench_release *x, struct hm_why *why)
{
    struct hm_record r = about(b, x, HM_EV_SIGN_INTENDED, HM_RELEASE_SIGNING);
    const struct hm_uuid class_id = hm_uuid5(&HM_UUID_DNS, r.product);
    name_key(b, x, &r);
    (void)snprintf(r.actor, sizeof r.actor, "ci-edge");
    r.has_statement = true;
    r.statement = x->statement;
    r.store_epoch = 3;
    enum hm_err err = put(b, &r, NULL, why);
    if (err == HM_OK)
        err = db_state_class_put(b->db, &class_id, r.sequence, why);
    x->row.intent = r.idx;
    return err == HM_OK ? move_on(b, x, &r, why) : err;
}

static enum hm_err conclude(struct bench_log *b, struct bench_release *x, struct hm_why *why)
{
    uint8_t bytes[BLOB_MAX];
    struct hm_record r = about(b, x, HM_EV_RELEASE_SIGNED, HM_RELEASE_SIGNED);
    name_key(b, x, &r);
    (void)snprintf(r.actor, sizeof r.actor, "ci-edge");
    (void)snprintf(r.outcome, sizeof r.outcome, "ok");
    r.artifact_count = 1;
    r.artifacts[0] = x->artifact;
    r.store_epoch = 3;
    r.has_intent = true;
    r.intent = x->row.intent;
    const struct hm_bytes evidence[] = {blob(b, &r, bytes, ENVELOPE_BYTES)};
    enum hm_err err = put(b, &r, evidence, why);
    x->row.intent = 0;
    x->row.signed_idx = r.idx;
    if (err == HM_OK)
        err = move_on(b, x, &r, why);
    return err == HM_OK ? db_state_artifact_put(b->db, &x->artifact, x->id, why) : err;
}

enum hm_err bench_release_step(struct bench_log *b, unsigned step, struct bench_release *x,
                               struct hm_why *why)
{
    switch (step) {
    case 0:
        return submit(b, x, why);
    case 1:
    case 2:
        return approve(b, x, step - 1, why);
    case 3:
        return intend(b, x, why);
    default:
        return conclude(b, x, why);
    }
}
