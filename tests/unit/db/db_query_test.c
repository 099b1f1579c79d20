/* Reading the read model: every filter and their combinations against a plain search over the same
 * records, pages in both directions, releases against a replay, and the plans of all statements. */
#include "db_query_test_util.h"

#include <stdlib.h>

struct got {
    uint64_t idx[T_HISTORY];
    size_t count;
    const struct t_query *t;
    size_t stop_after;
};

static enum hm_err take(void *ctx, uint64_t idx, struct hm_bytes record, struct hm_why *why)
{
    struct got *g = ctx;
    (void)why;
    assert_true(idx < T_HISTORY && g->count < T_HISTORY);
    assert_true(hm_bytes_eq(record, g->t->record[idx]));
    g->idx[g->count++] = idx;
    return g->count == g->stop_after ? HM_E_STATE : HM_OK;
}

static bool text_is(const char *want, const char *have)
{
    return want == NULL ||
           (want[0] != '\0' && strcmp(want, have) == 0); /* nothing has an empty word */
}

static bool has_digest(const struct hm_record *r, const struct db_query_filter *f)
{
    bool artifact = f->artifact == NULL;
    bool key = f->key == NULL;
    for (size_t i = 0; i < r->artifact_count; i++)
        artifact = artifact || hm_digest_eq(&r->artifacts[i], f->artifact);
    for (size_t i = 0; i < r->key_count; i++)
        key = key || hm_digest_eq(&r->keys[i].spki, f->key);
    if (r->has_approver_key)
        key = key || hm_digest_eq(&r->approver_key, f->key);
    return artifact && key;
}

static bool matches(const struct hm_record *r, const struct db_query_filter *f)
{
    return text_is(f->event, hm_event_name(r->event)) && text_is(f->product, r->product) &&
           text_is(f->version, r->version) && text_is(f->channel, r->channel) &&
           text_is(f->environment, r->environment) && text_is(f->actor, r->actor) &&
           text_is(f->outcome, r->outcome) &&
           (!f->has_release || (r->has_release && r->release == f->release)) && has_digest(r, f) &&
           r->t_ms >= f->since_ms && (f->until_ms == 0 || r->t_ms < f->until_ms);
}

/* All pages of a filter, with the given page size. */
static void all_pages(const struct t_query *t, struct db_query_filter f, size_t limit,
                      struct got *g)
{
    *g = (struct got){.t = t};
    f.after = UINT64_MAX;
    f.limit = limit;
    for (;;) {
        size_t before = g->count;
        T_OK(db_query_entries(t->q, &f, take, g, why));
        assert_true(g->count - before <= limit);
        if (g->count - before < limit)
            return;
        f.after = g->idx[g->count - 1];
    }
}

static void check_filter(const struct t_query *t, struct db_query_filter f)
{
    uint64_t want[T_HISTORY];
    size_t n = 0;
    static const size_t limits[] = {1, 7, 1000};
    for (unsigned i = 0; i < T_HISTORY; i++)
        if (matches(&t->parsed[i], &f))
            want[n++] = i;
    for (int down = 0; down < 2; down++) {
        for (size_t l = 0; l < sizeof limits / sizeof limits[0]; l++) {
            struct got g;
            f.descending = down == 1;
            all_pages(t, f, limits[l], &g);
            assert_int_equal(g.count, n);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(g.idx[i], want[down ? n - 1 - i : i]);
        }
    }
}

struct filter_case {
    const char *name;
    struct db_query_filter f;
    const char *artifact, *key;
    bool some; /* something must be found */
};
static const struct filter_case cases[] = {
    {"nothing asked", {0}, NULL, NULL, true},
    {"event", {.event = "release.signed"}, NULL, NULL, true},
    {"product", {.product = "product-1"}, NULL, NULL, true},
    {"version", {.version = "1.0.3"}, NULL, NULL, true},
    {"channel", {.channel = "beta"}, NULL, NULL, true},
    {"environment", {.environment = "production"}, NULL, NULL, true},
    {"actor", {.actor = "actor-2"}, NULL, NULL, true},
    {"outcome", {.outcome = "quorum"}, NULL, NULL, true},
    {"release", {.has_release = true, .release = 40}, NULL, NULL, true},
    {"release 0", {.has_release = true, .release = 0}, NULL, NULL, true},
    {"artifact", {0}, "common", NULL, true},
    {"signing key", {0}, NULL, "hsm-2", true},
    {"approver's key", {0}, NULL, "actor-3", true},
    {"since", {.since_ms = 15000}, NULL, NULL, true},
    {"until", {.until_ms = 12000}, NULL, NULL, true},
    {"since and until", {.since_ms = 12050, .until_ms = 13100}, NULL, NULL, true},
    {"since the first", {.since_ms = 10000}, NULL, NULL, true},
    {"until the second", {.until_ms = 10100}, NULL, NULL, true},
    {"event and product", {.event = "release.signed", .product = "product-1"}, NULL, NULL, true},
    {"three words",
     {.event = "approval.recorded", .product = "product-2", .actor = "actor-1"},
     NULL,
     NULL,
     true},
    {"words and time",
     {.channel = "stable", .outcome = "ok", .since_ms = 13000, .until_ms = 18000},
     NULL,
     NULL,
     true},
    {"artifact and key", {0}, "common", "hsm-1", true},
    {"artifact and release", {.has_release = true, .release = 80}, "common", NULL, true},
    {"key and environment", {.environment = "production"}, NULL, "hsm-1", true},
    {"all of them",
     {.event = "release.signed",
      .product = "product-0",
      .version = "1.0.4",
      .channel = "stable",
      .environment = "production",
      .actor = "actor-1",
      .outcome = "ok",
      .has_release = true,
      .release = 96,
      .since_ms = 1,
      .until_ms = 99999},
     "common",
     "hsm-1",
     true},
    {"unknown word", {.product = "product-9"}, NULL, NULL, false},
    {"word of another kind", {.product = "actor-2"}, NULL, NULL, false},
    {"part of a word", {.product = "product"}, NULL, NULL, false},
    {"other case", {.product = "Product-1"}, NULL, NULL, false},
    {"empty word", {.product = ""}, NULL, NULL, false},
    {"pattern", {.product = "product-%"}, NULL, NULL, false},
    {"quotation mark", {.product = "x' OR '1'='1"}, NULL, NULL, false},
    {"unknown event", {.event = "release.invented"}, NULL, NULL, false},
    {"unknown release", {.has_release = true, .release = 41}, NULL, NULL, false},
    {"absurd release", {.has_release = true, .release = UINT64_MAX}, NULL, NULL, false},
    {"unknown artifact", {0}, "none", NULL, false},
    {"unknown key", {0}, NULL, "none", false},
    {"since the end", {.since_ms = 999999}, NULL, NULL, false},
    {"since beyond all", {.since_ms = UINT64_MAX}, NULL, NULL, false},
    {"until the beginning", {.until_ms = 10000}, NULL, NULL, false},
    {"until before since", {.since_ms = 13000, .until_ms = 12000}, NULL, NULL, false},
    {"two that never meet", {.event = "release.submitted", .outcome = "ok"}, NULL, NULL, false},
    {"one known, one not", {.event = "release.signed", .product = "none"}, NULL, NULL, false},
};
#define CASES (sizeof cases / sizeof cases[0])

static void test_case(void **state)
{
    const struct filter_case *c = *state;
    void *s = NULL;
    assert_int_equal(t_query_setup(&s), 0);
    struct t_query *t = s;
    struct db_query_filter f = c->f;
    struct hm_digest artifact = t_digest(c->artifact != NULL ? c->artifact : "");
    struct hm_digest key = t_digest(c->key != NULL ? c->key : "");
    f.artifact = c->artifact != NULL ? &artifact : NULL;
    f.key = c->key != NULL ? &key : NULL;
    check_filter(t, f);
    struct got g;
    f.descending = false;
    all_pages(t, f, 1000, &g);
    assert_int_equal(g.count > 0, c->some);
    (void)t_query_teardown(&s);
}

/* Every pair out of a set of filters, in both directions and several page sizes. */
static void test_pairs(void **state)
{
    struct t_query *t = *state;
    for (size_t a = 1; a < 9; a++) {
        for (size_t b = a + 1; b < 9; b++) {
            struct db_query_filter f = cases[a].f;
            const struct db_query_filter *g = &cases[b].f;
            f.event = f.event != NULL ? f.event : g->event;
            f.product = f.product != NULL ? f.product : g->product;
            f.version = f.version != NULL ? f.version : g->version;
            f.channel = f.channel != NULL ? f.channel : g->channel;
            f.environment = f.environment != NULL ? f.environment : g->environment;
            f.actor = f.actor != NULL ? f.actor : g->actor;
            f.outcome = f.outcome != NULL ? f.outcome : g->outcome;
            f.has_release = f.has_release || g->has_release;
            f.release = g->has_release ? g->release : f.release;
            check_filter(t, f);
        }
    }
}

static void test_bounds(void **state)
{
    struct t_query *t = *state;
    struct got g = {.t = t};
    struct db_query_filter f = {.after = UINT64_MAX};
    static const size_t bad[] = {0, 1001, SIZE_MAX};
    for (size_t i = 0; i < 3; i++) {
        f.limit = bad[i];
        T_FAILS(HM_E_LIMIT, db_query_entries(t->q, &f, take, &g, why));
    }
    f.limit = 10;
    f.after = T_HISTORY - 1;
    T_OK(db_query_entries(t->q, &f, take, &g, why));
    f.after = UINT64_MAX - 1;
    T_OK(db_query_entries(t->q, &f, take, &g, why));
    f.descending = true;
    f.after = 0;
    T_OK(db_query_entries(t->q, &f, take, &g, why));
    assert_int_equal(g.count, 0);
    f.after = UINT64_MAX - 1;
    g.stop_after = 3;
    assert_int_equal(db_query_entries(t->q, &f, take, &g, NULL),
                     HM_E_STATE); /* the function's own error */
    assert_int_equal(g.count, 3);
    g.stop_after = 0;
    T_OK(db_query_entries(t->q, &f, take, &g, why)); /* and the reader still works */
}

static void test_record(void **state)
{
    struct t_query *t = *state;
    HM_BUF_AUTO out = {0};
    uint64_t size = 0;
    T_OK(db_query_size(t->q, &size, why));
    assert_int_equal(size, T_HISTORY);
    T_OK(db_query_record(t->q, 123, &out, why));
    assert_true(hm_bytes_eq(hm_buf_bytes(&out), t->record[123]));
    T_FAILS(HM_E_NOT_FOUND, db_query_record(t->q, T_HISTORY, &out, why));
    T_FAILS(HM_E_NOT_FOUND, db_query_record(t->q, UINT64_MAX, &out, why));
    struct hm_buf small = {.limit = 10};
    T_FAILS(HM_E_LIMIT, db_query_record(t->q, 1, &small, why));
    hm_buf_free(&small);
}

/* What the release rows must say, by replaying the records. */
static struct db_query_release replay(const struct t_query *t, uint64_t id)
{
    const struct hm_record *s = &t->parsed[id];
    struct db_query_release r = {.id = id,
                                 .sequence = s->sequence,
                                 .expires_s = s->expires_s,
                                 .submitted_ms = s->t_ms,
                                 .manifest = s->manifest};
    for (uint64_t i = id; i < T_HISTORY; i++) {
        const struct hm_record *x = &t->parsed[i];
        if (!x->has_release || x->release != id)
            continue;
        r.last_idx = i;
        r.approvals += x->event == HM_EV_APPROVAL_RECORDED;
        if (x->event == HM_EV_RELEASE_SIGNED)
            r.signed_idx = i;
        if (x->state == HM_RELEASE_NONE)
            continue;
        r.state = x->state;
        r.version_tag++;
        r.changed_ms = x->t_ms;
    }
    return r;
}

static void check_release(const struct t_query *t, const struct db_query_release *r)
{
    struct db_query_release want = replay(t, r->id);
    const struct hm_record *s = &t->parsed[r->id];
    assert_int_equal(r->state, want.state);
    assert_int_equal(r->version_tag, want.version_tag);
    assert_int_equal(r->sequence, want.sequence);
    assert_int_equal(r->expires_s, want.expires_s);
    assert_int_equal(r->submitted_ms, want.submitted_ms);
    assert_int_equal(r->changed_ms, want.changed_ms);
    assert_int_equal(r->approvals, want.approvals);
    assert_int_equal(r->signed_idx, want.signed_idx);
    assert_int_equal(r->last_idx, want.last_idx);
    assert_memory_equal(&r->manifest, &want.manifest, sizeof want.manifest);
    assert_string_equal(r->product, s->product);
    assert_string_equal(r->version, s->version);
    assert_string_equal(r->channel, s->channel);
    assert_string_equal(r->environment, s->environment);
    assert_string_equal(r->submitter, s->actor);
}

static void test_release_get(void **state)
{
    struct t_query *t = *state;
    struct db_query_release r = {.id = 9999};
    T_FAILS(HM_E_NOT_FOUND, db_query_release_get(t->q, 1, &r, why));
    T_FAILS(HM_E_NOT_FOUND, db_query_release_get(t->q, UINT64_MAX, &r, why));
    assert_int_equal(r.id, 9999);
    for (uint64_t id = 0; id < T_HISTORY; id += 8) {
        T_OK(db_query_release_get(t->q, id, &r, why));
        assert_int_equal(r.id, id);
        check_release(t, &r);
    }
}

struct got_releases {
    const struct t_query *t;
    uint64_t id[T_HISTORY];
    size_t count;
};

static enum hm_err take_release(void *ctx, const struct db_query_release *r, struct hm_why *why)
{
    struct got_releases *g = ctx;
    (void)why;
    check_release(g->t, r);
    g->id[g->count++] = r->id;
    return HM_OK;
}

static bool release_matches(const struct t_query *t, uint64_t id,
                            const struct db_query_release_filter *f)
{
    const struct hm_record *s = &t->parsed[id];
    return text_is(f->product, s->product) && text_is(f->version, s->version) &&
           text_is(f->channel, s->channel) && text_is(f->environment, s->environment) &&
           text_is(f->submitter, s->actor) &&
           text_is(f->state, hm_release_state_name(replay(t, id).state));
}

static void test_releases(void **state)
{
    struct t_query *t = *state;
    static const struct db_query_release_filter filters[] = {
        {0},
        {.product = "product-1"},
        {.version = "1.0.5"},
        {.channel = "stable"},
        {.environment = "rehearsal"},
        {.submitter = "actor-1"},
        {.state = "signed"},
        {.state = "cancelled"},
        {.state = "submitted"}, /* none is left */
        {.product = "product-1", .state = "cancelled"},
        {.product = "product-2", .channel = "beta", .submitter = "actor-1", .state = "signed"},
        {.product = "none"},
        {.submitter = "product-1"},
    };
    static const size_t limits[] = {1, 7, 1000};
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        for (size_t l = 0; l < 3; l++) {
            struct got_releases g = {.t = t};
            struct db_query_release_filter f = filters[i];
            f.after = UINT64_MAX;
            f.limit = limits[l];
            for (size_t before = 1; before != g.count;) {
                before = g.count;
                T_OK(db_query_releases(t->q, &f, take_release, &g, why));
                f.after = g.count > 0 ? g.id[g.count - 1] : 0;
            }
            size_t n = 0;
            for (uint64_t id = T_HISTORY - 8; id < T_HISTORY; id -= 8)
                if (release_matches(t, id, &f))
                    assert_int_equal(g.id[n++], id);
            assert_int_equal(n, g.count);
        }
    }
}

static void test_releases_refuse(void **state)
{
    struct t_query *t = *state;
    struct got_releases g = {.t = t};
    static const struct db_query_release_filter bad[] = {{.limit = 0, .after = UINT64_MAX},
                                                         {.limit = 1001, .after = UINT64_MAX}};
    for (size_t i = 0; i < 2; i++)
        T_FAILS(HM_E_LIMIT, db_query_releases(t->q, &bad[i], take_release, &g, why));
    static const char *const states[] = {"none", "", "Signed", "signed "};
    for (size_t i = 0; i < 4; i++) {
        struct db_query_release_filter f = {.state = states[i], .limit = 5, .after = UINT64_MAX};
        T_FAILS(HM_E_MALFORMED, db_query_releases(t->q, &f, take_release, &g, why));
    }
    struct db_query_release_filter f = {.limit = 5, .after = 0};
    T_OK(db_query_releases(t->q, &f, take_release, &g, why));
    assert_int_equal(g.count, 0);
}

static void test_release_records(void **state)
{
    struct t_query *t = *state;
    uint64_t idx[16];
    size_t n = 99;
    T_OK(db_query_release_records(t->q, 40, idx, 16, &n, why));
    assert_int_equal(n, 7);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(idx[i], 40 + i);
    T_OK(db_query_release_records(t->q, 40, idx, 3, &n, why));
    assert_int_equal(n, 3);
    T_OK(db_query_release_records(t->q, 41, idx, 16, &n, why));
    assert_int_equal(n, 0);
    T_OK(db_query_release_records(t->q, UINT64_MAX, idx, 16, &n, why));
    assert_int_equal(n, 0);
}

static void test_open_refuses(void **state)
{
    struct t_query *t = *state;
    struct db_query *q = NULL;
    T_FAILS(HM_E_NOT_FOUND, db_query_open("/nonexistent/query.db", &q, why));
    assert_int_equal(t_raw(t->d.path, "PRAGMA user_version=7"), SQLITE_OK);
    T_FAILS(HM_E_UNSUPPORTED, db_query_open(t->d.path, &q, why));
    assert_null(q);
    db_query_close(NULL);
}

/* Every statement that a query may use is a look-up in an index: filters are combined by walking,
 * so these plans are the plans of every combination. */
static void test_plans(void **state)
{
    struct t_query *t = *state;
    static const struct {
        unsigned stmt;
        const char *plan;
    } want[] = {
        {R_SIZE, "SEARCH head USING INTEGER PRIMARY KEY (rowid=?)"},
        {R_WORD, "SEARCH word USING COVERING INDEX sqlite_autoindex_word_1 (text=?)"},
        {R_RECORD, "SEARCH record USING INTEGER PRIMARY KEY (rowid=?)"},
        {R_NODES, "SEARCH record USING INTEGER PRIMARY KEY (rowid=?)"},
        {R_CHECKPOINT, "SEARCH checkpoint USING INTEGER PRIMARY KEY (rowid>?)"},
        {R_TIME, "SEARCH record USING COVERING INDEX record_time (t_ms>?)"},
        {R_SPAN_UP, "SEARCH span USING PRIMARY KEY (key=? AND spans>?)"},
        {R_SPAN_DOWN, "SEARCH span USING PRIMARY KEY (key=? AND spans<?)"},
        {R_POST_UP, "SEARCH post USING PRIMARY KEY (span=? AND key=? AND block>?)"},
        {R_POST_DOWN, "SEARCH post USING PRIMARY KEY (span=? AND key=? AND block<?)"},
        {R_ARTIFACT_UP, "SEARCH artifact USING PRIMARY KEY (age=? AND prefix=? AND idx>?)"},
        {R_ARTIFACT_DOWN, "SEARCH artifact USING PRIMARY KEY (age=? AND prefix=? AND idx<?)"},
        {R_ALL_UP, "SEARCH record USING INTEGER PRIMARY KEY (rowid>?)"},
        {R_ALL_DOWN, "SEARCH record USING INTEGER PRIMARY KEY (rowid<?)"},
        {R_RALL_DOWN, "SEARCH release USING INTEGER PRIMARY KEY (rowid<?)"},
        {R_RELEASE, "SEARCH release USING INTEGER PRIMARY KEY (rowid=?)"},
    };
    assert_int_equal(sizeof want / sizeof want[0], R_COUNT - R_SIZE);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        char sql[600];
        sqlite3_stmt *st = NULL;
        (void)snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", db_query_read_text[want[i].stmt]);
        assert_int_equal(sqlite3_prepare_v2(t->q->sql.db, sql, -1, &st, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(st), SQLITE_ROW);
        assert_string_equal((const char *)sqlite3_column_text(st, 3), want[i].plan);
        assert_int_equal(sqlite3_step(st), SQLITE_DONE);
        (void)sqlite3_finalize(st);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, t_query_setup, t_query_teardown)
int main(void)
{
    static struct CMUnitTest tests[CASES + 16] = {
        T(test_pairs),           T(test_bounds),       T(test_record),
        T(test_release_get),     T(test_releases),     T(test_releases_refuse),
        T(test_release_records), T(test_open_refuses), T(test_plans),
    };
    size_t n = 9;
    for (size_t i = 0; i < CASES; i++)
        tests[n++] =
            (struct CMUnitTest){cases[i].name, test_case, NULL, NULL, (void *)(uintptr_t)&cases[i]};
    return _cmocka_run_group_tests("db_query", tests, n, NULL, NULL);
}
