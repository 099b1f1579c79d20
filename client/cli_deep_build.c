/* Manifest and approval statement, made again from the signed request and the record. */
#include "client/cli_deep_priv.h"

#include "schema/suit/hm_suit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void deep_classes(struct deep_claim *k)
{
    const struct hm_request *r = &k->e->request;
    struct hm_uuid vendor = hm_vendor_id(policy_vendor_domain(k->policy));
    k->class_count = 0;
    for (size_t h = 0; h < r->hardware_count; h++)
        for (size_t g = 0; g < r->region_count && k->class_count < HM_CLASSES_MAX; g++)
            k->classes[k->class_count++] = hm_class_id(&vendor, r->product, r->hardware[h].model,
                                                       r->hardware[h].revision, r->regions[g]);
}

enum hm_err deep_build_manifest(const struct deep_claim *k, struct hm_buf *out, struct hm_why *why)
{
    const struct hm_request *r = &k->e->request;
    HM_FREE struct hm_suit_release *s = calloc(1, sizeof *s);
    if (s == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    s->sequence = k->submitted.sequence;
    s->vendor = hm_vendor_id(policy_vendor_domain(k->policy));
    s->class_count = k->class_count;
    memcpy(s->classes, k->classes, sizeof s->classes);
    s->image_count = r->artifact_count;
    for (size_t i = 0; i < r->artifact_count; i++) {
        s->images[i].digest = r->artifacts[i].digest;
        s->images[i].size = r->artifacts[i].size;
        s->images[i].slot = r->artifacts[i].slot;
        memcpy(s->images[i].uri, r->artifacts[i].uri, sizeof s->images[i].uri);
    }
    s->use_before = (uint64_t)r->use_before_s;
    s->rollback_floor = r->rollback_floor;
    s->at_least_count = r->at_least_count;
    memcpy(s->at_least, r->at_least, sizeof s->at_least);
    return hm_suit_build(s, out, why);
}

static void from_record(const struct hm_record *r, struct hm_approval *a)
{
    a->release = r->idx;
    memcpy(a->environment, r->environment, sizeof a->environment);
    a->sequence = r->sequence;
    a->manifest = r->manifest;
    a->policy = r->policy;
    a->expires_s = (int64_t)r->expires_s;
    a->sign_count = r->key_count;
    for (size_t i = 0; i < r->key_count; i++) {
        a->sign[i].key = r->keys[i].spki;
        memcpy(a->sign[i].mechanism, r->keys[i].mechanism, sizeof a->sign[i].mechanism);
        a->sign[i].tbs = r->keys[i].tbs;
    }
}

enum hm_err deep_build_statement(const char *origin, const struct deep_claim *k,
                                 const struct policy_verdict *v, struct hm_buf *out,
                                 struct hm_why *why)
{
    HM_FREE struct hm_approval *a = calloc(1, sizeof *a);
    if (a == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    (void)snprintf(a->origin, sizeof a->origin, "%s", origin);
    a->submitted = k->leaf;
    hm_approval_of_request(&k->e->request, a);
    from_record(&k->submitted, a);
    if (v->source != NULL)
        a->source = *v->source;
    if (v->builder != NULL)
        (void)snprintf(a->builder, sizeof a->builder, "%s", v->builder);
    return hm_approval_write(a, out, why);
}
