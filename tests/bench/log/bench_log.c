/* Every batch moves each of the groups that are under way one step on: submitted, approved once,
 * approved twice, intended, signed. So an intention and its result are never under the same
 * checkpoint, as with the service. */
#include "tests/bench/log/bench_log.h"

#include "db/log/db_log.h"
#include "schema/io/hm_random.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#define GROUP 51 /* releases that are submitted in one batch; 5 * 51 + 1 records */
#define STEPS 5
#define BLOB_MAX 4096

/* Bytes of evidence, as they are with SSH signatures and SLSA provenance. */
#define REQUEST_BYTES 2400
#define MANIFEST_BYTES 350
#define ATTESTATION_BYTES 2200
#define APPROVAL_BYTES 1600
#define ENVELOPE_BYTES 500

struct release {
    uint64_t id, no, intent;
    enum hm_release_state state;
    struct hm_digest manifest, artifact, statement, tbs;
};
struct maker {
    struct db_log *log;
    EVP_PKEY *secret;
    struct hm_vkey *key;
    struct release groups[STEPS][GROUP];
    uint64_t batch, releases, blobs, checkpoints, now_ms;
    uint8_t blob[BLOB_MAX];
    struct hm_digest policy, release_key;
};

static struct hm_digest digest(const char *what, uint64_t n)
{
    return hm_sha256_3(hm_bytes_str(what), hm_bytes_of(&n, sizeof n), hm_bytes_of(NULL, 0));
}

/* The next blob of this length: no two are the same. */
static struct hm_bytes blob(struct maker *m, struct hm_record *r, uint8_t *at, size_t len)
{
    m->blobs++;
    memcpy(at, m->blob, len);
    memcpy(at, &m->blobs, sizeof m->blobs);
    struct hm_bytes b = hm_bytes_of(at, len);
    r->evidence[r->evidence_count++] = hm_sha256(b);
    return b;
}

static struct hm_record about(const struct maker *m, const struct release *x, enum hm_event event,
                              enum hm_release_state state)
{
    struct hm_record r = {.event = event,
                          .has_release = true,
                          .release = x->id,
                          .state = state,
                          .has_policy = true,
                          .policy = m->policy};
    struct hm_digest req = digest(hm_event_name(event), x->no);
    for (size_t i = 0; i < 16; i++)
        (void)snprintf(r.req + 2 * i, 3, "%02x", req.b[i]);
    (void)snprintf(r.product, sizeof r.product, "edge-router-%u", (unsigned)(x->no % 20));
    (void)snprintf(r.version, sizeof r.version, "2.%" PRIu64 ".%" PRIu64, x->no / 100, x->no % 100);
    (void)snprintf(r.channel, sizeof r.channel, "stable");
    (void)snprintf(r.environment, sizeof r.environment, "production");
    return r;
}

static void name_key(const struct maker *m, const struct release *x, struct hm_record *r)
{
    r->key_count = 1;
    r->keys[0] = (struct hm_record_key){
        .spki = m->release_key, .mechanism = "ESP256", .tbs = x->tbs, .token = "a1b2c3d4e5f60718"};
    r->has_manifest = true;
    r->manifest = x->manifest;
    r->sequence = x->no + 1;
}

static enum hm_err put(struct maker *m, struct hm_record *r, const struct hm_bytes *evidence,
                       struct hm_why *why)
{
    return db_log_append(m->log, m->now_ms++, r, evidence, hm_bytes_of(NULL, 0), why);
}

static enum hm_err submit(struct maker *m, struct release *x, struct hm_why *why)
{
    static uint8_t bytes[3][BLOB_MAX];
    *x = (struct release){.id = db_log_pending_size(m->log), .no = m->releases++};
    x->manifest = digest("manifest", x->no);
    x->artifact = digest("artifact", x->no);
    x->statement = digest("statement", x->no);
    x->tbs = digest("tbs", x->no);
    struct hm_record r = about(m, x, HM_EV_RELEASE_SUBMITTED, HM_RELEASE_SUBMITTED);
    name_key(m, x, &r);
    (void)snprintf(r.actor, sizeof r.actor, "ci-edge");
    r.artifact_count = 1;
    r.artifacts[0] = x->artifact;
    r.expires_s = m->now_ms / 1000 + 86400;
    const struct hm_bytes evidence[] = {blob(m, &r, bytes[0], REQUEST_BYTES),
                                        blob(m, &r, bytes[1], MANIFEST_BYTES),
                                        blob(m, &r, bytes[2], ATTESTATION_BYTES)};
    x->state = HM_RELEASE_SUBMITTED;
    return put(m, &r, evidence, why);
}

static enum hm_err approve(struct maker *m, struct release *x, unsigned which, struct hm_why *why)
{
    static uint8_t bytes[BLOB_MAX];
    x->state = which == 0 ? HM_RELEASE_SUBMITTED : HM_RELEASE_APPROVED;
    struct hm_record r = about(m, x, HM_EV_APPROVAL_RECORDED, x->state);
    (void)snprintf(r.actor, sizeof r.actor, "person-%u", (unsigned)(2 * (x->no % 25) + which));
    r.has_manifest = r.has_statement = r.has_approver_key = true;
    r.manifest = x->manifest;
    r.statement = x->statement;
    r.approver_key = digest("approver", 2 * (x->no % 25) + which);
    const struct hm_bytes evidence[] = {blob(m, &r, bytes, APPROVAL_BYTES)};
    return put(m, &r, evidence, why);
}

static enum hm_err intend(struct maker *m, struct release *x, struct hm_why *why)
{
    struct hm_record r = about(m, x, HM_EV_SIGN_INTENDED, HM_RELEASE_SIGNING);
    name_key(m, x, &r);
    (void)snprintf(r.actor, sizeof r.actor, "ci-edge");
    r.has_statement = true;
    r.statement = x->statement;
    r.store_epoch = 3;
    enum hm_err err = put(m, &r, NULL, why);
    x->intent = r.idx;
    return err;
}

static enum hm_err conclude(struct maker *m, const struct release *x, struct hm_why *why)
{
    static uint8_t bytes[BLOB_MAX];
    struct hm_record r = about(m, x, HM_EV_RELEASE_SIGNED, HM_RELEASE_SIGNED);
    name_key(m, x, &r);
    (void)snprintf(r.actor, sizeof r.actor, "ci-edge");
    (void)snprintf(r.outcome, sizeof r.outcome, "ok");
    r.artifact_count = 1;
    r.artifacts[0] = x->artifact;
    r.store_epoch = 3;
    r.has_intent = true;
    r.intent = x->intent;
    const struct hm_bytes evidence[] = {blob(m, &r, bytes, ENVELOPE_BYTES)};
    return put(m, &r, evidence, why);
}

static enum hm_err step(struct maker *m, unsigned step, struct release *x, struct hm_why *why)
{
    switch (step) {
    case 0:
        return submit(m, x, why);
    case 1:
    case 2:
        return approve(m, x, step - 1, why);
    case 3:
        return intend(m, x, why);
    default:
        return conclude(m, x, why);
    }
}

static enum hm_err sign(struct maker *m, struct hm_bytes body, uint8_t sig[static 64],
                        struct hm_why *why)
{
    size_t len = 64;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = c != NULL && EVP_DigestSignInit(c, NULL, NULL, NULL, m->secret) == 1 &&
              EVP_DigestSign(c, sig, &len, body.data, body.len) == 1;
    EVP_MD_CTX_free(c);
    return ok ? HM_OK : hm_fail(why, HM_E_INTERNAL, "cannot sign a checkpoint");
}

/* The note over what is committed, stored with the batch that is being written: as the registrar
 * does it. */
static enum hm_err put_checkpoint(struct maker *m, struct hm_why *why)
{
    struct hm_checkpoint c = {
        .origin = BENCH_LOG_ORIGIN, .size = db_log_size(m->log), .root = db_log_root(m->log)};
    HM_BUF_AUTO body = {.limit = HM_CHECKPOINT_MAX};
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX};
    uint8_t sig[64];
    if (c.size == 0)
        return HM_OK;
    hm_checkpoint_body(&c, &body);
    enum hm_err err = sign(m, hm_buf_bytes(&body), sig, why);
    if (err != HM_OK)
        return err;
    hm_checkpoint_note(hm_buf_bytes(&body), m->key, sig, &note);
    m->checkpoints++;
    return db_log_put_checkpoint(m->log, c.size, hm_buf_bytes(&note), why);
}

/* What no release has anything to do with: how the log began, and later a start of the registrar.
 */
static enum hm_err put_other(struct maker *m, struct hm_why *why)
{
    bool first = m->batch == 0;
    struct hm_record r = {.event = first ? HM_EV_LOG_CREATED : HM_EV_REGISTRAR_STARTED,
                          .has_policy = true,
                          .policy = m->policy,
                          .has_random = !first};
    hm_random(r.random.b, first ? 0 : sizeof r.random.b);
    return put(m, &r, NULL, why);
}

static enum hm_err write_batch(struct maker *m, struct hm_why *why)
{
    enum hm_err err = db_log_begin(m->log, why);
    if (err == HM_OK)
        err = put_checkpoint(m, why);
    if (err == HM_OK)
        err = put_other(m, why);
    for (unsigned s = 0; s < STEPS && s <= m->batch; s++)
        for (size_t i = 0; err == HM_OK && i < GROUP; i++)
            err = step(m, s, &m->groups[(m->batch - s) % STEPS][i], why);
    if (err == HM_OK)
        err = db_log_commit(m->log, why);
    db_log_maintain(m->log);
    m->batch++;
    return err;
}

static enum hm_err make_key(struct maker *m, struct hm_why *why)
{
    struct hm_key key;
    uint8_t raw[32];
    size_t len = sizeof raw;
    m->secret = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (m->secret == NULL || EVP_PKEY_get_raw_public_key(m->secret, raw, &len) != 1)
        return hm_fail(why, HM_E_INTERNAL, "cannot make a key");
    enum hm_err err = hm_key_from_raw(HM_KEY_ED25519, hm_bytes_of(raw, len), &key, why);
    return err == HM_OK ? hm_vkey_make(BENCH_LOG_ORIGIN, &key, m->key) : err;
}

static enum hm_err fill(struct maker *m, const char *path, uint64_t records, struct hm_why *why)
{
    enum hm_err err = make_key(m, why);
    if (err == HM_OK)
        err = db_log_create(path, BENCH_LOG_ORIGIN, why);
    if (err == HM_OK)
        err = db_log_open(path, BENCH_LOG_ORIGIN, &m->log, why);
    while (err == HM_OK && db_log_size(m->log) < records)
        err = write_batch(m, why);
    if (err == HM_OK)
        err = db_log_begin(m->log, why);
    if (err == HM_OK)
        err = put_checkpoint(m, why);
    return err == HM_OK ? db_log_commit(m->log, why) : err;
}

enum hm_err bench_log_make(const char *path, uint64_t records, struct hm_vkey *key,
                           struct bench_log_size *out, struct hm_why *why)
{
    struct maker m = {.key = key,
                      .now_ms = 1795000000000,
                      .policy = digest("policy", 0),
                      .release_key = digest("release-key", 0)};
    hm_random(m.blob, sizeof m.blob);
    enum hm_err err = fill(&m, path, records, why);
    if (err == HM_OK)
        *out = (struct bench_log_size){db_log_size(m.log), m.checkpoints, m.blobs};
    db_log_close(m.log);
    EVP_PKEY_free(m.secret);
    return err;
}
