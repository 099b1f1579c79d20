/* The rules of a release request that no single member shows. Pure; any thread. */
#include "schema/attest/hm_request_priv.h"
#include "schema/attest/hm_unique_priv.h"

#include <string.h>

static enum hm_err twice(struct hm_why *why, const char *member)
{
    return hm_fail(why, HM_E_MALFORMED, "$.%s: an element stands there twice", member);
}

static enum hm_err check_unique(const struct hm_request *r, struct hm_why *why)
{
    if (hm_any_twice(r->hardware, sizeof r->hardware[0], sizeof r->hardware[0], r->hardware_count))
        return twice(why, "hardware");
    if (hm_any_twice(r->regions, sizeof r->regions[0], sizeof r->regions[0], r->region_count))
        return twice(why, "regions");
    if (hm_any_twice(r->dependencies, sizeof r->dependencies[0], sizeof r->dependencies[0],
                     r->dependency_count))
        return twice(why, "dependencies");
    if (hm_any_twice(r->attestations, sizeof r->attestations[0], sizeof r->attestations[0],
                     r->attestation_count))
        return twice(why, "attestations");
    if (hm_any_twice(r->artifacts, sizeof r->artifacts[0], sizeof r->artifacts[0].name,
                     r->artifact_count))
        return hm_fail(why, HM_E_MALFORMED, "$.artifacts: two of one name");
    return HM_OK;
}

static enum hm_err check_slots(const struct hm_request *r, struct hm_why *why)
{
    unsigned taken = 0;
    if (r->artifact_count == 1 && r->artifacts[0].slot < 0)
        return HM_OK;
    for (size_t i = 0; i < r->artifact_count; i++) {
        int slot = r->artifacts[i].slot;
        if (slot < 0 || slot >= HM_ARTIFACTS_MAX)
            return hm_fail(why, HM_E_MALFORMED,
                           "$.artifacts[%zu].slot: expected one, as there are several artifacts",
                           i);
        if ((taken & 1u << (unsigned)slot) != 0)
            return hm_fail(why, HM_E_MALFORMED, "$.artifacts[%zu].slot: %d is taken", i, slot);
        taken |= 1u << (unsigned)slot;
    }
    return HM_OK;
}

enum hm_err hm_request_check(const struct hm_request *r, struct hm_why *why)
{
    if (r->hardware_count * r->region_count > HM_CLASSES_MAX)
        return hm_fail(why, HM_E_LIMIT, "$.hardware: with its regions more than %d device classes",
                       HM_CLASSES_MAX);
    enum hm_err e = check_unique(r, why);
    return e == HM_OK ? check_slots(r, why) : e;
}
