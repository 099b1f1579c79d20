/* What lasts until it ends: certificates, revocation lists, keys of trust stores; what witnesses
 * say; the clocks. */
#include "server/door/door_alerts_priv.h"

#include "schema/attest/hm_cert.h"
#include "schema/core/hm_text.h"
#include "schema/io/hm_clock.h"
#include "schema/json/hm_json.h"
#include "schema/trust/hm_trust_store.h"
#include "server/door/door.h"
#include "server/ipc/ipc_msg.h"
#include "server/ipc/ipc_ops.h"
#include "server/ipc/proc_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORES_MAX 64                /* records about trust stores that are looked at */
#define FORGET_MS INT64_C(604800000) /* a client certificate that nobody shows any more */
#define DAY_S INT64_C(86400)
#define FINGERPRINT_DIGITS 16 /* enough to tell two certificates apart */

/* --- the door's own, and clients' --- */

void door_ends_own(struct door_alerts *d)
{
    struct hm_cert cert;
    struct hm_why why = {.text = ""};
    d->own.kind = ALERT_CERTIFICATE_EXPIRES;
    (void)snprintf(d->own.subject, sizeof d->own.subject, "certificate:door");
    if (hm_cert_parse_pem(d->c.certificate, &cert, &why) == HM_OK)
        d->own.not_after_s = cert.not_after_s;
    else
        proc_log(DOOR_PROGRAM, PROC_WARNING, "alerts: tls_certificate: %s", why.text);
}

static void name_certificate(char out[static ALERT_SUBJECT_MAX + 1], const char *whose,
                             const struct hm_digest *fingerprint)
{
    char hex[HM_SHA256_HEX];
    hm_digest_hex(fingerprint, hex);
    (void)snprintf(out, ALERT_SUBJECT_MAX + 1, "certificate:%s:%.*s", whose, FINGERPRINT_DIGITS,
                   hex);
}

/* Its place, a new one, or that of the one that was not shown for longest; lock held. */
static struct door_seen *seen_place(struct door_alerts *d, const struct hm_digest *fingerprint)
{
    struct door_seen *rested = &d->seen[0];
    for (size_t i = 0; i < d->seen_count; i++) {
        if (hm_digest_eq(&d->seen[i].fingerprint, fingerprint))
            return &d->seen[i];
        if (d->seen[i].seen_ms < rested->seen_ms)
            rested = &d->seen[i];
    }
    return d->seen_count < DOOR_SEEN_MAX ? &d->seen[d->seen_count++] : rested;
}

void door_alerts_saw(struct door_alerts *d, const struct hm_digest *fingerprint, const char *who,
                     int64_t not_after_s)
{
    /* Only those that matter take a place. */
    int64_t notice = (int64_t)d->c.thresholds->certificate_days * DAY_S;
    if (not_after_s - hm_clock_unix_s() >= notice)
        return;
    (void)pthread_mutex_lock(&d->lock);
    struct door_seen *s = seen_place(d, fingerprint);
    s->fingerprint = *fingerprint;
    s->end.kind = ALERT_CERTIFICATE_EXPIRES;
    s->end.not_after_s = not_after_s;
    s->seen_ms = hm_clock_mono_ms();
    name_certificate(s->end.subject, who, fingerprint);
    (void)pthread_mutex_unlock(&d->lock);
}

/* --- what the registrar tells --- */

static enum hm_err fetch(struct door_alerts *d, uint16_t op, const char *name, size_t max,
                         struct hm_buf *reply, struct hm_bytes *out, struct hm_why *why)
{
    HM_BUF_AUTO frame = {.limit = 256};
    struct ipc_in in;
    if (name != NULL)
        ipc_put_str(&frame, name);
    enum hm_err err = ipc_pool_call(d->c.registrar, op, hm_buf_bytes(&frame), -1, reply, NULL,
                                    d->c.registrar_timeout_ms, why);
    if (err != HM_OK)
        return err;
    ipc_in_begin(&in, hm_buf_bytes(reply));
    *out = ipc_get_bytes(&in, max);
    return ipc_in_end(&in, why);
}

/* What is told more than once stands once. */
static void add_end(struct door_end *list, size_t *count, const struct door_end *e)
{
    for (size_t i = 0; i < *count; i++)
        if (list[i].kind == e->kind && strcmp(list[i].subject, e->subject) == 0)
            return;
    if (*count < DOOR_ENDS_MAX)
        list[(*count)++] = *e;
}

static void add_certificate(const char *who, const char *pem, struct door_end *list, size_t *count)
{
    struct hm_cert cert;
    struct door_end e = {.kind = ALERT_CERTIFICATE_EXPIRES};
    if (hm_cert_parse_pem(hm_bytes_str(pem), &cert, NULL) != HM_OK)
        return; /* the registrar has judged the policy */
    e.not_after_s = cert.not_after_s;
    name_certificate(e.subject, who, &cert.fingerprint);
    add_end(list, count, &e);
}

/* Approval keys that live as long as a certificate (docs/policy.md). */
static enum hm_err add_policy(struct hm_bytes policy, struct door_end *list, size_t *count,
                              struct hm_why *why)
{
    HM_JSON_AUTO *doc = NULL;
    enum hm_err err = hm_json_parse(policy, HM_JSON_OURS(HM_POLICY_MAX), &doc, why);
    if (err != HM_OK)
        return err;
    const json_t *people = json_object_get(doc, "principals");
    for (size_t i = 0; i < json_array_size(people); i++) {
        const json_t *p = json_array_get(people, i);
        const char *id = json_string_value(json_object_get(p, "id"));
        const json_t *keys = json_object_get(p, "approval_keys");
        for (size_t k = 0; k < json_array_size(keys); k++) {
            const char *pem =
                json_string_value(json_object_get(json_array_get(keys, k), "certificate"));
            if (id != NULL && hm_name_ok(id) && pem != NULL)
                add_certificate(id, pem, list, count);
        }
    }
    return HM_OK;
}

static enum hm_err add_store(const char *environment, struct hm_bytes document,
                             struct door_end *list, size_t *count, struct hm_why *why)
{
    HM_FREE struct hm_trust_store *t = calloc(1, sizeof *t);
    if (t == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for a trust store");
    enum hm_err err = hm_trust_store_open(document, t, why);
    for (size_t i = 0; err == HM_OK && i < t->key_count; i++) {
        struct door_end e = {.kind = ALERT_KEY_EXPIRES};
        char hex[HM_SHA256_HEX];
        struct hm_digest id = hm_key_id(&t->keys[i].key);
        if (t->keys[i].not_after_s == 0)
            continue;
        hm_digest_hex(&id, hex);
        (void)snprintf(e.subject, sizeof e.subject, "key:%s:%.64s", hex, environment);
        e.not_after_s = (int64_t)t->keys[i].not_after_s;
        add_end(list, count, &e);
    }
    return err;
}

struct stores {
    char name[STORES_MAX][HM_NAME_MAX + 1];
    size_t count;
};

static enum hm_err on_store(void *ctx, uint64_t idx, struct hm_bytes record, struct hm_why *why)
{
    struct stores *s = ctx;
    struct hm_record r;
    (void)idx;
    enum hm_err err = hm_record_parse(record, &r, why);
    for (size_t i = 0; err == HM_OK && i < s->count; i++)
        if (strcmp(s->name[i], r.environment) == 0)
            return HM_OK;
    if (err == HM_OK && s->count < STORES_MAX)
        memcpy(s->name[s->count++], r.environment, sizeof r.environment);
    return err;
}

/* The log says which environments have a trust store. */
static enum hm_err find_stores(struct door_alerts *d, struct stores *s, struct hm_why *why)
{
    struct db_query *q = NULL;
    uint64_t size = 0;
    const struct db_query_filter f = {.event = hm_event_name(HM_EV_TRUST_STORE_PUBLISHED),
                                      .after = UINT64_MAX,
                                      .descending = true,
                                      .limit = STORES_MAX};
    enum hm_err err = door_model_borrow(d->c.model, &q, &size, why);
    if (err != HM_OK)
        return err;
    err = db_query_entries(q, &f, on_store, s, why);
    door_model_return(d->c.model, q);
    return err;
}

/* What cannot be read hides nothing else; it is told once. */
static enum hm_err read_or_skip(struct door_alerts *d, enum hm_err err, struct hm_why *why)
{
    if (err == HM_OK || err == HM_E_UNAVAILABLE || err == HM_E_TIMEOUT || err == HM_E_MEMORY)
        return err;
    if (strcmp(d->trouble, why->text) != 0)
        proc_log(DOOR_PROGRAM, PROC_WARNING, "alerts: what ends: %s", why->text);
    (void)snprintf(d->trouble, sizeof d->trouble, "%s", why->text);
    return HM_OK;
}

static enum hm_err ask_store(struct door_alerts *d, const char *name, struct hm_buf *reply,
                             struct door_end *list, size_t *count, struct hm_why *why)
{
    struct hm_bytes got = {NULL, 0};
    hm_buf_reset(reply);
    enum hm_err err = fetch(d, REG_TRUST_STORE, name, HM_TRUST_STORE_MAX, reply, &got, why);
    if (err == HM_OK)
        err = add_store(name, got, list, count, why);
    if (err != HM_OK)
        (void)hm_fail_in(why, err, "trust store of %s", name);
    return read_or_skip(d, err, why);
}

static enum hm_err ask_all(struct door_alerts *d, struct door_end *list, size_t *count,
                           struct hm_why *why)
{
    HM_BUF_AUTO reply = {.limit = IPC_FRAME_MAX};
    HM_FREE struct stores *s = calloc(1, sizeof *s);
    struct hm_bytes got = {NULL, 0};
    if (s == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for trust stores");
    enum hm_err err = fetch(d, REG_POLICY, NULL, HM_POLICY_MAX, &reply, &got, why);
    if (err == HM_OK)
        err = add_policy(got, list, count, why);
    err = read_or_skip(d, err, why);
    if (err == HM_OK)
        err = find_stores(d, s, why);
    for (size_t i = 0; err == HM_OK && i < s->count; i++)
        err = ask_store(d, s->name[i], &reply, list, count, why);
    return err;
}

enum hm_err door_ends_ask(struct door_alerts *d, struct hm_why *why)
{
    HM_FREE struct door_end *list = calloc(DOOR_ENDS_MAX, sizeof *list);
    size_t count = 0;
    if (list == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for what ends");
    enum hm_err err = ask_all(d, list, &count, why);
    if (err != HM_OK)
        return err;
    memcpy(d->ends, list, count * sizeof *list);
    d->end_count = count;
    return HM_OK;
}

/* --- witnesses --- */

static struct door_witnessed *witness_place(struct door_alerts *d, const char *name)
{
    for (size_t i = 0; i < d->witness_count; i++)
        if (strcmp(d->witness[i].name, name) == 0)
            return &d->witness[i];
    if (d->witness_count == HM_WITNESSES_MAX)
        return NULL;
    struct door_witnessed *w = &d->witness[d->witness_count++];
    (void)snprintf(w->name, sizeof w->name, "%s", name);
    return w;
}

void door_alerts_witness(struct door_alerts *d, const char *name, bool disagrees, const char *text)
{
    (void)pthread_mutex_lock(&d->lock);
    struct door_witnessed *w = witness_place(d, name);
    if (w != NULL) {
        w->disagrees = disagrees;
        (void)snprintf(w->text, sizeof w->text, "%s", text);
    }
    if (disagrees)
        alerts_witness(d->engine, (uint64_t)hm_clock_unix_ms(), name, text);
    (void)pthread_mutex_unlock(&d->lock);
}

/* --- all of it, now --- */

static void one(struct door_alerts *d, uint64_t now_ms, const struct door_end *e)
{
    const struct alert_expiry fact = {e->kind, e->subject, e->not_after_s};
    alerts_expiry(d->engine, now_ms, &fact);
}

static void drop_seen(struct door_alerts *d, int64_t mono_ms)
{
    for (size_t i = 0; i < d->seen_count;)
        if (mono_ms - d->seen[i].seen_ms > FORGET_MS)
            d->seen[i] = d->seen[--d->seen_count];
        else
            i++;
}

/* A wall clock that moved by more than time passed. */
static void look_at_clock(struct door_alerts *d, int64_t wall_ms, int64_t mono_ms)
{
    if (d->wall_ms != 0)
        alerts_clock(d->engine, (uint64_t)wall_ms, "clock:door",
                     (wall_ms - d->wall_ms) - (mono_ms - d->mono_ms));
    d->wall_ms = wall_ms;
    d->mono_ms = mono_ms;
}

void door_conditions(struct door_alerts *d)
{
    int64_t wall = hm_clock_unix_ms();
    int64_t mono = hm_clock_mono_ms();
    uint64_t now = (uint64_t)wall;
    (void)pthread_mutex_lock(&d->lock);
    look_at_clock(d, wall, mono);
    drop_seen(d, mono);
    if (d->own.not_after_s != 0)
        one(d, now, &d->own);
    if (d->c.crl != NULL) {
        const struct alert_expiry lists = {ALERT_CRL_EXPIRES, "crl:client",
                                           ident_crl_until(d->c.crl)};
        alerts_expiry(d->engine, now, &lists);
    }
    for (size_t i = 0; i < d->seen_count; i++)
        one(d, now, &d->seen[i].end);
    for (size_t i = 0; i < d->end_count; i++)
        one(d, now, &d->ends[i]);
    for (size_t i = 0; i < d->witness_count; i++)
        if (d->witness[i].disagrees)
            alerts_witness(d->engine, now, d->witness[i].name, d->witness[i].text);
    (void)pthread_mutex_unlock(&d->lock);
}
