#include "client/cli_roster.h"

#include "client/cli_entries.h"
#include "client/cli_http.h"
#include "client/cli_proof.h"
#include "policy/policy.h"
#include "schema/core/hm_text.h"
#include "schema/json/hm_json.h"
#include "schema/trust/hm_root.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GUARDS_EVIDENCE 1 /* of log.created */
#define KEY_FILE_MAX ((size_t)4096)

struct cli_roster *cli_roster_new(void)
{
    return calloc(1, sizeof(struct cli_roster));
}

void cli_roster_free(struct cli_roster **r)
{
    if (*r != NULL)
        hm_guards_free(&(*r)->guards);
    free(*r);
}

static enum hm_err key_id_of(struct cli *c, const char *name, struct hm_digest *out)
{
    CLI_ANSWER_AUTO a = {.status = 0};
    struct policy *p = NULL;
    const struct policy_release_key *k;
    if (hm_digest_unhex(hm_bytes_str(name), out) == HM_OK)
        return HM_OK;
    enum hm_err err = cli_http_get(c, "/v1/policy", NULL, HM_POLICY_MAX, &a);
    if (err == HM_OK)
        err = policy_load(hm_buf_bytes(&a.body), &p, &c->why);
    if (err != HM_OK)
        return err;
    bool found = false;
    for (size_t i = 0; !found && (k = policy_key_at(p, i)) != NULL; i++) {
        found = strcmp(k->id, name) == 0;
        if (found)
            *out = k->key_id;
    }
    policy_free(p);
    return found ? HM_OK
                 : hm_fail(&c->why, HM_E_CONFIG,
                           "'%.64s' is neither a release key of the policy in force nor a key id",
                           name);
}

enum hm_err cli_guards_open(struct hm_bytes document, struct hm_guards *out, struct hm_why *why)
{
    HM_JSON_AUTO *doc = NULL;
    struct hm_auth_view view;
    struct hm_root root;
    enum hm_err err = hm_auth_parse(document, false, &view, why);
    if (err == HM_OK)
        err = hm_json_parse(view.payload, HM_JSON_OURS(HM_GUARDS_MAX), &doc, why);
    if (err == HM_OK)
        err = hm_root_read(json_object_get(doc, "root"), "$.root", &root, why);
    return err == HM_OK ? hm_guards_open(document, &root, out, why) : err;
}

static enum hm_err on_record(void *ctx, struct hm_bytes record, struct hm_why *why)
{
    struct hm_record r;
    enum hm_err err = hm_record_parse(record, &r, why);
    if (err == HM_OK)
        *(uint64_t *)ctx = r.idx;
    return err;
}

static enum hm_err load_guards(struct cli *c, const struct hm_digest *key, struct cli_roster *out)
{
    CLI_RECORD_AUTO rec = {.leaf = {{0}}};
    HM_BUF_AUTO document = {.limit = HM_GUARDS_MAX + 1};
    uint64_t at = 0; /* record 0 is log.created, which brought the first ones */
    enum hm_err err =
        cli_entries(c, "/v1/log/entries?event=guards.changed&order=desc", 1, on_record, &at);
    if (err == HM_OK)
        err = cli_record_fetch(c, at, &rec);
    if (err == HM_OK && rec.record.event != HM_EV_LOG_CREATED &&
        rec.record.event != HM_EV_GUARDS_CHANGED)
        err = hm_fail(&c->why, HM_E_DENIED, "record %" PRIu64 " brought no guards", at);
    if (err == HM_OK)
        err = cli_evidence_fetch(c, &rec.record, at == 0 ? GUARDS_EVIDENCE : 0, HM_GUARDS_MAX,
                                 &document);
    if (err == HM_OK)
        err = cli_guards_open(hm_buf_bytes(&document), &out->guards, &c->why);
    if (err != HM_OK)
        return err;
    out->guards_sha256 = hm_sha256(hm_buf_bytes(&document));
    (void)snprintf(out->origin, sizeof out->origin, "%s", rec.checkpoint.origin);
    out->guard = hm_guards_find(&out->guards, key);
    return out->guard != NULL
               ? HM_OK
               : hm_fail(&c->why, HM_E_NOT_FOUND, "no guard is written for this key");
}

static enum hm_err load_list(struct cli *c, struct cli_roster *out)
{
    CLI_RECORD_AUTO rec = {.leaf = {{0}}};
    HM_BUF_AUTO statement = {.limit = HM_STATEMENT_MAX + 1};
    char hex[HM_SHA256_HEX];
    char path[160];
    hm_digest_hex(&out->guard->key, hex);
    (void)snprintf(path, sizeof path, "/v1/log/entries?event=roster.changed&order=desc&key=%s",
                   hex);
    enum hm_err err = cli_entries(c, path, 1, on_record, &out->record);
    if (err != HM_OK)
        return err;
    if (out->record == 0) /* record 0 is log.created */
        return hm_roster_begin(out->guard, &out->now, &c->why);
    err = cli_record_fetch(c, out->record, &rec);
    if (err == HM_OK && (rec.record.event != HM_EV_ROSTER_CHANGED || !rec.record.has_guard ||
                         !hm_digest_eq(&rec.record.guard, &out->guard->key)))
        err = hm_fail(&c->why, HM_E_DENIED, "record %" PRIu64 " is no list of this key's approvers",
                      out->record);
    if (err == HM_OK)
        err = cli_evidence_fetch(c, &rec.record, 0, HM_STATEMENT_MAX, &statement);
    if (err == HM_OK)
        err = hm_roster_parse(hm_buf_bytes(&statement), &out->held, &c->why);
    if (err == HM_OK && !hm_digest_eq(&out->held.guards, &out->guards_sha256)) {
        out->record = 0; /* of an earlier guards document: this one began anew */
        return hm_roster_begin(out->guard, &out->now, &c->why);
    }
    if (err == HM_OK)
        err = hm_roster_digest(out->held.approvers, out->held.count, &out->now.list, &c->why);
    out->now.serial = out->held.serial;
    return err;
}

enum hm_err cli_roster_load(struct cli *c, const char *name, struct cli_roster *out)
{
    struct hm_digest key;
    enum hm_err err = key_id_of(c, name, &key);
    if (err == HM_OK)
        err = load_guards(c, &key, out);
    if (err == HM_OK)
        err = load_list(c, out);
    if (err != HM_OK || out->now.serial > 0)
        return err;
    if (out->guard->approver_count > HM_ROSTER_APPROVERS_MAX)
        return hm_fail(&c->why, HM_E_LIMIT, "the guard lists more than %d approvers",
                       HM_ROSTER_APPROVERS_MAX);
    out->held.count = out->guard->approver_count;
    memcpy(out->held.approvers, out->guard->approvers,
           out->held.count * sizeof out->held.approvers[0]);
    return HM_OK;
}

enum hm_err cli_roster_key(struct cli *c, const char *text, struct hm_key *out)
{
    HM_BUF_AUTO file = {.limit = KEY_FILE_MAX + 1};
    if (hm_key_from_ssh_line(text, out, &c->why) == HM_OK)
        return HM_OK;
    if (access(text, F_OK) != 0)
        return hm_fail(&c->why, HM_E_CONFIG,
                       "'%.80s': neither a file nor a public key as ssh-keygen writes it", text);
    enum hm_err err = cli_read(text, KEY_FILE_MAX, &file, &c->why);
    if (err != HM_OK)
        return err;
    if (hm_key_from_pem(hm_buf_bytes(&file), out, NULL) == HM_OK)
        return HM_OK;
    char line[KEY_FILE_MAX + 1];
    (void)snprintf(line, sizeof line, "%s", hm_buf_str(&file) != NULL ? hm_buf_str(&file) : "");
    line[strcspn(line, "\r\n")] = '\0';
    err = hm_key_from_ssh_line(line, out, &c->why);
    return err == HM_OK ? HM_OK : hm_fail_in(&c->why, HM_E_CONFIG, "%.200s", text);
}

void cli_roster_line(const struct hm_key *k, struct hm_buf *out)
{
    HM_BUF_AUTO blob = {.limit = 2048};
    hm_key_ssh_blob(k, &blob);
    if (blob.len < 4 || blob.len - 4 < blob.data[3])
        return;
    hm_buf_put(out, blob.data + 4, blob.data[3]);
    hm_buf_putc(out, ' ');
    hm_base64(out, hm_buf_bytes(&blob));
}
