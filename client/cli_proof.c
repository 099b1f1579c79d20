#include "client/cli_proof.h"

#include "client/cli_http.h"
#include "client/cli_problem.h"
#include "schema/core/hm_text.h"
#include "schema/core/hm_time.h"
#include "schema/io/hm_random.h"
#include "schema/json/hm_json.h"

#include <inttypes.h>
#include <string.h>

void cli_record_free(struct cli_record *r)
{
    hm_buf_free(&r->text);
    hm_buf_free(&r->bytes);
}

void cli_ack_free(struct cli_ack *a)
{
    cli_record_free(&a->rec);
    hm_buf_free(&a->statement);
    hm_buf_free(&a->envelope);
}

enum hm_err cli_record_open(struct hm_bytes proof, const struct hm_vkey *log_key,
                            struct cli_record *out, struct hm_why *why)
{
    struct hm_tlog_proof p;
    struct cli_record r = {.text = {.limit = HM_TLOG_PROOF_MAX + 1}};
    enum hm_err err = hm_tlog_proof_open(proof, log_key, &p, why);
    if (err != HM_OK)
        return err;
    r.bytes = p.record;
    r.path = p.path;
    r.checkpoint = p.checkpoint;
    r.leaf = hm_merkle_leaf(hm_buf_bytes(&r.bytes));
    hm_buf_put(&r.text, proof.data, proof.len);
    err = hm_buf_err(&r.text);
    if (err == HM_OK)
        err = hm_record_parse(hm_buf_bytes(&r.bytes), &r.record, why);
    if (err == HM_OK && r.record.idx != p.index)
        err = hm_fail(why, HM_E_SIGNATURE,
                      "the proof is for index %" PRIu64 ", its record says %" PRIu64, p.index,
                      r.record.idx);
    if (err != HM_OK) {
        cli_record_free(&r);
        return err;
    }
    *out = r;
    return HM_OK;
}

enum hm_err cli_record_fetch(struct cli *c, uint64_t idx, struct cli_record *out)
{
    char path[96];
    struct hm_vkey key;
    CLI_ANSWER_AUTO a = {.status = 0};
    enum hm_err err = cli_log_key(c, &key);
    if (err != HM_OK)
        return err;
    (void)snprintf(path, sizeof path, "/v1/log/entries/%" PRIu64 "/proof", idx);
    err = cli_http_get(c, path, "text/plain", HM_TLOG_PROOF_MAX, &a);
    if (err != HM_OK)
        return err;
    struct cli_record r;
    err = cli_record_open(hm_buf_bytes(&a.body), &key, &r, &c->why);
    if (err != HM_OK)
        return hm_fail_in(&c->why, err, "record %" PRIu64, idx);
    if (r.record.idx != idx) {
        uint64_t got = r.record.idx;
        cli_record_free(&r);
        return hm_fail(&c->why, HM_E_DENIED,
                       "asked for record %" PRIu64 ", the server sent %" PRIu64, idx, got);
    }
    *out = r;
    return HM_OK;
}

enum hm_err cli_evidence_fetch(struct cli *c, const struct hm_record *r, size_t n, size_t max,
                               struct hm_buf *out)
{
    char path[96];
    CLI_ANSWER_AUTO a = {.status = 0};
    if (n >= r->evidence_count)
        return hm_fail(&c->why, HM_E_DENIED, "record %" PRIu64 " has no evidence %zu", r->idx, n);
    (void)snprintf(path, sizeof path, "/v1/log/entries/%" PRIu64 "/evidence/%zu", r->idx, n);
    enum hm_err err = cli_http_get(c, path, NULL, max, &a);
    if (err != HM_OK)
        return err;
    struct hm_digest d = hm_sha256(hm_buf_bytes(&a.body));
    if (!hm_digest_eq(&d, &r->evidence[n]))
        return hm_fail(&c->why, HM_E_SIGNATURE,
                       "evidence %zu of record %" PRIu64 " is not what the record names", n,
                       r->idx);
    hm_buf_put(out, a.body.data, a.body.len);
    return hm_buf_err(out);
}

static enum hm_err ack_contradiction(const struct cli_ack *a, const char *release, uint64_t index,
                                     struct hm_why *why)
{
    const struct hm_record *r = &a->rec.record;
    char expected[24];
    (void)snprintf(expected, sizeof expected, "r%" PRIu64, r->release);
    if (r->idx != index)
        return hm_fail(why, HM_E_DENIED,
                       "the answer says index %" PRIu64 ", its record is %" PRIu64, index, r->idx);
    if (r->has_release ? strcmp(release, expected) != 0 : release[0] != '\0')
        return hm_fail(why, HM_E_DENIED, "the answer is about %.24s, its record is not", release);
    const char *state = r->state != HM_RELEASE_NONE ? hm_release_state_name(r->state) : "";
    if (strcmp(a->state, state) != 0)
        return hm_fail(why, HM_E_DENIED, "the answer says %s, its record says %s",
                       a->state[0] != '\0' ? a->state : "nothing", hm_release_state_name(r->state));
    return HM_OK;
}

static enum hm_err ack_read(struct hm_json_in *in, const struct hm_vkey *log_key, struct cli_ack *a,
                            struct hm_why *why)
{
    const char *release = hm_json_str_or(in, "release", ""); /* only about releases */
    const char *state = hm_json_str_or(in, "state", "");
    const char *proof = hm_json_str(in, "proof");
    const char *statement = hm_json_str_or(in, "statement", "");
    const char *envelope = hm_json_str_or(in, "envelope", "");
    uint64_t index = hm_json_uint(in, "index", 0, HM_NUMBER_MAX);
    in->open = true; /* the verdict is for people; later servers may say more */
    if (hm_json_end(in) != HM_OK)
        return hm_fail_in(why, in->err, "acknowledgement");
    (void)snprintf(a->state, sizeof a->state, "%s", state);
    hm_buf_puts(&a->statement, statement);
    if (hm_unbase64(hm_bytes_str(envelope), &a->envelope) != HM_OK ||
        hm_buf_err(&a->statement) != HM_OK)
        return hm_fail(why, HM_E_MALFORMED, "acknowledgement: envelope is not base64");
    enum hm_err err = cli_record_open(hm_bytes_str(proof), log_key, &a->rec, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "the proof in the answer does not hold");
    return ack_contradiction(a, release, index, why);
}

enum hm_err cli_ack_open(struct hm_bytes body, const struct hm_vkey *log_key, struct cli_ack *out,
                         struct hm_why *why)
{
    HM_JSON_AUTO *doc = NULL;
    struct cli_ack a = {.statement = {.limit = HM_STATEMENT_MAX},
                        .envelope = {.limit = HM_ENVELOPE_MAX}};
    enum hm_err err = hm_json_parse(body, HM_JSON_FOREIGN(CLI_ACK_MAX), &doc, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "acknowledgement");
    struct hm_json_in in;
    hm_json_begin(&in, doc, "$", why);
    err = ack_read(&in, log_key, &a, why);
    if (err != HM_OK) {
        cli_ack_free(&a);
        return err;
    }
    *out = a;
    return HM_OK;
}

enum hm_err cli_ack_answers(const struct cli_ack *a, enum hm_event event, uint64_t release,
                            struct hm_bytes document, struct hm_why *why)
{
    const struct hm_record *r = &a->rec.record;
    if (r->event != event)
        return hm_fail(why, HM_E_DENIED,
                       "the proven record is %s, expected %s: nothing of ours was recorded",
                       hm_event_name(r->event), hm_event_name(event));
    if (release != CLI_ANY_RELEASE && (!r->has_release || r->release != release))
        return hm_fail(why, HM_E_DENIED,
                       "the proven record is about r%" PRIu64 ", expected r%" PRIu64, r->release,
                       release);
    struct hm_digest d = hm_sha256(document);
    if (document.len > 0 && (r->evidence_count < 1 || !hm_digest_eq(&r->evidence[0], &d)))
        return hm_fail(
            why, HM_E_DENIED,
            "the proven record does not name the document that was sent as its evidence");
    return HM_OK;
}

/* "… (recorded at index 20)" after a refusal whose proof holds; the refusal stands either way. */
static void mention_record(struct cli *c, enum hm_err err)
{
    struct hm_vkey key;
    CLI_RECORD_AUTO r = {.leaf = {{0}}};
    HM_JSON_AUTO *doc = NULL;
    struct hm_why local;
    struct hm_bytes body = cli_http_problem(c);
    if (body.len == 0 || hm_json_parse(body, HM_JSON_FOREIGN(CLI_PROBLEM_MAX), &doc, NULL) != HM_OK)
        return;
    const char *proof = json_string_value(json_object_get(doc, "proof"));
    if (proof == NULL || cli_settings_log_key(&c->set, &key, &local) != HM_OK)
        return;
    size_t len = strlen(c->why.text);
    char *end = c->why.text + len;
    size_t room = sizeof c->why.text - len;
    if (cli_record_open(hm_bytes_str(proof), &key, &r, &local) == HM_OK)
        (void)snprintf(end, room, " (recorded as %s at index %" PRIu64 ", proof verified)",
                       hm_event_name(r.record.event), r.record.idx);
    else
        (void)snprintf(end, room,
                       " (the server claims to have recorded this, but its proof does "
                       "not verify)");
    (void)err;
}

enum hm_err cli_post_document(struct cli *c, const char *path, struct hm_bytes body,
                              enum hm_event event, uint64_t release, struct hm_bytes document,
                              struct cli_ack *out)
{
    struct hm_vkey key;
    CLI_ANSWER_AUTO a = {.status = 0};
    struct cli_ack ack;
    /* The key first: without it the answer to something irrevocable could not be checked. */
    enum hm_err err = cli_log_key(c, &key);
    if (err != HM_OK)
        return err;
    /* Without a signed document equal requests are new ones: a stored answer would be a wrong one.
     */
    char salt[33] = "";
    uint8_t random[16];
    hm_random(random, sizeof random);
    hm_hex(random, sizeof random, salt);
    err = cli_http_post(c, path, body, document.len > 0 ? NULL : salt, CLI_ACK_MAX, &a);
    if (err != HM_OK) {
        mention_record(c, err);
        return err;
    }
    err = cli_ack_open(hm_buf_bytes(&a.body), &key, &ack, &c->why);
    if (err == HM_OK) {
        err = cli_ack_answers(&ack, event, release, document, &c->why);
        if (err == HM_OK) {
            *out = ack;
            return HM_OK;
        }
        cli_ack_free(&ack);
    }
    cli_next(c, "do not rely on this answer; hallmark log verify, and tell the log's operator");
    return hm_fail_in(&c->why, err, "the server's answer was refused");
}

/* " for r17" and ", state submitted", where the record is about a release. */
static void about_release(const struct cli_ack *a, char release[static 32], char state[static 40])
{
    const struct hm_record *r = &a->rec.record;
    release[0] = state[0] = '\0';
    if (r->has_release)
        (void)snprintf(release, 32, " for r%" PRIu64, r->release);
    if (a->state[0] != '\0')
        (void)snprintf(state, 40, ", state %s", a->state);
}

static void report_json(const struct cli_ack *a, const char *time, const char *now)
{
    const struct hm_record *r = &a->rec.record;
    (void)putchar('{');
    if (r->has_release)
        (void)printf("\"release\":\"r%" PRIu64 "\",\"state\":\"%s\",", r->release, a->state);
    if (now != NULL)
        (void)printf("\"recorded_before\":true,\"state_now\":\"%s\",", now);
    (void)printf("\"index\":%" PRIu64 ",\"event\":\"%s\",\"time\":\"%s\",\"log_size\":%" PRIu64
                 ",\"verified\":true}\n",
                 r->idx, hm_event_name(r->event), time, a->rec.checkpoint.size);
}

static void report(const struct cli *c, const struct cli_ack *a, const char *now)
{
    const struct hm_record *r = &a->rec.record;
    char time[HM_TIME_TEXT];
    char release[32];
    char state[40];
    hm_time_format((int64_t)(r->t_ms / 1000), time);
    if (c->term.json) {
        report_json(a, time, now);
        return;
    }
    about_release(a, release, state);
    (void)printf("%s%s%s %s%s: index %" PRIu64 ", %s%s%s\n",
                 cli_term_style(c->term.color_out, now == NULL ? CLI_GOOD : CLI_BOLD),
                 now == NULL ? "recorded" : "recorded before, nothing new:",
                 cli_term_style(c->term.color_out, CLI_PLAIN), hm_event_name(r->event), release,
                 r->idx, time, state, now != NULL ? " then" : "");
    if (now != NULL)
        (void)printf("r%" PRIu64 " is %s now, says the server; hallmark show r%" PRIu64
                     " verifies its history\n",
                     r->release, now, r->release);
    (void)printf("proof verified under the pinned key of %s (log size %" PRIu64 ")\n",
                 a->rec.checkpoint.origin, a->rec.checkpoint.size);
}

void cli_ack_report(const struct cli *c, const struct cli_ack *a)
{
    report(c, a, NULL);
}

void cli_ack_report_before(const struct cli *c, const struct cli_ack *a, const char *now)
{
    report(c, a, now);
}
