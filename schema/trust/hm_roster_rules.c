#include "schema/trust/hm_roster_rules.h"

#include "schema/attest/hm_signed.h"
#include "schema/trust/hm_root.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum hm_err hm_roster_begin(const struct hm_guard *g, struct hm_roster_now *out, struct hm_why *why)
{
    struct hm_roster_now now = {.serial = 0};
    enum hm_err err = hm_roster_digest(g->approvers, g->approver_count, &now.list, why);
    if (err == HM_OK)
        *out = now;
    return err;
}

static enum hm_err find_signer(const struct hm_guard *g, struct hm_bytes document,
                               struct hm_bytes statement, size_t *index, struct hm_why *why)
{
    __attribute__((cleanup(hm_signed_free))) struct hm_signed s = {0};
    enum hm_err err = hm_signed_parse(document, HM_SIGNED_MAX, &s, why);
    if (err == HM_OK && !hm_bytes_eq(hm_signed_payload(&s), statement))
        err = hm_fail(why, HM_E_DENIED, "signs another statement");
    if (err == HM_OK)
        err = hm_signed_find(&s, HM_SIGNED_ROSTER, g->roster, g->roster_count, index, why);
    return err;
}

static enum hm_err count_signers(const struct hm_guard *g, const struct hm_roster_update *u,
                                 struct hm_why *why)
{
    bool counted[HM_GUARD_ROSTER_MAX] = {false};
    size_t count = 0;
    struct hm_why last = {"none was sent"};
    for (size_t i = 0; i < u->document_count; i++) {
        size_t at = 0;
        if (find_signer(g, u->documents[i], u->statement, &at, &last) != HM_OK || counted[at])
            continue;
        counted[at] = true;
        count++;
    }
    if (g->roster_threshold > 0 && count >= g->roster_threshold)
        return HM_OK;
    return hm_fail(why, HM_E_DENIED,
                   "roster: the guard asks for %zu roster keys, %zu of %zu signatures hold (last "
                   "reason: %.200s)",
                   g->roster_threshold, count, u->document_count, last.text);
}

static bool is_key_of(const struct hm_key *list, size_t count, const struct hm_key *k)
{
    for (size_t i = 0; i < count; i++)
        if (hm_key_eq(&list[i], k))
            return true;
    return false;
}

/* The rules that hm_guards_open makes for the first list. */
static enum hm_err check_list(const struct hm_guards *guards, const struct hm_guard *g,
                              const struct hm_roster *r, struct hm_why *why)
{
    if (r->count < g->approvals)
        return hm_fail(why, HM_E_DENIED, "roster: %zu approvers, the guard asks for %zu of them",
                       r->count, g->approvals);
    for (size_t i = 0; i < r->count; i++) {
        const struct hm_key *k = &r->approvers[i];
        struct hm_digest id = hm_key_id(k);
        if (hm_root_has(&guards->root, k) || hm_key_eq(&guards->log_key.key, k) ||
            hm_guards_find(guards, &id) != NULL || is_key_of(g->roster, g->roster_count, k))
            return hm_fail(why, HM_E_DENIED,
                           "roster: approver %zu is a root key, the log's, a release key or a "
                           "roster key",
                           i);
    }
    return HM_OK;
}

enum hm_err hm_roster_verify(const struct hm_guards *guards, const struct hm_digest *guards_sha256,
                             const struct hm_digest *key, const struct hm_roster_update *u,
                             struct hm_roster *out, struct hm_why *why)
{
    const struct hm_guard *g = hm_guards_find(guards, key);
    if (g == NULL)
        return hm_fail(why, HM_E_NOT_FOUND, "roster: no guard is written for this key");
    if (g->roster_threshold == 0)
        return hm_fail(why, HM_E_DENIED,
                       "roster: the guard of this key names no roster keys; only the root changes "
                       "its approvers");
    HM_FREE struct hm_roster *r = calloc(1, sizeof *r);
    if (r == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for a roster");
    enum hm_err err = count_signers(g, u, why);
    if (err == HM_OK)
        err = hm_roster_parse(u->statement, r, why);
    if (err != HM_OK)
        return err;
    if (strcmp(r->origin, guards->origin) != 0 || !hm_digest_eq(&r->key, key) ||
        !hm_digest_eq(&r->guards, guards_sha256))
        return hm_fail(why, HM_E_DENIED,
                       "roster: the statement is for another log, key or guards document");
    err = check_list(guards, g, r, why);
    if (err == HM_OK)
        memcpy(out, r, sizeof *out);
    return err;
}

enum hm_err hm_roster_follows(const struct hm_roster *r, const struct hm_roster_now *now,
                              struct hm_why *why)
{
    if (r->serial != now->serial + 1)
        return hm_fail(why, HM_E_STATE,
                       "roster: serial number %" PRIu64 ", expected %" PRIu64
                       " after the list that holds now",
                       r->serial, now->serial + 1);
    if (!hm_digest_eq(&r->former, &now->list))
        return hm_fail(why, HM_E_STATE,
                       "roster: it follows another list than the one that holds now");
    return HM_OK;
}
