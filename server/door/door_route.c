#include "server/door/door_route.h"

#include "server/door/door_handlers.h"
#include "server/ident/ident_token.h"

#include <stdio.h>
#include <string.h>

#define ENTRIES_PARAMS                                                                             \
    "event product version channel environment actor outcome release artifact key since until "    \
    "after order limit"
#define FOLLOW_PARAMS                                                                              \
    "event product version channel environment actor outcome release artifact key after from"
#define RELEASES_PARAMS "product version channel environment state submitter after limit"
#define APPROVER DOOR_APPROVER
#define ADMINISTRATOR DOOR_ADMINISTRATOR
#define EITHER (DOOR_SUBMITTER | DOOR_APPROVER)
#define READER (DOOR_READER | IDENT_TOKEN_ACCESS)
#define LOG_READER (READER | DOOR_PUBLIC)

const struct door_route door_routes[] = {
    {"GET", "/healthz", DOOR_ANYBODY, DOOR_BODY_NONE, "", NULL, door_get_healthz},
    {"GET", "/readyz", DOOR_ANYBODY, DOOR_BODY_NONE, "", NULL, door_get_readyz},
    {"GET", "/openapi.json", DOOR_ANYBODY, DOOR_BODY_NONE, "", NULL, door_get_openapi},
    {"GET", "/metrics", READER, DOOR_BODY_NONE, "", NULL, door_get_metrics},
    {"PUT", "/v1/artifacts/{digest}", DOOR_SUBMITTER | IDENT_TOKEN_FRESH, DOOR_BODY_UPLOAD, "",
     door_upload_begin, door_upload_end},
    {"GET", "/v1/artifacts/{digest}", READER, DOOR_BODY_NONE, "", NULL, door_get_artifact},
    {"HEAD", "/v1/artifacts/{digest}", READER, DOOR_BODY_NONE, "", NULL, door_get_artifact},
    {"POST", "/v1/releases", DOOR_SUBMITTER | IDENT_TOKEN_BOUND, DOOR_BODY_RELEASE, "",
     door_submit_begin, door_submit_end},
    {"GET", "/v1/releases", READER, DOOR_BODY_NONE, RELEASES_PARAMS, NULL, door_get_releases},
    {"GET", "/v1/releases/{id}", READER, DOOR_BODY_NONE, "wait", NULL, door_get_release},
    {"GET", "/v1/releases/{id}/statement", READER, DOOR_BODY_NONE, "", NULL, door_get_statement},
    {"GET", "/v1/releases/{id}/manifest", READER, DOOR_BODY_NONE, "", NULL, door_get_manifest},
    {"POST", "/v1/releases/{id}/approvals", APPROVER, DOOR_BODY_DOCUMENT, "", door_approve_begin,
     door_change_end},
    {"POST", "/v1/releases/{id}/rejection", APPROVER, DOOR_BODY_DOCUMENT, "", door_reject_begin,
     door_change_end},
    {"POST", "/v1/releases/{id}/cancellation", EITHER, DOOR_BODY_DOCUMENT, "", door_cancel_begin,
     door_change_end},
    {"POST", "/v1/releases/{id}/signature", EITHER | IDENT_TOKEN_ACCESS, DOOR_BODY_OPTIONAL, "",
     door_sign_begin, door_empty_end},
    {"GET", "/v1/releases/{id}/bundle", READER, DOOR_BODY_NONE, "", NULL, door_get_bundle},
    {"GET", "/v1/keys", READER, DOOR_BODY_NONE, "", NULL, door_get_keys},
    {"GET", "/v1/policy", READER, DOOR_BODY_NONE, "", NULL, door_get_policy},
    {"POST", "/v1/policy/proposals", ADMINISTRATOR, DOOR_BODY_RELEASE, "",
     door_policy_propose_begin, door_change_end},
    {"POST", "/v1/policy/proposals/{index}/approvals", ADMINISTRATOR, DOOR_BODY_DOCUMENT, "",
     door_policy_approve_begin, door_change_end},
    {"POST", "/v1/policy/proposals/{index}/activation", ADMINISTRATOR, DOOR_BODY_OPTIONAL, "",
     door_policy_activate_begin, door_empty_end},
    {"POST", "/v1/policy/replacement", ADMINISTRATOR | APPROVER, DOOR_BODY_RELEASE, "",
     door_policy_replace_begin, door_change_end},
    {"POST", "/v1/guards", ADMINISTRATOR | APPROVER, DOOR_BODY_RELEASE, "", door_guards_begin,
     door_change_end},
    {"POST", "/v1/rosters", ADMINISTRATOR | APPROVER, DOOR_BODY_RELEASE, "", door_roster_begin,
     door_change_end},
    {"POST", "/v1/log/erasures", ADMINISTRATOR, DOOR_BODY_RELEASE, "", door_erase_begin,
     door_change_end},
    {"GET", "/v1/trust-stores/{environment}", READER, DOOR_BODY_NONE, "", NULL,
     door_get_trust_store},
    {"GET", "/v1/log/checkpoint", READER, DOOR_BODY_NONE, "cosigned", NULL, door_get_checkpoint},
    {"GET", "/v1/alerts", READER, DOOR_BODY_NONE, "kind severity current after limit", NULL,
     door_get_alerts},
    {"GET", "/v1/log/entries", READER, DOOR_BODY_NONE, ENTRIES_PARAMS, NULL, door_get_entries},
    {"GET", "/v1/log/follow", READER, DOOR_BODY_NONE, FOLLOW_PARAMS, NULL, door_get_follow},
    {"GET", "/v1/log/entries/{index}", READER, DOOR_BODY_NONE, "", NULL, door_get_entry},
    {"GET", "/v1/log/entries/{index}/proof", READER, DOOR_BODY_NONE, "size", NULL, door_get_proof},
    {"GET", "/v1/log/entries/{index}/evidence/{n}", READER, DOOR_BODY_NONE, "", NULL,
     door_get_evidence},
    {"GET", "/log/checkpoint", LOG_READER, DOOR_BODY_NONE, "", NULL, door_get_log_checkpoint},
    {"HEAD", "/log/checkpoint", LOG_READER, DOOR_BODY_NONE, "", NULL, door_get_log_checkpoint},
    {"GET", "/log/tile/{+tile}", LOG_READER, DOOR_BODY_NONE, "", NULL, door_get_tile},
    {"HEAD", "/log/tile/{+tile}", LOG_READER, DOOR_BODY_NONE, "", NULL, door_get_tile},
    {"GET", "/v1/log/consistency", READER, DOOR_BODY_NONE, "old size", NULL, door_get_consistency},
};
const size_t door_route_count = sizeof door_routes / sizeof door_routes[0];

/* Length of the segment at p, up to the next slash. */
static size_t segment(const char *p)
{
    return strcspn(p, "/");
}

/* Compares a path with a pattern, segment by segment. */
static bool path_fits(const char *pattern, const char *path, struct door_match *m)
{
    size_t captured = 0;
    while (*pattern == '/' && *path == '/') {
        size_t want = segment(++pattern);
        bool rest = strncmp(pattern, "{+", 2) == 0;
        size_t have = rest ? strlen(++path) : segment(++path);
        if (*pattern == '{') {
            if (captured == DOOR_CAPTURES_MAX || have == 0 || have > DOOR_CAPTURE_MAX)
                return false;
            (void)snprintf(m->capture[captured++], DOOR_CAPTURE_MAX + 1, "%.*s", (int)have, path);
        } else if (want != have || strncmp(pattern, path, want) != 0) {
            return false;
        }
        pattern += want;
        path += have;
    }
    return *pattern == '\0' && *path == '\0';
}

void door_route_match(const char *method, const char *path, struct door_match *out)
{
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < door_route_count; i++) {
        struct door_match m = {0};
        if (!path_fits(door_routes[i].path, path, &m))
            continue;
        out->path_known = true;
        if (strcmp(door_routes[i].method, method) == 0) {
            *out = m;
            out->path_known = true;
            out->route = &door_routes[i];
            return;
        }
    }
}

void door_route_allow(const char *path, char out[static 64])
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < door_route_count; i++) {
        struct door_match m = {0};
        if (path_fits(door_routes[i].path, path, &m) && len < 48)
            len += (size_t)snprintf(out + len, 64 - len, "%s%s", len > 0 ? ", " : "",
                                    door_routes[i].method);
    }
}
