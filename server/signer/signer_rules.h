/* Rules 2 and 3: what a release key may sign. Pure: facts in, verdict out. Thread: any. */
#ifndef SERVER_SIGNER_SIGNER_RULES_H
#define SERVER_SIGNER_SIGNER_RULES_H

#include "schema/trust/hm_guards.h"
#include "server/signer/signer_item.h"
#include "server/signer/signer_roster.h"

struct signer_facts {
    const struct hm_guards *guards;
    const struct signer_rosters *rosters; /* NULL: the guards' own lists hold */
    /* Root of the checkpoint of item->size that this signer signed, or NULL: it signed none. */
    const struct hm_digest *root;
    int64_t now_s; /* the signer's clock, Unix seconds */
};

/* HM_OK only if the item's record is a sign.intended under that root that names this key and these
 * bytes, and the key's guard is satisfied. HM_E_DENIED, HM_E_HISTORY, HM_E_SIGNATURE, HM_E_EXPIRED,
 * HM_E_MALFORMED with the reason. The items' bytes are parsed only as far as the checks before
 * allow. */
enum hm_err HM_MUST_USE signer_rules_check(const struct signer_facts *f,
                                           const struct signer_item *item, struct hm_why *why);

#endif
