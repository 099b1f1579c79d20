#include "server/registrar/reg_answer.h"

#include "schema/core/hm_text.h"
#include "schema/attest/hm_decision.h"
#include "schema/json/hm_json_canon.h"
#include "schema/log/hm_tlog_proof.h"
#include "server/ipc/ipc_msg.h"
#include "server/registrar/reg_cosign.h"
#include "server/registrar/reg_dossier.h"

#include <stdio.h>
#include <string.h>

/* Fields of an ANSWER but for the missing artifacts. */
static void put_answer(struct hm_buf *reply, unsigned status, const char *type, const char *etag,
                       unsigned retry_after, uint64_t log_size, struct hm_bytes body)
{
    ipc_put_u64(reply, status);
    ipc_put_str(reply, type);
    ipc_put_str(reply, etag);
    ipc_put_u64(reply, retry_after);
    ipc_put_u64(reply, log_size);
    ipc_put_bytes(reply, body);
}

enum hm_err reg_answer_missing(const struct hm_digest *missing, size_t count, struct hm_buf *reply)
{
    put_answer(reply, 0, "", "", 0, 0, hm_bytes_of(NULL, 0));
    ipc_put_digests(reply, missing, count);
    return hm_buf_err(reply);
}

static void member(struct hm_buf *b, const char *name, struct hm_bytes text)
{
    hm_buf_printf(b, "%s\"%s\":", b->len > 1 ? "," : "", name);
    hm_json_canon_str(b, text);
}

static void problem_head(struct hm_buf *b, enum reg_problem p, const char *detail)
{
    const struct reg_problem_info *info = reg_problem_info(p);
    HM_BUF_AUTO safe = {.limit = 8192};
    hm_escape(&safe, hm_bytes_str(detail));
    hm_buf_printf(b, "{\"type\":\"urn:hallmark:problem:%s\",\"title\":\"%s\",\"status\":%u",
                  info->name, info->title, info->status);
    if (safe.len > 0)
        member(b, "detail", hm_buf_bytes(&safe));
}

enum hm_err reg_answer_problem(enum reg_problem p, const char *detail, struct hm_buf *reply)
{
    const struct reg_problem_info *info = reg_problem_info(p);
    HM_BUF_AUTO body = {.limit = 65536};
    problem_head(&body, p, detail);
    hm_buf_putc(&body, '}');
    put_answer(reply, info->status, "application/problem+json", "", info->retry_after_s, 0,
               hm_buf_bytes(&body));
    ipc_put_u64(reply, 0);
    return hm_buf_err(&body) != HM_OK ? hm_buf_err(&body) : hm_buf_err(reply);
}

enum hm_err reg_proof_under(struct reg_conn *c, uint64_t idx, uint64_t size, struct hm_bytes note,
                            struct hm_why *why)
{
    struct hm_path path;
    HM_BUF_AUTO record = {.limit = HM_RECORD_MAX};
    reg_conn_rest(c); /* a snapshot from before this checkpoint may not hold all of its nodes */
    enum hm_err err = reg_conn_record(c, idx, &record, why);
    if (err == HM_OK)
        err = reg_conn_path(c, idx, size, &path, why);
    if (err != HM_OK)
        return err;
    hm_buf_reset(&c->proof);
    hm_tlog_proof_write(hm_buf_bytes(&record), idx, &path, note, &c->proof);
    c->has_proof = hm_buf_err(&c->proof) == HM_OK;
    c->proof_idx = idx;
    return hm_buf_err(&c->proof);
}

/* A proof under any checkpoint stays true, so the one that this request made already serves again;
 * else under one that witnesses have cosigned, else under the newest. */
enum hm_err reg_proof(struct reg_conn *c, uint64_t idx, struct hm_buf *out, struct hm_why *why)
{
    struct reg_head head;
    struct reg_cosigned w;
    enum hm_err err = HM_OK;
    if (!c->has_proof || c->proof_idx != idx) {
        err = reg_seq_head(c->desk->seq, &head, why);
        if (err == HM_OK && idx >= head.size)
            err = hm_fail(why, HM_E_NOT_FOUND, "record %llu is not under a checkpoint",
                          (unsigned long long)idx);
        if (err == HM_OK && reg_cosign_pick(c, idx, &w))
            err = reg_proof_under(c, idx, w.size, hm_bytes_of(w.note, w.note_len), why);
        else if (err == HM_OK)
            err = reg_proof_under(c, idx, head.size, hm_bytes_of(head.note, head.note_len), why);
    }
    if (err != HM_OK)
        return err;
    hm_buf_put(out, c->proof.data, c->proof.len);
    return hm_buf_err(out);
}

/* "rule" and "findings" of a verdict document, as members of a problem. */
static enum hm_err put_verdict(struct hm_bytes text, struct hm_buf *b, struct hm_why *why)
{
    static const char *const shown[] = {"findings", "rule"};
    json_t *doc = NULL;
    enum hm_err err = hm_json_parse(text, HM_JSON_OURS(HM_RECORD_MAX), &doc, why);
    for (size_t i = 0; err == HM_OK && i < sizeof shown / sizeof shown[0]; i++) {
        hm_buf_printf(b, ",\"%s\":", shown[i]);
        err = hm_json_canon(json_object_get(doc, shown[i]), b, why);
    }
    json_decref(doc);
    return err;
}

/* The verdict of a refusal: the record's last piece of evidence, canonical JSON; only its findings
 * are shown. */
static enum hm_err put_findings(struct reg_conn *c, const struct hm_record *r, struct hm_buf *b,
                                struct hm_why *why)
{
    struct db_reader *reader;
    HM_BUF_AUTO verdict = {.limit = HM_RECORD_MAX};
    if (r->event != HM_EV_RELEASE_REFUSED && r->event != HM_EV_SIGN_REFUSED)
        return HM_OK;
    enum hm_err err = reg_conn_reader(c, &reader, why);
    if (err == HM_OK)
        err = db_reader_evidence(reader, r->idx, (unsigned)r->evidence_count - 1, HM_RECORD_MAX,
                                 &verdict, why);
    return err == HM_OK ? put_verdict(hm_buf_bytes(&verdict), b, why) : err;
}

static enum hm_err put_submission(struct reg_conn *c, const struct hm_record *r, struct hm_buf *b,
                                  struct hm_why *why)
{
    REG_DOSSIER_AUTO *d = NULL;
    enum hm_err err = reg_dossier_open(c, r->release, &d, why);
    if (err == HM_OK)
        member(b, "statement", hm_buf_bytes(&d->known->statement));
    return err;
}

static enum hm_err put_envelope(struct reg_conn *c, const struct hm_record *r, struct hm_buf *b,
                                struct hm_why *why)
{
    HM_BUF_AUTO envelope = {.limit = HM_ENVELOPE_MAX};
    HM_BUF_AUTO text = {.limit = 2 * HM_ENVELOPE_MAX};
    enum hm_err err = reg_cosign_hold(c, r, why);
    if (err == HM_OK)
        err = reg_conn_evidence(c, r->idx, HM_ENVELOPE_MAX, &envelope, why);
    if (err != HM_OK)
        return err;
    hm_base64(&text, hm_buf_bytes(&envelope));
    member(b, "envelope", hm_buf_bytes(&text));
    return hm_buf_err(&text);
}

static enum hm_err put_record(struct reg_conn *c, const struct hm_record *r, struct hm_buf *b,
                              struct hm_why *why)
{
    HM_BUF_AUTO proof = {.limit = HM_TLOG_PROOF_MAX};
    enum hm_err err = reg_proof(c, r->idx, &proof, why);
    if (err != HM_OK)
        return err;
    hm_buf_printf(b, "%s\"index\":%llu", b->len > 1 ? "," : "", (unsigned long long)r->idx);
    member(b, "proof", hm_buf_bytes(&proof));
    if (r->has_release) {
        char id[24];
        hm_release_id(r->release, id);
        member(b, "release", hm_bytes_str(id));
    }
    if (r->state != HM_RELEASE_NONE)
        member(b, "state", hm_bytes_str(hm_release_state_name(r->state)));
    return HM_OK;
}

static enum hm_err read_record(struct reg_conn *c, uint64_t idx, struct hm_record *out,
                               struct hm_why *why)
{
    HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
    if (c->has_fresh && c->fresh.idx == idx) {
        *out = c->fresh;
        return HM_OK;
    }
    enum hm_err err = reg_conn_record(c, idx, &bytes, why);
    return err == HM_OK ? hm_record_parse(hm_buf_bytes(&bytes), out, why) : err;
}

/* A stored answer has lost its text; the private detail of its record has it, unless it was erased.
 */
static void recall_detail(struct reg_conn *c, struct reg_result *result)
{
    struct db_reader *reader;
    HM_BUF_AUTO detail = {.limit = 8192};
    json_t *doc = NULL;
    if (result->detail[0] != '\0' || reg_conn_reader(c, &reader, NULL) != HM_OK ||
        db_reader_detail(reader, result->record, &detail, NULL) != HM_OK ||
        hm_json_parse(hm_buf_bytes(&detail), HM_JSON_OURS(8192), &doc, NULL) != HM_OK)
        return;
    const char *text = json_string_value(json_object_get(doc, "detail"));
    (void)snprintf(result->detail, sizeof result->detail, "%s", text != NULL ? text : "");
    json_decref(doc);
}

static enum hm_err put_body(struct reg_conn *c, const struct reg_result *result,
                            const struct hm_record *r, struct hm_buf *b, struct hm_why *why)
{
    if (result->problem != REG_PROBLEM_NONE)
        problem_head(b, result->problem, result->detail);
    else
        hm_buf_putc(b, '{');
    enum hm_err err = put_record(c, r, b, why);
    if (err == HM_OK && result->problem != REG_PROBLEM_NONE)
        err = put_findings(c, r, b, why);
    else if (err == HM_OK && r->event == HM_EV_RELEASE_SUBMITTED)
        err = put_submission(c, r, b, why);
    else if (err == HM_OK && r->event == HM_EV_RELEASE_SIGNED)
        err = put_envelope(c, r, b, why);
    hm_buf_putc(b, '}');
    return err != HM_OK ? err : hm_buf_err(b);
}

static unsigned success_status(const struct hm_record *r)
{
    return r->event == HM_EV_RELEASE_SUBMITTED || r->event == HM_EV_APPROVAL_RECORDED ||
                   r->event == HM_EV_POLICY_PROPOSED || r->event == HM_EV_POLICY_APPROVED
               ? 201
               : 200;
}

enum hm_err reg_answer(struct reg_conn *c, struct reg_result *result, struct hm_buf *reply,
                       struct hm_why *why)
{
    struct hm_record r;
    char etag[40] = "";
    HM_BUF_AUTO body = {.limit = 512 * 1024};
    if (!result->has_record)
        return reg_answer_problem(result->problem != REG_PROBLEM_NONE ? result->problem
                                                                      : REG_PROBLEM_INTERNAL,
                                  result->detail, reply);
    enum hm_err err = read_record(c, result->record, &r, why);
    if (err == HM_OK && result->problem != REG_PROBLEM_NONE)
        recall_detail(c, result);
    if (err == HM_OK)
        err = put_body(c, result, &r, &body, why);
    if (err != HM_OK)
        return err;
    const struct reg_problem_info *info = reg_problem_info(result->problem);
    bool ok = result->problem == REG_PROBLEM_NONE;
    if (ok)
        (void)snprintf(etag, sizeof etag, "\"%llu\"", (unsigned long long)r.idx);
    put_answer(reply, ok ? success_status(&r) : info->status,
               ok ? "application/json" : "application/problem+json", etag, info->retry_after_s,
               result->log_size, hm_buf_bytes(&body));
    ipc_put_u64(reply, 0);
    return hm_buf_err(reply);
}
