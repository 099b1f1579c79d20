/* What the signer asks for besides the policy: guards that the root signed, and lists of approvers
 * that their roster keys signed. Judged again, each from its own evidence; what does not hold
 * changes nothing, as the signer would not take it either. */
#include "client/cli_deep_priv.h"

#include "policy/policy_guards.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CREATED_GUARDS 1u /* evidence of log.created */

static void document_free(struct deep_document *x)
{
    hm_guards_free(&x->guards);
    *x = (struct deep_document){.there = false};
}

static void lists_free(struct deep_guards *g)
{
    for (size_t i = 0; g->lists != NULL && i < g->served.guards.count; i++)
        free(g->lists[i].keys);
    free(g->lists);
    g->lists = NULL;
}

void deep_guards_free(struct deep_guards *g)
{
    lists_free(g);
    document_free(&g->served);
    document_free(&g->recorded);
}

/* ---- documents ---- */

static enum hm_err open_document(struct cli_deep *d, const struct hm_record *r, size_t n,
                                 const struct hm_root *root, struct deep_document *out,
                                 struct hm_why *why)
{
    HM_BUF_AUTO text = {.limit = HM_GUARDS_MAX + 1};
    enum hm_err err = deep_fetch(d, r, n, HM_GUARDS_MAX, &text, why);
    if (err == HM_OK)
        err = hm_guards_open(hm_buf_bytes(&text), root, &out->guards, why);
    if (err != HM_OK)
        return err;
    out->there = true;
    out->sha256 = r->evidence[n];
    out->record = r->idx;
    return strcmp(out->guards.origin, d->in.log_key->name) == 0 &&
                   hm_key_eq(&out->guards.log_key.key, &d->in.log_key->key)
               ? HM_OK
               : hm_fail(why, HM_E_DENIED, "guards of another log or log key");
}

/* The registrar serves it from now on, and every guard begins with its own list. */
static enum hm_err serve(struct deep_guards *g, const struct deep_document *x, struct hm_why *why)
{
    struct deep_list_of *lists = calloc(x->guards.count + 1, sizeof *lists);
    enum hm_err err = lists != NULL ? HM_OK : hm_fail(why, HM_E_MEMORY, "out of memory");
    for (size_t i = 0; err == HM_OK && i < x->guards.count; i++)
        err = hm_roster_begin(&x->guards.guards[i], &lists[i].now, why);
    if (err != HM_OK) {
        free(lists);
        return err;
    }
    lists_free(g);
    document_free(&g->served);
    g->served = *x;
    g->lists = lists;
    return HM_OK;
}

enum hm_err deep_guards_begin(struct cli_deep *d, const struct hm_record *created,
                              const struct hm_genesis *genesis, const struct hm_root *root,
                              struct hm_why *why)
{
    struct deep_document x = {.there = false};
    if (created->evidence_count <= CREATED_GUARDS ||
        !hm_digest_eq(&created->evidence[CREATED_GUARDS], &genesis->guards))
        return hm_fail(why, HM_E_DENIED, "the first guards are not those that the genesis names");
    enum hm_err err = open_document(d, created, CREATED_GUARDS, root, &x, why);
    if (err == HM_OK)
        err = serve(&d->guards, &x, why);
    if (err != HM_OK) {
        document_free(&x);
        return hm_fail_in(why, err, "guards");
    }
    d->sums.guards++;
    return HM_OK;
}

/* The guards in force with the lists that hold. Borrows everything; the array is the caller's. */
static enum hm_err effective(const struct deep_guards *g, struct hm_guards *out, struct hm_why *why)
{
    *out = g->served.guards;
    out->guards = calloc(out->count + 1, sizeof *out->guards);
    if (out->guards == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    for (size_t i = 0; i < out->count; i++) {
        out->guards[i] = g->served.guards.guards[i];
        if (g->lists[i].now.serial > 0) {
            out->guards[i].approvers = g->lists[i].keys;
            out->guards[i].approver_count = g->lists[i].count;
        }
    }
    return HM_OK;
}

/* The policy in force asks for no less. */
static enum hm_err fits(struct cli_deep *d, const struct hm_guards *guards, struct hm_why *why)
{
    const struct deep_policy *p = deep_in_force(d);
    return p == NULL || p->policy == NULL ? HM_OK : policy_check_guards(p->policy, guards, why);
}

static const struct deep_document *newest(const struct deep_guards *g)
{
    return g->recorded.there ? &g->recorded : &g->served;
}

static enum hm_err check_document(struct cli_deep *d, const struct hm_record *r,
                                  const struct deep_document *x, struct hm_why *why)
{
    uint64_t before = newest(&d->guards)->guards.serial;
    if (x->guards.serial != r->serial || x->guards.serial <= before)
        return hm_fail(why, HM_E_DENIED,
                       "guards with serial number %" PRIu64 " after %" PRIu64
                       ", the record says %" PRIu64,
                       x->guards.serial, before, r->serial);
    enum hm_err err = fits(d, &x->guards, why);
    return err == HM_OK ? HM_OK : hm_fail_in(why, HM_E_DENIED, "the policy in force asks for less");
}

static enum hm_err take_document(struct cli_deep *d, const struct hm_record *r, struct hm_why *why)
{
    struct deep_document x = {.there = false};
    enum hm_err err = open_document(d, r, 0, &d->policies.root, &x, why);
    if (err == HM_OK)
        err = check_document(d, r, &x, why);
    if (err != HM_OK) {
        document_free(&x);
        return err;
    }
    document_free(&d->guards.recorded);
    d->guards.recorded = x;
    d->sums.guards++;
    return HM_OK;
}

/* A registrar starts with the newest document that is recorded, and with no other. */
static enum hm_err take_start(struct cli_deep *d, struct hm_why *why)
{
    struct deep_guards *g = &d->guards;
    if (!g->recorded.there)
        return HM_OK;
    enum hm_err err = serve(g, &g->recorded, why);
    if (err == HM_OK)
        g->recorded = (struct deep_document){.there = false}; /* served has it now */
    return err;
}

/* ---- lists of approvers ---- */

static struct deep_list_of *list_of(struct deep_guards *g, const struct hm_digest *key)
{
    for (size_t i = 0; i < g->served.guards.count; i++)
        if (hm_digest_eq(&g->served.guards.guards[i].key, key))
            return &g->lists[i];
    return NULL;
}

/* Statement and signatures out of the evidence. */
static enum hm_err read_update(struct cli_deep *d, const struct hm_record *r,
                               struct hm_buf blobs[static 1 + HM_GUARD_ROSTER_MAX],
                               struct hm_bytes documents[static HM_GUARD_ROSTER_MAX],
                               struct hm_roster_update *out, struct hm_why *why)
{
    size_t n = r->evidence_count;
    if (n < 2 || n > 1 + HM_GUARD_ROSTER_MAX || !r->has_guard || !r->has_statement ||
        !hm_digest_eq(&r->statement, &r->evidence[0]))
        return hm_fail(why, HM_E_DENIED,
                       "no statement with its signatures, or another than it names");
    for (size_t i = 0; i < n; i++) {
        enum hm_err err =
            deep_fetch(d, r, i, i == 0 ? HM_STATEMENT_MAX : HM_SIGNED_MAX, &blobs[i], why);
        if (err != HM_OK)
            return err;
        if (i > 0)
            documents[i - 1] = hm_buf_bytes(&blobs[i]);
    }
    *out = (struct hm_roster_update){hm_buf_bytes(&blobs[0]), documents, n - 1};
    return HM_OK;
}

static enum hm_err verify_update(struct cli_deep *d, const struct hm_record *r,
                                 struct hm_roster *out, struct hm_why *why)
{
    struct hm_buf blobs[1 + HM_GUARD_ROSTER_MAX];
    struct hm_bytes documents[HM_GUARD_ROSTER_MAX];
    struct hm_roster_update u;
    const struct deep_guards *g = &d->guards;
    for (size_t i = 0; i < 1 + HM_GUARD_ROSTER_MAX; i++)
        blobs[i] = (struct hm_buf){.limit = HM_SIGNED_MAX + 1};
    enum hm_err err = read_update(d, r, blobs, documents, &u, why);
    if (err == HM_OK)
        err = hm_roster_verify(&g->served.guards, &g->served.sha256, &r->guard, &u, out, why);
    for (size_t i = 0; i < 1 + HM_GUARD_ROSTER_MAX; i++)
        hm_buf_free(&blobs[i]);
    return err;
}

/* From now on; goes back to what it was where the policy in force could not be met with it. */
static enum hm_err exchange(struct cli_deep *d, struct deep_list_of *list,
                            const struct hm_roster *roster, struct hm_why *why)
{
    struct hm_guards all;
    struct deep_list_of before = *list;
    struct deep_list_of after = {.now = {.serial = roster->serial}, .count = roster->count};
    after.keys = calloc(roster->count + 1, sizeof *after.keys);
    if (after.keys == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    memcpy(after.keys, roster->approvers, roster->count * sizeof *after.keys);
    *list = after;
    enum hm_err err = hm_roster_digest(roster->approvers, roster->count, &list->now.list, why);
    if (err == HM_OK)
        err = effective(&d->guards, &all, why);
    if (err == HM_OK) {
        if (fits(d, &all, why) != HM_OK)
            err = hm_fail_in(why, HM_E_DENIED, "the policy in force asks other people");
        free(all.guards);
    }
    free(err == HM_OK ? before.keys : list->keys);
    if (err != HM_OK)
        *list = before;
    return err;
}

static enum hm_err take_roster(struct cli_deep *d, const struct hm_record *r, struct hm_why *why)
{
    HM_FREE struct hm_roster *roster = calloc(1, sizeof *roster);
    struct deep_list_of *list = list_of(&d->guards, &r->guard);
    if (roster == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    enum hm_err err = verify_update(d, r, roster, why);
    if (err != HM_OK)
        return err;
    if (list == NULL || roster->serial != r->serial)
        return hm_fail(why, HM_E_DENIED, "the record says another serial number");
    err = hm_roster_follows(roster, &list->now, why);
    if (err == HM_OK)
        err = exchange(d, list, roster, why);
    d->sums.guards += err == HM_OK;
    return err;
}

enum hm_err deep_guards_record(struct cli_deep *d, const struct hm_record *r, struct hm_why *why)
{
    bool change = r->event == HM_EV_GUARDS_CHANGED || r->event == HM_EV_ROSTER_CHANGED;
    d->step = CLI_DEEP_GUARD_CHANGE;
    if (change && !d->guards.served.there)
        return hm_fail(why, HM_E_DENIED, "the genesis and its guards are not proven");
    if (r->event == HM_EV_GUARDS_CHANGED)
        return take_document(d, r, why);
    if (r->event == HM_EV_ROSTER_CHANGED)
        return take_roster(d, r, why);
    return r->event == HM_EV_REGISTRAR_STARTED ? take_start(d, why) : HM_OK;
}

/* ---- what they allow ---- */

/* As the signer sees it: a key is what it is enrolled as. */
static bool listed(const struct hm_guard *g, const struct hm_key *k)
{
    for (size_t i = 0; i < g->approver_count; i++)
        if (hm_key_eq(&g->approvers[i], k) && hm_key_is_sk(&g->approvers[i]) == hm_key_is_sk(k) &&
            strcmp(g->approvers[i].application, k->application) == 0)
            return true;
    return false;
}

static bool allows(const struct hm_guards *guards, const struct hm_digest *key,
                   const char *environment, const struct deep_release *o, struct hm_why *why)
{
    const struct hm_guard *g = hm_guards_find(guards, key);
    size_t n = 0;
    for (size_t i = 0; g != NULL && i < o->approved_count; i++) {
        bool again = false;
        for (size_t k = 0; k < i; k++)
            again = again || hm_key_eq(&o->approved[k], &o->approved[i]);
        n += !again && listed(g, &o->approved[i]);
    }
    if (g == NULL)
        (void)hm_fail(why, HM_E_DENIED, "no guard is written for the key");
    else if (strcmp(g->environment, environment) != 0)
        (void)hm_fail(why, HM_E_DENIED, "its guard is for %s", g->environment);
    else if (n < g->approvals)
        (void)hm_fail(why, HM_E_DENIED, "its guard asks for %zu of a list, %zu of them approved",
                      g->approvals, n);
    else
        return true;
    return false;
}

enum hm_err deep_guards_allow(const struct cli_deep *d, const struct hm_digest *key,
                              const char *environment, const struct deep_release *o,
                              struct hm_why *why)
{
    struct hm_guards now;
    enum hm_err err = effective(&d->guards, &now, why);
    if (err != HM_OK)
        return err;
    bool yes = allows(&now, key, environment, o, why);
    free(now.guards);
    /* Recorded and not served yet: the signer may have read it at a start of its own. */
    if (!yes && d->guards.recorded.there)
        yes = allows(&d->guards.recorded.guards, key, environment, o, why);
    return yes ? HM_OK : HM_E_DENIED;
}
