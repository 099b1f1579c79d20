/* The lists of approvers that hold instead of the guards' own: taken with their proof only, kept in
 * the state directory, verified again at start, never replaced by an older one. Thread-safe. */
#ifndef SERVER_SIGNER_SIGNER_ROSTER_H
#define SERVER_SIGNER_SIGNER_ROSTER_H

#include "schema/log/hm_merkle.h"
#include "schema/trust/hm_roster_rules.h"
#include "server/ipc/ipc_msg.h"

struct signer_rosters;

/* guards, state_dir: borrowed. document: the guards document's exact bytes. HM_E_MALFORMED,
 * HM_E_DENIED: a file in the state directory is damaged or does not verify; without it the signer
 * would go back to an older list. */
enum hm_err HM_MUST_USE signer_rosters_open(const struct hm_guards *guards,
                                            struct hm_bytes document, const char *state_dir,
                                            struct signer_rosters **out, struct hm_why *why);
void signer_rosters_close(struct signer_rosters *r); /* NULL allowed */

/* The approvers of a guard that hold now. A list that was handed out stays until the end. r NULL:
 * the guard's own. */
struct signer_list {
    const struct hm_key *keys;
    size_t count;
    uint64_t serial; /* 0: the guard's own */
};
struct signer_list signer_rosters_list(const struct signer_rosters *r, const struct hm_guards *g,
                                       const struct hm_guard *guard);

/* SIGNER_ROSTER as it came; borrowed from the message. */
struct signer_roster_item {
    struct hm_digest key;
    struct hm_bytes record; /* roster.changed */
    uint64_t index;
    uint64_t size;
    struct hm_path path;
    struct hm_roster_update update;
    struct hm_bytes documents[HM_GUARD_ROSTER_MAX];
};
enum hm_err HM_MUST_USE signer_roster_read(struct hm_bytes body, struct signer_roster_item *out,
                                           struct hm_why *why);
/* root: of the checkpoint of item->size that this signer signed, NULL: none. The list is durable
 * when this returns HM_OK. The list that holds already is HM_OK again. HM_E_HISTORY, HM_E_DENIED,
 * HM_E_STATE, HM_E_IO. */
enum hm_err HM_MUST_USE signer_rosters_take(struct signer_rosters *r,
                                            const struct signer_roster_item *item,
                                            const struct hm_digest *root, struct hm_why *why);

#endif
