/* The life of a release: states and the one table of legal transitions. Pure. */
#ifndef SCHEMA_LOG_HM_RELEASE_STATE_H
#define SCHEMA_LOG_HM_RELEASE_STATE_H

#include <stdbool.h>

enum hm_release_state {
    HM_RELEASE_NONE = 0, /* before submission */
    HM_RELEASE_SUBMITTED,
    HM_RELEASE_APPROVED,
    HM_RELEASE_SIGNING,
    HM_RELEASE_SIGNED,
    HM_RELEASE_REFUSED,
    HM_RELEASE_REJECTED,
    HM_RELEASE_CANCELLED,
    HM_RELEASE_EXPIRED,
    HM_RELEASE_SUPERSEDED,
};
#define HM_RELEASE_STATE_COUNT 10
const char *hm_release_state_name(enum hm_release_state s); /* "submitted"; "none" for NONE */
bool hm_release_state_parse(const char *name, enum hm_release_state *out);
/* From signing only to signed or back to approved (failed, unknown). Ends have no successors. */
bool hm_release_may(enum hm_release_state from, enum hm_release_state to);
bool hm_release_is_end(enum hm_release_state s);

#endif
