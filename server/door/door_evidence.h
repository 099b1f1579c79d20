/* Evidence: fetched from the registrar, and shown only if its digest is the one in a record that
 * was verified. */
#ifndef SERVER_DOOR_DOOR_EVIDENCE_H
#define SERVER_DOOR_DOOR_EVIDENCE_H

#include "server/door/door_render.h"

/* One record of the read model, parsed. False after having answered. */
bool door_record_read(struct door_req *r, struct db_query *q, uint64_t idx, struct hm_record *out);
/* Evidence n of this record into the reply buffer; *out is borrowed from it. False after having
 * answered. */
bool door_evidence_fetch(struct door_req *r, const struct hm_record *record, size_t n,
                         struct hm_bytes *out);

#endif
