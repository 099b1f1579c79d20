/* The table of legal transitions of a release. Pure; any thread. */
#include "schema/log/hm_release_state.h"

#include <string.h>

static const char *const names[HM_RELEASE_STATE_COUNT] = {
    [HM_RELEASE_NONE] = "none",         [HM_RELEASE_SUBMITTED] = "submitted",
    [HM_RELEASE_APPROVED] = "approved", [HM_RELEASE_SIGNING] = "signing",
    [HM_RELEASE_SIGNED] = "signed",     [HM_RELEASE_REFUSED] = "refused",
    [HM_RELEASE_REJECTED] = "rejected", [HM_RELEASE_CANCELLED] = "cancelled",
    [HM_RELEASE_EXPIRED] = "expired",   [HM_RELEASE_SUPERSEDED] = "superseded",
};

#define TO(state) (1u << (unsigned)(state))
#define TO_ENDS                                                                                    \
    (TO(HM_RELEASE_REJECTED) | TO(HM_RELEASE_CANCELLED) | TO(HM_RELEASE_EXPIRED) |                 \
     TO(HM_RELEASE_SUPERSEDED))

/* Bit set of successors. A release without required approvals is born approved. */
static const unsigned successors[HM_RELEASE_STATE_COUNT] = {
    [HM_RELEASE_NONE] = TO(HM_RELEASE_SUBMITTED) | TO(HM_RELEASE_APPROVED) | TO(HM_RELEASE_REFUSED),
    [HM_RELEASE_SUBMITTED] = TO(HM_RELEASE_APPROVED) | TO_ENDS,
    [HM_RELEASE_APPROVED] = TO(HM_RELEASE_SIGNING) | TO_ENDS,
    [HM_RELEASE_SIGNING] = TO(HM_RELEASE_SIGNED) | TO(HM_RELEASE_APPROVED),
};

static bool known(enum hm_release_state s)
{
    return (unsigned)s < HM_RELEASE_STATE_COUNT;
}

const char *hm_release_state_name(enum hm_release_state s)
{
    return known(s) ? names[s] : "none";
}

bool hm_release_state_parse(const char *name, enum hm_release_state *out)
{
    for (unsigned i = 0; i < HM_RELEASE_STATE_COUNT; i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (enum hm_release_state)i;
            return true;
        }
    }
    return false;
}

bool hm_release_may(enum hm_release_state from, enum hm_release_state to)
{
    return known(from) && known(to) && (successors[from] & TO(to)) != 0;
}

bool hm_release_is_end(enum hm_release_state s)
{
    return known(s) && successors[s] == 0;
}
