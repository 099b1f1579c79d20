/* What belongs to one release: statement, manifest, and the bundle that devices and auditors take
 * along. Every piece of evidence is checked against the verified records. */
#include "server/door/door_conn.h"
#include "server/door/door_evidence.h"
#include "server/door/door_handlers.h"
#include "server/door/door_proof.h"
#include "server/door/door_registrar.h"

#include "schema/attest/hm_approval.h"
#include "schema/attest/hm_signed.h"
#include "schema/core/hm_text.h"
#include "schema/json/hm_json_canon.h"
#include "schema/log/hm_tlog_proof.h"

#include <inttypes.h>
#include <stdlib.h>

/* The records of a release that its bundle is made of. */
struct dossier {
    struct hm_record submitted;
    struct hm_record released; /* release.signed */
    struct hm_record approvals[HM_APPROVALS_MAX];
    size_t approval_count;
    bool is_signed;
};

static void keep_record(struct dossier *d, const struct hm_record *rec)
{
    if (rec->event == HM_EV_RELEASE_SUBMITTED) {
        d->submitted = *rec;
    } else if (rec->event == HM_EV_APPROVAL_RECORDED && d->approval_count < HM_APPROVALS_MAX) {
        d->approvals[d->approval_count++] = *rec;
    } else if (rec->event == HM_EV_RELEASE_SIGNED) {
        d->released = *rec;
        d->is_signed = true;
    }
}

static enum hm_err on_record(void *ctx, uint64_t idx, struct hm_bytes bytes, struct hm_why *why)
{
    struct hm_record rec;
    (void)idx;
    enum hm_err err = hm_record_parse(bytes, &rec, why);
    if (err == HM_OK)
        keep_record(ctx, &rec);
    return err;
}

/* By their events: refusals about a release may be many, and whoever makes them keeps nobody from
 * its bundle. */
static enum hm_err find_records(struct db_query *q, uint64_t id, struct dossier *d,
                                struct hm_why *why)
{
    static const enum hm_event events[] = {HM_EV_RELEASE_SUBMITTED, HM_EV_APPROVAL_RECORDED,
                                           HM_EV_RELEASE_SIGNED};
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < sizeof events / sizeof events[0]; i++) {
        const struct db_query_filter f = {.event = hm_event_name(events[i]),
                                          .has_release = true,
                                          .release = id,
                                          .after = UINT64_MAX,
                                          .limit = HM_APPROVALS_MAX};
        err = db_query_entries(q, &f, on_record, d, why);
    }
    return err;
}

static bool read_dossier(struct door_req *r, uint64_t id, struct dossier *d)
{
    struct db_query *q = NULL;
    if (!door_read_begin(r, &q))
        return false;
    enum hm_err err = find_records(q, id, d, &r->why);
    door_read_end(r, q);
    if (err != HM_OK)
        door_problem_of(r, err, &r->why);
    else if (d->submitted.event != HM_EV_RELEASE_SUBMITTED)
        door_problem(r, DOOR_NOT_FOUND, "no release r%" PRIu64 " among %" PRIu64 " records", id,
                     r->answer.log_size);
    return r->answer.status == 0;
}

static void free_dossier(struct dossier **d)
{
    free(*d);
}
#define DOSSIER_AUTO __attribute__((cleanup(free_dossier))) struct dossier

static struct dossier *open_dossier(struct door_req *r, uint64_t *id)
{
    if (!door_release_id(r, id))
        return NULL;
    struct dossier *d = calloc(1, sizeof *d);
    if (d == NULL)
        door_problem(r, DOOR_UNAVAILABLE, "no memory");
    else if (!read_dossier(r, *id, d)) {
        free(d);
        d = NULL;
    }
    return d;
}

static bool fetch_statement(struct door_req *r, uint64_t id, struct hm_bytes *out)
{
    hm_buf_reset(&r->conn->frame);
    ipc_put_u64(&r->conn->frame, id);
    return door_fetch(r, REG_STATEMENT, HM_STATEMENT_MAX, out);
}

void door_get_statement(struct door_req *r)
{
    uint64_t id = 0;
    struct hm_bytes out;
    if (door_release_id(r, &id) && fetch_statement(r, id, &out))
        door_ok(r, "text/plain; charset=utf-8", out);
}

void door_get_manifest(struct door_req *r)
{
    uint64_t id = 0;
    struct hm_bytes out;
    DOSSIER_AUTO *d = open_dossier(r, &id);
    if (d != NULL && door_evidence_fetch(r, &d->submitted, 1, &out))
        door_ok(r, "application/suit-manifest+cbor", out);
}

/* --- bundle --- */

static void put_text(struct hm_buf *b, const char *name, struct hm_bytes text)
{
    hm_buf_printf(b, ",\"%s\":", name);
    hm_json_canon_str(b, text);
}

static void put_base64(struct hm_buf *b, const char *name, struct hm_bytes data)
{
    hm_buf_printf(b, ",\"%s\":\"", name);
    hm_base64(b, data);
    hm_buf_putc(b, '"');
}

static bool put_evidence(struct door_req *r, const struct hm_record *rec, size_t n,
                         const char *name, bool base64)
{
    struct hm_bytes data;
    if (!door_evidence_fetch(r, rec, n, &data))
        return false;
    if (base64)
        put_base64(&r->conn->out, name, data);
    else
        put_text(&r->conn->out, name, data);
    return true;
}

/* Evidence first.. of one record, or evidence 0 of several, as an array of texts. */
static bool put_list(struct door_req *r, const char *name, const struct hm_record *recs,
                     size_t rec_count, size_t first)
{
    struct hm_buf *b = &r->conn->out;
    bool many = rec_count != 1 || first == 0;
    size_t count = many ? rec_count : recs[0].evidence_count;
    bool comma = false;
    hm_buf_printf(b, ",\"%s\":[", name);
    for (size_t i = first; i < count; i++) {
        struct hm_bytes data;
        if (!door_evidence_fetch(r, many ? &recs[i] : recs, many ? 0 : i, &data))
            return false;
        if (comma)
            hm_buf_putc(b, ',');
        hm_json_canon_str(b, data);
        comma = true;
    }
    hm_buf_putc(b, ']');
    return true;
}

static bool put_artifacts(struct door_req *r, struct hm_bytes statement)
{
    struct hm_buf *b = &r->conn->out;
    HM_FREE struct hm_approval *a = calloc(1, sizeof *a);
    if (a == NULL) {
        door_problem(r, DOOR_UNAVAILABLE, "no memory");
        return false;
    }
    enum hm_err err = hm_approval_parse(statement, a, &r->why);
    if (err != HM_OK) {
        door_problem_of(r, HM_E_INTERNAL, &r->why);
        return false;
    }
    hm_buf_puts(b, ",\"artifacts\":[");
    for (size_t i = 0; i < a->artifact_count; i++) {
        char hex[HM_SHA256_HEX];
        hm_digest_hex(&a->artifacts[i].digest, hex);
        hm_buf_puts(b, i > 0 ? ",{\"name\":" : "{\"name\":");
        hm_json_canon_str(b, hm_bytes_str(a->artifacts[i].name));
        hm_buf_printf(b, ",\"sha256\":\"%s\",\"size\":%" PRIu64 "}", hex, a->artifacts[i].size);
    }
    hm_buf_putc(b, ']');
    return true;
}

static bool put_statement(struct door_req *r, uint64_t id)
{
    struct hm_bytes statement;
    if (!fetch_statement(r, id, &statement))
        return false;
    put_text(&r->conn->out, "statement", statement);
    return put_artifacts(r, statement);
}

static bool put_proof(struct door_req *r, uint64_t idx)
{
    HM_BUF_AUTO proof = {.limit = HM_TLOG_PROOF_MAX};
    if (!door_release_proof(r, idx, &proof))
        return false;
    put_text(&r->conn->out, "release.tlog-proof", hm_buf_bytes(&proof));
    return true;
}

static bool put_trust_store(struct door_req *r, const char *environment)
{
    struct hm_bytes store;
    hm_buf_reset(&r->conn->frame);
    ipc_put_str(&r->conn->frame, environment);
    if (!door_fetch(r, REG_TRUST_STORE, HM_TRUST_STORE_MAX, &store))
        return false;
    put_base64(&r->conn->out, "trust_store", store);
    return true;
}

/* A request with a token leaves the key that signed it behind the attestations. */
static bool put_request(struct door_req *r, struct hm_record *submitted)
{
    struct hm_signed s;
    struct hm_bytes request;
    if (!door_evidence_fetch(r, submitted, 0, &request))
        return false;
    bool token = false;
    if (hm_signed_parse(request, 2 * HM_REQUEST_MAX, &s, NULL) == HM_OK) {
        token = hm_signed_token(&s) != NULL;
        hm_signed_free(&s);
    }
    put_text(&r->conn->out, "request", request);
    if (!token || submitted->evidence_count <= 2)
        return true;
    submitted->evidence_count--; /* what is left are the attestations */
    struct hm_record whole = *submitted;
    whole.evidence_count++;
    return put_evidence(r, &whole, submitted->evidence_count, "request_key", false);
}

void door_get_bundle(struct door_req *r)
{
    uint64_t id = 0;
    DOSSIER_AUTO *d = open_dossier(r, &id);
    if (d == NULL)
        return;
    if (!d->is_signed) {
        door_problem(r, DOOR_STATE, "release r%" PRIu64 " has not been signed", id);
        return;
    }
    if (!door_req_body_place(r)) /* with its attestations a bundle may be large */
        return;
    hm_buf_printf(&r->conn->out, "{\"release\":\"r%" PRIu64 "\"", id);
    bool ok = put_evidence(r, &d->released, 0, "manifest.suit", true) &&
              put_proof(r, d->released.idx) && put_statement(r, id) &&
              put_request(r, &d->submitted) && put_list(r, "attestations", &d->submitted, 1, 2) &&
              put_list(r, "approvals", d->approvals, d->approval_count, 0) &&
              put_trust_store(r, d->released.environment);
    if (!ok)
        return;
    hm_buf_puts(&r->conn->out, "}\n");
    door_ok_json(r);
}
