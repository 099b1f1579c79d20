#include "client/cli_csv.h"

#include "client/cli_when.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const columns[] = {
    "index",       "time",         "event",  "release",  "product",   "version",     "channel",
    "environment", "sequence",     "state",  "actor",    "outcome",   "artifacts",   "keys",
    "tokens",      "approver_key", "guard",  "manifest", "statement", "policy",      "intent",
    "retry_of",    "proposal",     "serial", "count",    "expires",   "store_epoch", "req",
    "evidence",    "detail",       "first",  "last",     "archive",   "leaf",
};
#define COLUMNS (sizeof columns / sizeof columns[0])

void cli_csv_cell(const char *text, struct hm_buf *out)
{
    bool formula = text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;
    bool quoted = strpbrk(text, ",\"\r\n") != NULL;
    if (quoted)
        hm_buf_putc(out, '"');
    if (formula)
        hm_buf_putc(out, '\'');
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"')
            hm_buf_putc(out, '"');
        hm_buf_putc(out, (uint8_t)*p);
    }
    if (quoted)
        hm_buf_putc(out, '"');
}

/* A row that is being written: cells in the order of the columns. */
struct row {
    struct hm_buf *out;
    size_t cells;
};

static void put(struct row *w, const char *text)
{
    if (w->cells++ > 0)
        hm_buf_putc(w->out, ',');
    cli_csv_cell(text, w->out);
}

static void end(struct row *w)
{
    hm_buf_puts(w->out, "\r\n");
}

static void put_number(struct row *w, bool there, uint64_t n)
{
    char text[24] = "";
    if (there)
        (void)snprintf(text, sizeof text, "%" PRIu64, n);
    put(w, text);
}

static void put_digests(struct row *w, const struct hm_digest *list, size_t count)
{
    char text[(HM_RECORD_EVIDENCE_MAX + HM_ARTIFACTS_MAX) * HM_SHA256_HEX] = "";
    for (size_t i = 0, n = 0; i < count; i++) {
        if (i > 0)
            text[n++] = ' ';
        hm_digest_hex(&list[i], text + n);
        n += HM_SHA256_HEX - 1;
    }
    put(w, text);
}

static void put_keys(struct row *w, const struct hm_record *r)
{
    struct hm_digest ids[HM_SIGN_KEYS_MAX];
    char tokens[HM_SIGN_KEYS_MAX * (HM_TOKEN_SERIAL_MAX + 2)] = "";
    size_t n = 0;
    for (size_t i = 0; i < r->key_count; i++) {
        ids[i] = r->keys[i].spki;
        n += (size_t)snprintf(tokens + n, sizeof tokens - n, "%s%s", i > 0 ? " " : "",
                              r->keys[i].token);
    }
    put_digests(w, ids, r->key_count);
    put(w, tokens);
}

static void put_subject(struct row *w, const struct hm_record *r)
{
    char text[24] = "";
    if (r->has_release)
        (void)snprintf(text, sizeof text, "r%" PRIu64, r->release);
    put(w, text);
    put(w, r->product);
    put(w, r->version);
    put(w, r->channel);
    put(w, r->environment);
    put_number(w, r->sequence > 0, r->sequence);
    put(w, r->state != HM_RELEASE_NONE ? hm_release_state_name(r->state) : "");
    put(w, r->actor);
    put(w, r->outcome);
}

static void put_rest(struct row *w, const struct hm_record *r)
{
    char time[CLI_WHEN_TEXT] = "";
    put_digests(w, &r->approver_key, r->has_approver_key);
    put_digests(w, &r->guard, r->has_guard);
    put_digests(w, &r->manifest, r->has_manifest);
    put_digests(w, &r->statement, r->has_statement);
    put_digests(w, &r->policy, r->has_policy);
    put_number(w, r->has_intent, r->intent);
    put_number(w, r->has_retry_of, r->retry_of);
    put_number(w, r->has_proposal, r->proposal);
    put_number(w, r->serial > 0, r->serial);
    put_number(w, r->count > 0, r->count);
    if (r->expires_s > 0)
        cli_when_text(r->expires_s * 1000, false, time);
    put(w, time);
    put_number(w, r->store_epoch > 0, r->store_epoch);
    put(w, r->req);
    put_digests(w, r->evidence, r->evidence_count);
    put_digests(w, &r->detail, r->has_detail);
    put_number(w, r->has_first, r->first);
    put_number(w, r->has_last, r->last);
    put_digests(w, &r->archive, r->has_archive);
}

void cli_csv_header(struct hm_buf *out)
{
    struct row w = {out, 0};
    for (size_t i = 0; i < COLUMNS; i++)
        put(&w, columns[i]);
    end(&w);
}

void cli_csv_row(const struct hm_record *r, const struct hm_digest *leaf, struct hm_buf *out)
{
    struct row w = {out, 0};
    char time[CLI_WHEN_TEXT];
    cli_when_exact(r->t_ms, time);
    put_number(&w, true, r->idx);
    put(&w, time);
    put(&w, hm_event_name(r->event));
    put_subject(&w, r);
    put_digests(&w, r->artifacts, r->artifact_count);
    put_keys(&w, r);
    put_rest(&w, r);
    put_digests(&w, leaf, 1);
    end(&w);
}
