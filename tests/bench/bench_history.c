/* 64 releases are under way at any time, each a few records apart from its next step: submitted,
 * approved twice, intended, signed. Of 50, two are refused, one is rejected, one expires. */
#include "tests/bench/bench_history.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PRODUCTS 40u
#define PIPELINES 60u
#define APPROVERS 200u
#define KEYS 6u

static struct hm_digest digest(const char *what, uint64_t n)
{
    return hm_sha256_3(hm_bytes_str(what), hm_bytes_of(&n, sizeof n), hm_bytes_of(NULL, 0));
}

/* Choices that look random and are the same each time. */
static unsigned pick(uint64_t no, unsigned salt, unsigned of)
{
    uint64_t x = (no + 1) * UINT64_C(0x9e3779b97f4a7c15) + salt * UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 29;
    x *= UINT64_C(0x94d049bb133111eb);
    return (unsigned)((x >> 33) % of);
}

struct hm_digest bench_artifact(uint64_t no, unsigned which)
{
    return digest("artifact", 2 * no + which);
}

struct hm_digest bench_release_key(unsigned n)
{
    return digest("release key", n % KEYS);
}

struct hm_digest bench_approver_key(unsigned n)
{
    return digest("approver key", n % APPROVERS);
}

void bench_release_names(uint64_t no, struct hm_record *out)
{
    static const char *const channels[] = {"nightly", "nightly", "nightly", "beta", "stable"};
    unsigned product = pick(no, 1, PRODUCTS);
    const char *channel = channels[pick(no, 2, 5)];
    (void)snprintf(out->product, sizeof out->product, "edge-router-%u", product);
    /* Nightly builds are named after a commit: words in no order. */
    struct hm_digest commit = digest("commit", no);
    int n = snprintf(out->version, sizeof out->version, "%u.%" PRIu64 ".%" PRIu64, 2 + product % 3,
                     no / 500, no % 500);
    if (strcmp(channel, "nightly") == 0)
        (void)snprintf(out->version + n, sizeof out->version - (size_t)n, "-g%02x%02x%02x%02x",
                       commit.b[0], commit.b[1], commit.b[2], commit.b[3]);
    (void)snprintf(out->channel, sizeof out->channel, "%s", channel);
    (void)snprintf(out->environment, sizeof out->environment, "%s",
                   strcmp(channel, "nightly") == 0 ? "development" : "production");
}

static struct hm_record about(const struct bench_history *h, const struct bench_release *x,
                              enum hm_event event, enum hm_release_state state)
{
    struct hm_record r = {
        .event = event, .has_release = true, .release = x->id, .state = state, .has_policy = true};
    struct hm_digest req = digest("request", h->idx);
    for (size_t i = 0; i < 16; i++)
        (void)snprintf(r.req + 2 * i, 3, "%02x", req.b[i]);
    bench_release_names(x->no, &r);
    (void)snprintf(r.actor, sizeof r.actor, "ci-%u", pick(x->no, 3, PIPELINES));
    r.policy = digest("policy", x->no / 100000);
    return r;
}

static void add_evidence(struct hm_record *r, uint64_t idx, size_t count)
{
    for (size_t i = 0; i < count; i++)
        r->evidence[r->evidence_count++] = digest("evidence", idx * 32 + i);
}

static void add_key(const struct bench_release *x, struct hm_record *r)
{
    r->key_count = 1;
    r->keys[0] = (struct hm_record_key){.spki = bench_release_key(pick(x->no, 4, KEYS)),
                                        .mechanism = "ESP256",
                                        .tbs = digest("tbs", x->no),
                                        .token = "a1b2c3d4e5f60718"};
    r->has_manifest = true;
    r->manifest = digest("manifest", x->no);
    r->sequence = x->no + 1;
}

static void add_artifacts(const struct bench_release *x, struct hm_record *r)
{
    r->artifact_count = 1 + pick(x->no, 5, 2);
    for (unsigned i = 0; i < r->artifact_count; i++)
        r->artifacts[i] = bench_artifact(x->no, i);
}

static struct hm_record submit(struct bench_history *h, struct bench_release *x)
{
    *x = (struct bench_release){.no = h->releases++, .id = h->idx, .step = 1};
    bool refused = x->no % 50 < 2;
    struct hm_record r = about(h, x, refused ? HM_EV_RELEASE_REFUSED : HM_EV_RELEASE_SUBMITTED,
                               refused ? HM_RELEASE_REFUSED : HM_RELEASE_SUBMITTED);
    add_artifacts(x, &r);
    add_evidence(&r, h->idx, 3);
    if (refused) {
        (void)snprintf(r.outcome, sizeof r.outcome, "provenance.builder");
        x->step = 0;
        return r;
    }
    add_key(x, &r);
    r.expires_s = (BENCH_T0_MS + h->idx * BENCH_STEP_MS) / 1000 + 86400;
    return r;
}

static struct hm_record approve(struct bench_history *h, struct bench_release *x)
{
    unsigned who = pick(x->no, 6 + x->step, APPROVERS);
    struct hm_record r = about(h, x, HM_EV_APPROVAL_RECORDED,
                               x->step == 1 ? HM_RELEASE_SUBMITTED : HM_RELEASE_APPROVED);
    (void)snprintf(r.actor, sizeof r.actor, "person-%u", who);
    r.has_manifest = r.has_statement = r.has_approver_key = true;
    r.manifest = digest("manifest", x->no);
    r.statement = digest("statement", x->no);
    r.approver_key = bench_approver_key(who);
    add_evidence(&r, h->idx, 1);
    x->step++;
    return r;
}

/* The step that ends a release without its signature. */
static struct hm_record give_up(struct bench_history *h, struct bench_release *x)
{
    bool rejected = x->no % 50 == 2;
    struct hm_record r = about(h, x, rejected ? HM_EV_RELEASE_REJECTED : HM_EV_RELEASE_EXPIRED,
                               rejected ? HM_RELEASE_REJECTED : HM_RELEASE_EXPIRED);
    if (rejected)
        add_evidence(&r, h->idx, 1);
    else
        r.actor[0] = '\0';
    x->step = 0;
    return r;
}

static struct hm_record intend(struct bench_history *h, struct bench_release *x)
{
    struct hm_record r = about(h, x, HM_EV_SIGN_INTENDED, HM_RELEASE_SIGNING);
    add_key(x, &r);
    r.has_statement = true;
    r.statement = digest("statement", x->no);
    r.store_epoch = 3;
    x->intent = h->idx;
    x->step++;
    return r;
}

static struct hm_record conclude(struct bench_history *h, struct bench_release *x)
{
    struct hm_record r = about(h, x, HM_EV_RELEASE_SIGNED, HM_RELEASE_SIGNED);
    add_key(x, &r);
    add_artifacts(x, &r);
    add_evidence(&r, h->idx, 1);
    (void)snprintf(r.outcome, sizeof r.outcome, "ok");
    r.store_epoch = 3;
    r.has_intent = true;
    r.intent = x->intent;
    x->step = 0;
    return r;
}

static struct hm_record next(struct bench_history *h)
{
    struct bench_release *x = &h->under_way[pick(h->idx, 9, BENCH_UNDER_WAY)];
    if (h->idx % 5000 == 0) {
        struct hm_record r = {.event = HM_EV_REGISTRAR_STARTED, .has_random = true};
        r.random = digest("random", h->idx);
        return r;
    }
    switch (x->step) {
    case 0:
        return submit(h, x);
    case 1:
        return approve(h, x);
    case 2:
        return x->no % 50 < 4 ? give_up(h, x) : approve(h, x);
    case 3:
        return intend(h, x);
    default:
        return conclude(h, x);
    }
}

void bench_history_begin(struct bench_history *h)
{
    *h = (struct bench_history){.prev = hm_sha256(hm_bytes_str(BENCH_ORIGIN)),
                                .bytes = {.limit = (size_t)64 * 1024 * 1024}};
}

void bench_history_free(struct bench_history *h)
{
    hm_buf_free(&h->bytes);
}

enum hm_err bench_history_next(struct bench_history *h, size_t count, struct hm_why *why)
{
    size_t end[BENCH_BATCH_MAX];
    hm_buf_reset(&h->bytes);
    for (size_t i = 0; i < count; i++) {
        struct hm_record r = next(h);
        size_t from = h->bytes.len;
        r.idx = h->idx;
        r.prev = h->prev;
        r.t_ms = BENCH_T0_MS + h->idx * BENCH_STEP_MS;
        enum hm_err err = hm_record_write(&r, &h->bytes, why);
        if (err != HM_OK)
            return err;
        end[i] = h->bytes.len;
        h->prev = hm_merkle_leaf(hm_bytes_of(h->bytes.data + from, end[i] - from));
        (void)hm_frontier_add(&h->tree, &h->prev, NULL);
        h->idx++;
    }
    for (size_t i = 0; i < count; i++) {
        size_t from = i == 0 ? 0 : end[i - 1];
        h->record[i] = hm_bytes_of(h->bytes.data + from, end[i] - from);
    }
    return HM_OK;
}
