#include "tests/unit/client/verify_log.h"

#include "db/log/db_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void must(enum hm_err err, const struct hm_why *why)
{
    if (err == HM_OK)
        return;
    (void)fprintf(stderr, "verify_log: %s: %s\n", hm_err_name(err), why->text);
    abort();
}

static struct hm_digest digest(const char *text)
{
    return hm_sha256(hm_bytes_str(text));
}

/* What a record of each event has beside the subject. */
struct plan {
    enum hm_event event;
    uint64_t release; /* NO_RELEASE: about none */
    enum hm_release_state state;
    unsigned evidence;
    uint64_t sequence, intent, retry_of;
    const char *outcome;
    bool detail;
    unsigned keys;
    bool checkpoint; /* one over everything up to here stands before the next record */
};
#define NO_RELEASE UINT64_MAX
#define NONE UINT64_MAX
#define OF_NONE(event, evidence, outcome)                                                          \
    {                                                                                              \
        event, NO_RELEASE, HM_RELEASE_NONE, evidence, 0, NONE, NONE, outcome, false, 0, false      \
    }
#define OF(release, event, state, evidence)                                                        \
    {                                                                                              \
        event, release, state, evidence, 0, NONE, NONE, "", false, 0, false                        \
    }

static const struct plan plans[] = {
    OF_NONE(HM_EV_LOG_CREATED, 3, ""),
    OF_NONE(HM_EV_POLICY_ACTIVATED, 1, ""),
    OF_NONE(HM_EV_TRUST_STORE_PUBLISHED, 1, ""),
    {HM_EV_REGISTRAR_STARTED, NO_RELEASE, 0, 0, 0, NONE, NONE, "", false, 0, true},
    {HM_EV_RELEASE_SUBMITTED, 4, HM_RELEASE_SUBMITTED, 3, 1, NONE, NONE, "", true, 1, false},
    OF(4, HM_EV_APPROVAL_RECORDED, HM_RELEASE_SUBMITTED, 1),
    {HM_EV_APPROVAL_REFUSED, 4, 0, 1, 0, NONE, NONE, "approvals.self", true, 0, false},
    OF(4, HM_EV_APPROVAL_RECORDED, HM_RELEASE_APPROVED, 1),
    {HM_EV_SIGN_REFUSED, 4, 0, 1, 0, NONE, NONE, "freeze", true, 0, false},
    {HM_EV_SIGN_INTENDED, 4, HM_RELEASE_SIGNING, 0, 1, NONE, NONE, "", false, 1, false},
    {HM_EV_SIGN_UNKNOWN, 4, HM_RELEASE_APPROVED, 0, 0, 9, NONE, "unknown", false, 0, true},
    {HM_EV_SIGN_INTENDED, 4, HM_RELEASE_SIGNING, 0, 1, NONE, 10, "", false, 1, true},
    {HM_EV_RELEASE_SIGNED, 4, HM_RELEASE_SIGNED, 1, 1, 11, NONE, "ok", false, 1, false},
    {HM_EV_RELEASE_SUBMITTED, 13, HM_RELEASE_SUBMITTED, 2, 2, NONE, NONE, "", true, 1, false},
    {HM_EV_REQUEST_REFUSED, 13, 0, 1, 0, NONE, NONE, "signature", false, 0, false},
    OF(13, HM_EV_RELEASE_REJECTED, HM_RELEASE_REJECTED, 1),
    {HM_EV_RELEASE_SUBMITTED, 16, HM_RELEASE_SUBMITTED, 2, 3, NONE, NONE, "", false, 1, false},
    OF(16, HM_EV_RELEASE_CANCELLED, HM_RELEASE_CANCELLED, 1),
    {HM_EV_RELEASE_SUBMITTED, 18, HM_RELEASE_SUBMITTED, 2, 4, NONE, NONE, "", false, 1, false},
    OF(18, HM_EV_RELEASE_EXPIRED, HM_RELEASE_EXPIRED, 0),
    {HM_EV_RELEASE_SUBMITTED, 20, HM_RELEASE_APPROVED, 2, 5, NONE, NONE, "break-glass", false, 1,
     false},
    OF(20, HM_EV_RELEASE_SUPERSEDED, HM_RELEASE_SUPERSEDED, 0),
    {HM_EV_RELEASE_REFUSED, NO_RELEASE, HM_RELEASE_REFUSED, 2, 0, NONE, NONE, "build.level", true,
     0, false},
    OF_NONE(HM_EV_REFUSALS_SUMMARISED, 0, ""),
    OF_NONE(HM_EV_POLICY_PROPOSED, 2, ""),
    OF_NONE(HM_EV_POLICY_APPROVED, 1, ""),
    OF_NONE(HM_EV_POLICY_REFUSED, 1, "policy.lint"),
    OF_NONE(HM_EV_POLICY_ACTIVATED, 3, ""),
    OF_NONE(HM_EV_ROSTER_CHANGED, 2, ""),
    OF_NONE(HM_EV_ROSTER_REFUSED, 1, "roster.serial"),
    OF_NONE(HM_EV_GUARDS_CHANGED, 1, ""),
    OF_NONE(HM_EV_GUARDS_REFUSED, 1, "guards.serial"),
    {HM_EV_RELEASE_SUBMITTED, 32, HM_RELEASE_APPROVED, 2, 6, NONE, NONE, "", false, 3, false},
    {HM_EV_SIGN_INTENDED, 32, HM_RELEASE_SIGNING, 0, 6, NONE, NONE, "", false, 3, true},
    {HM_EV_SIGN_FAILED, 32, HM_RELEASE_APPROVED, 0, 0, 33, NONE, "unavailable", false, 3, false},
    {HM_EV_SIGN_INTENDED, 32, HM_RELEASE_SIGNING, 0, 6, NONE, NONE, "", false, 3, true},
    {HM_EV_RELEASE_SIGNED, 32, HM_RELEASE_SIGNED, 1, 6, 35, NONE, "ok", false, 2, false},
    {HM_EV_REGISTRAR_STARTED, NO_RELEASE, 0, 0, 0, NONE, NONE, "", false, 0, false},
    {HM_EV_RELEASE_SUBMITTED, 38, HM_RELEASE_SUBMITTED, 2, 7, NONE, NONE, "", true, 1, false},
    {HM_EV_APPROVAL_RECORDED, 38, HM_RELEASE_SUBMITTED, 1, 0, NONE, NONE, "", false, 0, true},
};
#define PLANS (sizeof plans / sizeof plans[0])

static void name_release(const struct plan *p, struct hm_record *r)
{
    char text[40];
    r->has_release = true;
    r->release = p->release;
    (void)snprintf(r->product, sizeof r->product, "edge-router");
    (void)snprintf(r->version, sizeof r->version, "1.%u.0", (unsigned)p->release);
    (void)snprintf(r->channel, sizeof r->channel, "stable");
    (void)snprintf(r->environment, sizeof r->environment, "production");
    (void)snprintf(text, sizeof text, "manifest %u", (unsigned)p->release);
    r->has_manifest = p->keys > 0 || p->event == HM_EV_APPROVAL_RECORDED;
    if (r->has_manifest)
        r->manifest = digest(text);
    r->key_count = p->keys;
    for (unsigned i = 0; i < p->keys; i++) {
        (void)snprintf(text, sizeof text, "key %u of %u", i, (unsigned)p->release);
        r->keys[i] = (struct hm_record_key){
            .spki = digest(text), .mechanism = "ESP256", .tbs = r->manifest, .token = "a1b2c3d4"};
    }
    r->artifact_count = p->event == HM_EV_RELEASE_SUBMITTED ? 1 : 0;
    r->artifacts[0] = digest("artifact");
}

static struct hm_record describe(const struct plan *p, size_t idx)
{
    struct hm_record r = {.event = p->event,
                          .state = p->state,
                          .sequence = p->sequence,
                          .has_policy = true,
                          .policy = digest("policy"),
                          .has_intent = p->intent != NONE,
                          .has_retry_of = p->retry_of != NONE,
                          .has_random = p->event == HM_EV_REGISTRAR_STARTED,
                          .has_approver_key = p->event == HM_EV_APPROVAL_RECORDED,
                          .has_guard = p->event == HM_EV_ROSTER_CHANGED,
                          .count = p->event == HM_EV_REFUSALS_SUMMARISED ? 41 : 0};
    if (p->release != NO_RELEASE)
        name_release(p, &r);
    r.intent = r.has_intent ? p->intent : 0;
    r.retry_of = r.has_retry_of ? p->retry_of : 0;
    r.random = r.has_random ? digest("random") : r.random;
    r.approver_key = r.has_approver_key ? digest("approver") : r.approver_key;
    r.guard = r.has_guard ? digest("guard") : r.guard;
    (void)snprintf(r.actor, sizeof r.actor, "person-%zu", idx % 3);
    (void)snprintf(r.outcome, sizeof r.outcome, "%s", p->outcome);
    return r;
}

static void append(struct db_log *log, size_t idx)
{
    struct hm_why why = {""};
    const struct plan *p = &plans[idx];
    struct hm_record r = describe(p, idx);
    char blob[HM_RECORD_EVIDENCE_MAX][64];
    struct hm_bytes evidence[HM_RECORD_EVIDENCE_MAX];
    for (unsigned n = 0; n < p->evidence; n++) {
        (void)snprintf(blob[n], sizeof blob[n], "evidence %u of record %zu", n, idx);
        evidence[n] = hm_bytes_str(blob[n]);
        r.evidence[n] = hm_sha256(evidence[n]);
    }
    r.evidence_count = p->evidence;
    must(db_log_append(log, 1795000000000 + 1000 * idx, &r, evidence,
                       hm_bytes_str(p->detail ? "{\"detail\":\"somebody's name\"}" : ""), &why),
         &why);
}

/* The log's key signs; the first of two cosigned ones has one witness, the last one all. */
static void cosign(struct verify_log *l, struct db_log *log, const struct hm_checkpoint *c,
                   struct hm_buf *note, unsigned witnesses)
{
    struct hm_why why = {""};
    HM_BUF_AUTO body = {.limit = HM_CHECKPOINT_MAX};
    hm_checkpoint_body(c, &body);
    for (unsigned i = 0; i < witnesses; i++) {
        HM_BUF_AUTO message = {.limit = HM_CHECKPOINT_MAX};
        uint8_t sig[64];
        uint64_t time_s = 1795000100 + i;
        hm_cosignature_message(time_s, hm_buf_bytes(&body), &message);
        log_test_sign(&l->witness_key[i], hm_buf_bytes(&message), sig);
        hm_cosignature_line(&l->witnesses.of[i], time_s, sig, note);
    }
    must(db_log_begin(log, &why), &why);
    must(db_log_put_cosigned(log, c->size, hm_buf_bytes(note), &why), &why);
    must(db_log_commit(log, &why), &why);
}

static void cover(struct verify_log *l, struct db_log *log, bool last)
{
    struct hm_why why = {""};
    struct hm_checkpoint c = {
        .origin = VERIFY_ORIGIN, .size = db_log_size(log), .root = db_log_root(log)};
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX};
    log_test_note(&l->key, &c, &note);
    must(db_log_put_checkpoint(log, c.size, hm_buf_bytes(&note), &why), &why);
    if (last || c.size == VERIFY_COSIGNED)
        cosign(l, log, &c, &note, last ? VERIFY_WITNESSES : 1);
}

static void write_log(struct verify_log *l)
{
    struct hm_why why = {""};
    struct db_log *log = NULL;
    must(db_log_create(l->path, VERIFY_ORIGIN, &why), &why);
    must(db_log_open(l->path, VERIFY_ORIGIN, &log, &why), &why);
    for (size_t i = 0; i < PLANS; i++) {
        must(db_log_begin(log, &why), &why);
        append(log, i);
        must(db_log_commit(log, &why), &why);
        if (plans[i].checkpoint)
            cover(l, log, i + 1 == PLANS);
    }
    db_log_close(log);
}

static void make_keys(struct verify_log *l)
{
    struct hm_why why = {""};
    log_test_key_make(VERIFY_ORIGIN, 1, &l->key);
    for (uint8_t i = 0; i < VERIFY_WITNESSES; i++) {
        struct hm_cosigner w;
        char name[32];
        (void)snprintf(name, sizeof name, "witness.example/w%u", i);
        log_test_key_make(name, (uint8_t)(100 + i), &l->witness_key[i]);
        must(hm_cosigner_make(name, &l->witness_key[i].vkey.key, &w), &why);
        must(hm_cosigners_add(&l->witnesses, &w, &why), &why);
    }
}

static void keep(struct hm_buf *to, struct hm_bytes bytes)
{
    to->limit = HM_RECORD_MAX;
    hm_buf_put(to, bytes.data, bytes.len);
}

static void read_table(struct db_scan *s, enum db_scan_table t, struct verify_table *out)
{
    struct hm_why why = {""};
    struct db_scan_row row;
    bool found = true;
    for (;;) {
        must(db_scan_next(s, t, &row, &found, &why), &why);
        if (!found)
            return;
        out->row = reallocarray(out->row, out->count + 1, sizeof *out->row);
        if (out->row == NULL)
            abort();
        out->row[out->count] = (struct verify_row){.key = row.key};
        keep(&out->row[out->count].before, row.before);
        keep(&out->row[out->count].bytes, row.bytes);
        out->count++;
    }
}

void verify_log_make(struct verify_log *l)
{
    struct hm_why why = {""};
    struct db_scan *scan = NULL;
    const char *tmp = getenv("TMPDIR");
    *l = (struct verify_log){.dir = ""};
    (void)snprintf(l->dir, sizeof l->dir, "%.40s/hm-verify-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(l->dir) == NULL)
        abort();
    (void)snprintf(l->path, sizeof l->path, "%s/log.db", l->dir);
    make_keys(l);
    write_log(l);
    must(db_scan_open(l->path, &scan, &why), &why);
    for (unsigned t = 0; t < DB_SCAN_TABLES; t++)
        read_table(scan, (enum db_scan_table)t, &l->table[t]);
    must(db_scan_head(scan, &l->head, &why), &why);
    db_scan_close(scan);
}

void verify_log_free(struct verify_log *l)
{
    static const char *const files[] = {"", "-reserve", "-wal", "-shm"};
    char name[128];
    for (unsigned t = 0; t < DB_SCAN_TABLES; t++) {
        for (size_t i = 0; i < l->table[t].count; i++) {
            hm_buf_free(&l->table[t].row[i].before);
            hm_buf_free(&l->table[t].row[i].bytes);
        }
        free(l->table[t].row);
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)snprintf(name, sizeof name, "%s%s", l->path, files[i]);
        (void)unlink(name);
    }
    (void)rmdir(l->dir);
}

/* ---- as rows ---- */

static enum hm_err next(void *ctx, enum db_scan_table t, struct db_scan_row *row, bool *found,
                        struct hm_why *why)
{
    struct verify_log *l = ctx;
    (void)why;
    *found = l->at[t] < l->table[t].count;
    if (!*found)
        return HM_OK;
    const struct verify_row *r = &l->table[t].row[l->at[t]++];
    *row = (struct db_scan_row){r->key, hm_buf_bytes(&r->before), hm_buf_bytes(&r->bytes)};
    return HM_OK;
}

static void again(void *ctx, enum db_scan_table t)
{
    ((struct verify_log *)ctx)->at[t] = 0;
}

static enum hm_err head(void *ctx, struct db_scan_head *out, struct hm_why *why)
{
    (void)why;
    *out = ((struct verify_log *)ctx)->head;
    return HM_OK;
}

static enum hm_err blob(void *ctx, int64_t ref, struct hm_buf *out, struct hm_why *why)
{
    const struct verify_table *t = &((struct verify_log *)ctx)->table[DB_SCAN_EVIDENCE];
    for (size_t i = 0; i < t->count; i++)
        if (t->row[i].key == ref) {
            hm_buf_put(out, t->row[i].bytes.data, t->row[i].bytes.len);
            return hm_buf_err(out);
        }
    return hm_fail(why, HM_E_NOT_FOUND, "no such evidence");
}

struct cli_rows verify_log_rows(struct verify_log *l)
{
    memset(l->at, 0, sizeof l->at);
    return (struct cli_rows){l, next, again, head, l->table[DB_SCAN_RECORD].count, blob};
}

/* ---- as an export ---- */

void verify_log_export(const struct verify_log *l, struct hm_buf *out)
{
    const struct verify_table *t = &l->table[DB_SCAN_RECORD];
    for (size_t i = 0; i < t->count; i++) {
        hm_buf_put(out, t->row[i].bytes.data, t->row[i].bytes.len);
        hm_buf_putc(out, '\n');
    }
}

struct hm_bytes verify_log_note(const struct verify_log *l)
{
    const struct verify_table *t = &l->table[DB_SCAN_COSIGNED];
    return hm_buf_bytes(&t->row[t->count - 1].bytes);
}
