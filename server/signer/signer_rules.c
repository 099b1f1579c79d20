/* The two rules, in the order of what may be believed: inclusion before the record is parsed,
 * signatures before the statement is. */
#include "server/signer/signer_rules.h"

#include "schema/attest/hm_approval.h"
#include "schema/attest/hm_signed.h"
#include "schema/log/hm_record.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MECHANISM "ESP256"

static enum hm_err check_inclusion(const struct signer_facts *f, const struct signer_item *it,
                                   struct hm_why *why)
{
    if (f->root == NULL)
        return hm_fail(why, HM_E_HISTORY,
                       "rule 2: no checkpoint of size %" PRIu64 " was signed here since start",
                       it->size);
    struct hm_digest leaf = hm_merkle_leaf(it->record);
    if (hm_merkle_check_inclusion(it->index, it->size, &leaf, &it->path, f->root) != HM_OK)
        return hm_fail(why, HM_E_HISTORY,
                       "rule 2: record %" PRIu64 " is not under the checkpoint of size %" PRIu64
                       " that was signed here",
                       it->index, it->size);
    return HM_OK;
}

static const struct hm_record_key *record_key(const struct hm_record *r,
                                              const struct hm_digest *key)
{
    for (size_t i = 0; i < r->key_count; i++)
        if (hm_digest_eq(&r->keys[i].spki, key))
            return &r->keys[i];
    return NULL;
}

static enum hm_err check_record(const struct signer_item *it, const struct hm_digest *tbs,
                                struct hm_record *r, struct hm_why *why)
{
    enum hm_err err = hm_record_parse(it->record, r, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "rule 2: record %" PRIu64, it->index);
    if (r->event != HM_EV_SIGN_INTENDED)
        return hm_fail(why, HM_E_DENIED, "rule 2: record %" PRIu64 " is %s, expected sign.intended",
                       it->index, hm_event_name(r->event));
    if (r->idx != it->index)
        return hm_fail(why, HM_E_DENIED,
                       "rule 2: record %" PRIu64 " says of itself that it is %" PRIu64, it->index,
                       r->idx);
    const struct hm_record_key *k = record_key(r, &it->key);
    if (k == NULL)
        return hm_fail(why, HM_E_DENIED, "rule 2: record %" PRIu64 " does not name this key",
                       it->index);
    if (strcmp(k->mechanism, MECHANISM) != 0)
        return hm_fail(why, HM_E_DENIED, "rule 2: record %" PRIu64 " names another mechanism",
                       it->index);
    if (!hm_digest_eq(&k->tbs, tbs))
        return hm_fail(why, HM_E_DENIED,
                       "rule 2: record %" PRIu64 " intends other bytes than the ones to be signed",
                       it->index);
    struct hm_digest statement = hm_sha256(it->statement);
    if (!r->has_statement || !hm_digest_eq(&r->statement, &statement))
        return hm_fail(why, HM_E_DENIED,
                       "rule 2: the statement is not the one that record %" PRIu64 " names",
                       it->index);
    return HM_OK;
}

/* Index of the approver whose signature over exactly this statement the document holds. */
static enum hm_err find_approver(const struct signer_list *list, struct hm_bytes document,
                                 struct hm_bytes statement, size_t *index, struct hm_why *why)
{
    __attribute__((cleanup(hm_signed_free))) struct hm_signed s = {0};
    enum hm_err err = hm_signed_parse(document, HM_SIGNED_MAX, &s, why);
    if (err == HM_OK && !hm_bytes_eq(hm_signed_payload(&s), statement))
        err = hm_fail(why, HM_E_DENIED, "approves another statement");
    if (err == HM_OK)
        err = hm_signed_find(&s, HM_SIGNED_APPROVAL, list->keys, list->count, index, why);
    return err;
}

/* Counts distinct approver keys up to the number demanded; what comes after that is not looked at.
 */
static enum hm_err count_approvals(const struct hm_guard *g, const struct signer_list *list,
                                   const struct signer_item *it, struct hm_why *why)
{
    bool counted[HM_GUARD_APPROVERS_MAX] = {false};
    size_t count = 0;
    struct hm_why last = {"none was sent"};
    for (size_t i = 0; i < it->approval_count && count < g->approvals; i++) {
        size_t at = 0;
        if (find_approver(list, it->approvals[i], it->statement, &at, &last) != HM_OK)
            continue;
        if (counted[at]) {
            (void)hm_fail(&last, HM_E_DENIED, "one approver's key signed twice");
            continue;
        }
        counted[at] = true;
        count++;
    }
    if (count >= g->approvals)
        return HM_OK;
    if (count == it->approval_count && count > 0)
        (void)hm_fail(&last, HM_E_DENIED, "no more were sent");
    return hm_fail(why, HM_E_DENIED,
                   "rule 3: the guard demands %zu approvals, %zu of %zu hold (last reason: %.300s)",
                   g->approvals, count, it->approval_count, last.text);
}

static bool names_key(const struct hm_approval *a, const struct hm_digest *key,
                      const struct hm_digest *tbs)
{
    for (size_t i = 0; i < a->sign_count; i++)
        if (hm_digest_eq(&a->sign[i].key, key))
            return strcmp(a->sign[i].mechanism, MECHANISM) == 0 &&
                   hm_digest_eq(&a->sign[i].tbs, tbs);
    return false;
}

static enum hm_err check_approval(const struct signer_facts *f, const struct hm_guard *g,
                                  const struct hm_record *r, const struct hm_approval *a,
                                  struct hm_why *why)
{
    if (strcmp(a->origin, f->guards->origin) != 0)
        return hm_fail(why, HM_E_DENIED, "rule 3: the statement is for another log");
    if (strcmp(a->environment, g->environment) != 0)
        return hm_fail(why, HM_E_DENIED,
                       "rule 3: the statement is for environment %s, the key's is %s",
                       a->environment, g->environment);
    if (!r->has_manifest || !hm_digest_eq(&a->manifest, &r->manifest) ||
        a->sequence != r->sequence || strcmp(a->product, r->product) != 0 ||
        strcmp(a->version, r->version) != 0 || strcmp(a->channel, r->channel) != 0 ||
        !r->has_release || a->release != r->release)
        return hm_fail(why, HM_E_DENIED,
                       "rule 3: the statement and the record are not about the same release");
    if (f->now_s >= a->expires_s)
        return hm_fail(why, HM_E_EXPIRED, "rule 3: the approvals have expired");
    return HM_OK;
}

static enum hm_err check_guard(const struct signer_facts *f, const struct hm_guard *g,
                               const struct signer_item *it, const struct hm_record *r,
                               const struct hm_digest *tbs, struct hm_why *why)
{
    /* Whoever watches the log for one environment sees every use of its keys. */
    if (strcmp(r->environment, g->environment) != 0)
        return hm_fail(why, HM_E_DENIED,
                       "rule 2: record %" PRIu64 " is for another environment than the guard's %s",
                       it->index, g->environment);
    if (g->approvals == 0)
        return HM_OK; /* a development key (hm_guards.h): rule 2 and the statement's digest held */
    const struct signer_list list = signer_rosters_list(f->rosters, f->guards, g);
    enum hm_err err = count_approvals(g, &list, it, why);
    if (err != HM_OK)
        return err;
    struct hm_approval *a = calloc(1, sizeof *a); /* large: not for a thread's stack */
    if (a == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for a statement");
    err = hm_approval_parse(it->statement, a, why);
    if (err != HM_OK)
        err = hm_fail_in(why, err, "rule 3: statement");
    if (err == HM_OK && !names_key(a, &it->key, tbs))
        err = hm_fail(why, HM_E_DENIED,
                      "rule 3: the statement does not name this key with these bytes");
    if (err == HM_OK)
        err = check_approval(f, g, r, a, why);
    free(a);
    return err;
}

enum hm_err signer_rules_check(const struct signer_facts *f, const struct signer_item *item,
                               struct hm_why *why)
{
    struct hm_record r;
    const struct hm_guard *g = hm_guards_find(f->guards, &item->key);
    if (g == NULL)
        return hm_fail(why, HM_E_DENIED, "rule 3: no guard is written for this key");
    enum hm_err err = check_inclusion(f, item, why);
    struct hm_digest tbs = hm_sha256(item->tbs);
    if (err == HM_OK)
        err = check_record(item, &tbs, &r, why);
    if (err == HM_OK)
        err = check_guard(f, g, item, &r, &tbs, why);
    return err;
}
