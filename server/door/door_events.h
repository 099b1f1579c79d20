/* Server-sent events (WHATWG HTML, "Server-sent events"), as GET /v1/log/follow sends them. Pure.
 */
#ifndef SERVER_DOOR_DOOR_EVENTS_H
#define SERVER_DOOR_DOOR_EVENTS_H

#include "schema/core/hm_bytes.h"

/* Name of the event that carries a signed checkpoint; every other one is named after its record. */
#define DOOR_EVENT_CHECKPOINT "checkpoint"

/* A record that verified, exact bytes: they hold no line end. */
void door_event_record(struct hm_buf *out, uint64_t idx, struct hm_bytes record);
/* A signed checkpoint, exact bytes. next: the index to go on from. */
void door_event_checkpoint(struct hm_buf *out, uint64_t next, struct hm_bytes note);

#endif
