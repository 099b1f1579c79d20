#include "client/cli_reason.h"

#include "schema/attest/hm_decision.h"
#include "schema/attest/hm_policy_statement.h"
#include "schema/json/hm_json.h"

#include <stdlib.h>
#include <string.h>

void cli_reason_free(struct cli_reason *r)
{
    json_decref(r->findings);
    r->findings = NULL;
}

/* The kinds of evidence that say why. */
enum speech { SILENT, REQUEST, DECISION, PROPOSAL, VERDICT };

static enum speech speech_of(const struct hm_record *r)
{
    if (r->evidence_count == 0)
        return SILENT;
    if (r->event == HM_EV_RELEASE_SUBMITTED)
        return strcmp(r->outcome, "break-glass") == 0 ? REQUEST : SILENT;
    if (r->event == HM_EV_RELEASE_REJECTED || r->event == HM_EV_RELEASE_CANCELLED)
        return DECISION;
    if (r->event == HM_EV_POLICY_PROPOSED)
        return PROPOSAL;
    return r->event == HM_EV_RELEASE_REFUSED || r->event == HM_EV_SIGN_REFUSED ? VERDICT : SILENT;
}

bool cli_reason_has(const struct hm_record *r)
{
    return speech_of(r) != SILENT;
}

static bool read_verdict(struct hm_bytes bytes, struct cli_reason *out)
{
    HM_JSON_AUTO *doc = NULL;
    if (hm_json_parse(bytes, HM_JSON_OURS(HM_RECORD_MAX), &doc, NULL) != HM_OK)
        return false;
    const json_t *list = json_object_get(doc, "findings");
    out->findings = json_array();
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *f = json_array_get(list, i);
        if (json_is_false(json_object_get(f, "ok")))
            (void)json_array_append_new(
                out->findings,
                json_pack("{s:s, s:s, s:s}", "check", hm_json_text(f, "check"), "required",
                          hm_json_text(f, "required"), "found", hm_json_text(f, "found")));
    }
    return json_is_array(list);
}

static bool read_request(struct hm_bytes payload, struct cli_reason *out)
{
    HM_FREE struct hm_request *q = calloc(1, sizeof *q);
    if (q == NULL || hm_request_parse(payload, q, NULL) != HM_OK)
        return false;
    memcpy(out->text, q->break_glass, sizeof out->text);
    return true;
}

static bool read_decision(struct hm_bytes payload, enum hm_event event, struct cli_reason *out)
{
    struct hm_decision d;
    enum hm_signed_kind kind =
        event == HM_EV_RELEASE_REJECTED ? HM_SIGNED_REJECTION : HM_SIGNED_CANCELLATION;
    if (hm_decision_parse(payload, kind, &d, NULL) != HM_OK)
        return false;
    memcpy(out->text, d.reason, sizeof out->text);
    return true;
}

static bool read_proposal(struct hm_bytes payload, struct cli_reason *out)
{
    struct hm_policy_proposal p;
    if (hm_policy_proposal_parse(payload, &p, NULL) != HM_OK)
        return false;
    memcpy(out->text, p.reason, sizeof out->text);
    return true;
}

static bool read_signed(struct hm_bytes bytes, const struct hm_record *r, struct cli_reason *out)
{
    struct hm_signed s;
    bool read = false;
    if (hm_signed_parse(bytes, 2 * HM_REQUEST_MAX, &s, NULL) != HM_OK)
        return false;
    struct hm_bytes payload = hm_signed_payload(&s);
    if (speech_of(r) == REQUEST)
        read = read_request(payload, out);
    else if (speech_of(r) == DECISION)
        read = read_decision(payload, r->event, out);
    else
        read = read_proposal(payload, out);
    hm_signed_free(&s);
    return read;
}

enum hm_err cli_reason_get(struct cli_papers *p, const struct hm_record *r, struct cli_reason *out,
                           struct hm_why *why)
{
    HM_BUF_AUTO blob = {.limit = 2 * HM_REQUEST_MAX + 1};
    enum speech what = speech_of(r);
    bool found = false;
    /* The verdict is the last piece of a refused submission, and the only one of a signature. */
    size_t n = what == VERDICT ? r->evidence_count - 1 : 0;
    *out = (struct cli_reason){.findings = NULL};
    if (what == SILENT)
        return HM_OK;
    enum hm_err err = cli_papers_blob(p, r, n, 2 * HM_REQUEST_MAX, &blob, &found, why);
    if (err != HM_OK)
        return err;
    struct hm_bytes bytes = hm_buf_bytes(&blob);
    if (found)
        found = what == VERDICT ? read_verdict(bytes, out) : read_signed(bytes, r, out);
    out->unreadable = !found;
    if (!found)
        cli_reason_free(out);
    return HM_OK;
}
