/* Checkpoints and proofs as they are handed out. A log with witnesses shows what they have
 * cosigned: devices and monitors demand it. */
#ifndef SERVER_DOOR_DOOR_PROOF_H
#define SERVER_DOOR_DOOR_PROOF_H

#include "server/door/door_request.h"

/* Appends the newest checkpoint to the out buffer, or the newest that witnesses have cosigned, and
 * states its size in the answer. False: answered already. */
bool door_checkpoint(struct door_req *r, bool cosigned);
/* Appends the .tlog-proof of record idx: under the newest cosigned checkpoint where that covers the
 * record. Else, where the door asks witnesses, the registrar's, which may know of one; else under
 * the newest. False: answered already. */
bool door_proof(struct door_req *r, uint64_t idx, struct hm_buf *out);
/* The same of a release.signed record, for a bundle. Where the door asks witnesses, always the
 * registrar's, which knows whose cosignatures this release demands. */
bool door_release_proof(struct door_req *r, uint64_t idx, struct hm_buf *out);

#endif
