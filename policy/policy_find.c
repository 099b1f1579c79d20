/* Lookups in a loaded policy: binary searches, no allocation, by bytes. */
#include "policy/policy_priv.h"

#include <string.h>

int policy_key_compare(const struct hm_key *a, const struct hm_key *b)
{
    if (a->alg != b->alg)
        return a->alg < b->alg ? -1 : 1;
    if (a->raw_len != b->raw_len)
        return a->raw_len < b->raw_len ? -1 : 1;
    return memcmp(a->raw, b->raw, a->raw_len);
}

const struct policy_key_ref *policy_find_key(const struct policy *p, const struct hm_key *k)
{
    if (k->raw_len > HM_KEY_RAW_MAX)
        return NULL;
    size_t lo = 0;
    size_t hi = p->all_key_count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = policy_key_compare(p->all_keys[mid].key, k);
        if (c == 0)
            return &p->all_keys[mid];
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

const struct policy_rule *policy_rule_at(const struct policy *p, size_t i)
{
    return i < p->rule_count ? &p->rules[i].pub : NULL;
}

const struct policy_principal *policy_principal(const struct policy *p, const char *id)
{
    const struct policy_entry *e = id != NULL ? policy_index_find(&p->principal_ids, id) : NULL;
    return e != NULL ? &p->principals[e->where.i] : NULL;
}

const struct policy_principal *policy_principal_at(const struct policy *p, size_t i)
{
    return i < p->principal_count ? &p->principals[i] : NULL;
}

const struct policy_release_key *policy_key_at(const struct policy *p, size_t i)
{
    return i < p->key_count ? &p->keys[i].pub : NULL;
}

const struct policy_group *policy_find_group(const struct policy *p, const char *id)
{
    const struct policy_entry *e = id != NULL ? policy_index_find(&p->group_ids, id) : NULL;
    return e != NULL ? &p->groups[e->where.i] : NULL;
}

const struct policy_builder *policy_find_builder(const struct policy *p, const char *id)
{
    const struct policy_entry *e = id != NULL ? policy_index_find(&p->builder_ids, id) : NULL;
    return e != NULL ? &p->builders[e->where.i] : NULL;
}

const struct policy_principal *policy_by_certificate(const struct policy *p,
                                                     const struct hm_digest *fingerprint,
                                                     const char *const *uris, size_t uri_count)
{
    const struct policy_principal *who = NULL;
    const struct policy_digest_at *d =
        fingerprint != NULL ? policy_digests_find(&p->fingerprints, fingerprint) : NULL;
    if (d != NULL)
        who = &p->principals[d->where.i];
    for (size_t i = 0; i < uri_count; i++) {
        const struct policy_entry *e =
            uris[i] != NULL ? policy_index_find(&p->san_uris, uris[i]) : NULL;
        if (e == NULL)
            continue;
        const struct policy_principal *other = &p->principals[e->where.i];
        if (who != NULL && who != other)
            return NULL;
        who = other;
    }
    return who;
}

static const struct policy_principal *holder(const struct policy *p, const struct hm_key *k,
                                             enum policy_key_role role)
{
    const struct policy_key_ref *r = policy_find_key(p, k);
    return r != NULL && r->role == role ? &p->principals[r->where.i] : NULL;
}

const struct policy_principal *policy_by_submit_key(const struct policy *p, const struct hm_key *k)
{
    return holder(p, k, POLICY_KEY_SUBMIT);
}

const struct policy_principal *policy_by_approval_key(const struct policy *p,
                                                      const struct hm_key *k)
{
    return holder(p, k, POLICY_KEY_APPROVE);
}

const struct hm_key *policy_approval_key(const struct policy *p, const char *principal,
                                         const struct hm_digest *id)
{
    const struct policy_digest_at *d = policy_digests_find(&p->approval_keys, id);
    const struct policy_principal *who = d != NULL ? &p->principals[d->where.i] : NULL;
    return who != NULL && principal != NULL && strcmp(who->id, principal) == 0
               ? &who->approval_keys[d->where.j]
               : NULL;
}

const struct hm_key_ready *policy_key_ready(const struct policy *p, const struct hm_key *k)
{
    const struct policy_key_ref *r = policy_find_key(p, k);
    return r != NULL ? r->ready : NULL;
}

static bool stage_asks(const struct policy_stage_of *s, const struct policy_principal *who)
{
    for (size_t i = 0; i < s->count; i++)
        if (policy_ptrs_has(&s->v[i].group->members, who))
            return true;
    return false;
}

bool policy_rule_asks(const struct policy_rule *r, size_t stage, const struct policy_principal *who)
{
    const struct policy_quorum_rule *q = &((const struct policy_rule_full *)r)->quorum;
    for (size_t i = 0; i < q->stage_count; i++)
        if ((stage == POLICY_ANY_STAGE || stage == i) && stage_asks(&q->stages[i], who))
            return true;
    return false;
}

bool policy_rule_may_reject(const struct policy_rule *r, const struct policy_principal *who)
{
    const struct policy_ptrs *veto = &((const struct policy_rule_full *)r)->quorum.veto;
    for (size_t i = 0; i < veto->count; i++) {
        const struct policy_group *g = veto->v[i];
        if (policy_ptrs_has(&g->members, who))
            return true;
    }
    return policy_rule_asks(r, POLICY_ANY_STAGE, who);
}

const struct hm_key *policy_builder_keys(const struct policy *p, const char *builder_id,
                                         size_t *count)
{
    const struct policy_builder *b = policy_find_builder(p, builder_id);
    *count = b != NULL ? b->key_count : 0;
    return b != NULL ? b->keys : NULL;
}

const char *policy_builder_at(const struct policy *p, size_t i, const struct hm_key **keys,
                              size_t *count)
{
    if (i >= p->builder_count)
        return NULL;
    *keys = p->builders[i].keys;
    *count = p->builders[i].key_count;
    return p->builders[i].id;
}
