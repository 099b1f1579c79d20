/* Every batch moves each of the groups that are under way one step on: submitted, approved once,
 * approved twice, intended, signed. So an intention and its result are never under the same
 * checkpoint, as with the service. */
#include "tests/bench/log/bench_log_priv.h"

#include "schema/io/hm_random.h"

#include <stdlib.h>

static enum hm_err sign(struct bench_log *b, struct hm_bytes body, uint8_t sig[static 64],
                        struct hm_why *why)
{
    size_t len = 64;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = c != NULL && EVP_DigestSignInit(c, NULL, NULL, NULL, b->secret) == 1 &&
              EVP_DigestSign(c, sig, &len, body.data, body.len) == 1;
    EVP_MD_CTX_free(c);
    return ok ? HM_OK : hm_fail(why, HM_E_INTERNAL, "cannot sign a checkpoint");
}

/* The note over what is committed, stored with the batch that is being written: as the registrar
 * does it. */
static enum hm_err put_checkpoint(struct bench_log *b, struct hm_why *why)
{
    struct hm_checkpoint c = {
        .origin = BENCH_LOG_ORIGIN, .size = db_log_size(b->db), .root = db_log_root(b->db)};
    HM_BUF_AUTO body = {.limit = HM_CHECKPOINT_MAX};
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX};
    uint8_t sig[64];
    if (c.size == 0)
        return HM_OK;
    hm_checkpoint_body(&c, &body);
    enum hm_err err = sign(b, hm_buf_bytes(&body), sig, why);
    if (err != HM_OK)
        return err;
    hm_checkpoint_note(hm_buf_bytes(&body), b->key, sig, &note);
    b->checkpoints++;
    return db_log_put_checkpoint(b->db, c.size, hm_buf_bytes(&note), why);
}

/* What no release has anything to do with: how the log began, and later a start of the registrar.
 */
static enum hm_err put_other(struct bench_log *b, struct hm_why *why)
{
    bool first = db_log_pending_size(b->db) == 0;
    struct hm_record r = {.event = first ? HM_EV_LOG_CREATED : HM_EV_REGISTRAR_STARTED,
                          .has_policy = true,
                          .policy = b->policy,
                          .has_random = !first};
    hm_random(r.random.b, first ? 0 : sizeof r.random.b);
    return db_log_append(b->db, b->now_ms++, &r, NULL, hm_bytes_of(NULL, 0), why);
}

static enum hm_err fill_batch(struct bench_log *b, struct hm_why *why)
{
    enum hm_err err = put_checkpoint(b, why);
    for (unsigned i = STEPS * b->group; err == HM_OK && i < b->records_per_batch; i++)
        err = put_other(b, why);
    for (unsigned s = 0; s < STEPS && s <= b->batch; s++)
        for (size_t i = 0; err == HM_OK && i < b->group; i++)
            err = bench_release_step(b, s, &b->groups[(b->batch - s) % STEPS][i], why);
    return err;
}

enum hm_err bench_log_batch(struct bench_log *b, struct hm_why *why)
{
    enum hm_err err = db_log_begin(b->db, why);
    if (err == HM_OK)
        err = fill_batch(b, why);
    if (err == HM_OK)
        err = db_log_commit(b->db, why);
    db_log_maintain(b->db);
    b->batch++;
    return err;
}

enum hm_err bench_log_finish(struct bench_log *b, struct hm_why *why)
{
    enum hm_err err = db_log_begin(b->db, why);
    if (err == HM_OK)
        err = put_checkpoint(b, why);
    return err == HM_OK ? db_log_commit(b->db, why) : err;
}

static enum hm_err make_key(struct bench_log *b, struct hm_why *why)
{
    struct hm_key key;
    uint8_t raw[32];
    size_t len = sizeof raw;
    b->secret = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (b->secret == NULL || EVP_PKEY_get_raw_public_key(b->secret, raw, &len) != 1)
        return hm_fail(why, HM_E_INTERNAL, "cannot make a key");
    enum hm_err err = hm_key_from_raw(HM_KEY_ED25519, hm_bytes_of(raw, len), &key, why);
    return err == HM_OK ? hm_vkey_make(BENCH_LOG_ORIGIN, &key, b->key) : err;
}

enum hm_err bench_log_create(const char *path, unsigned batch, struct hm_vkey *key,
                             struct bench_log **out, struct hm_why *why)
{
    if (batch < BENCH_LOG_BATCH_MIN || batch > BENCH_LOG_BATCH_MAX)
        return hm_fail(why, HM_E_LIMIT, "a batch has %d to %d records", BENCH_LOG_BATCH_MIN,
                       BENCH_LOG_BATCH_MAX);
    struct bench_log *b = calloc(1, sizeof *b);
    if (b == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    b->key = key;
    b->records_per_batch = batch;
    b->group = (batch - 1) / STEPS;
    b->now_ms = 1795000000000;
    b->policy = bench_digest("policy", 0);
    b->release_key = bench_digest("release-key", 0);
    hm_random(b->blob, sizeof b->blob);
    enum hm_err err = make_key(b, why);
    if (err == HM_OK)
        err = db_log_create(path, BENCH_LOG_ORIGIN, why);
    if (err == HM_OK)
        err = db_log_open(path, BENCH_LOG_ORIGIN, &b->db, why);
    if (err != HM_OK) {
        bench_log_close(b);
        return err;
    }
    *out = b;
    return HM_OK;
}

struct db_log *bench_log_writer(struct bench_log *b)
{
    return b->db;
}

struct bench_log_size bench_log_size(const struct bench_log *b)
{
    return (struct bench_log_size){db_log_size(b->db), b->checkpoints, b->blobs};
}

void bench_log_close(struct bench_log *b)
{
    if (b == NULL)
        return;
    db_log_close(b->db);
    EVP_PKEY_free(b->secret);
    free(b);
}

enum hm_err bench_log_make(const char *path, uint64_t records, struct hm_vkey *key,
                           struct bench_log_size *out, struct hm_why *why)
{
    struct bench_log *b = NULL;
    enum hm_err err = bench_log_create(path, BENCH_LOG_BATCH, key, &b, why);
    if (err != HM_OK)
        return err;
    while (err == HM_OK && db_log_size(b->db) < records)
        err = bench_log_batch(b, why);
    if (err == HM_OK)
        err = bench_log_finish(b, why);
    if (err == HM_OK)
        *out = bench_log_size(b);
    bench_log_close(b);
    return err;
}
