/* A slow reading of docs/formats/record.md, to hold the fast one against: byte by byte, with
 * nothing of the fast one's tables but the names of members, events and states. */
#ifndef TESTS_UNIT_LOG_RECORD_REFERENCE_H
#define TESTS_UNIT_LOG_RECORD_REFERENCE_H

#include "schema/log/hm_record.h"

/* The verdict that hm_record_parse owes, and the same *out. */
enum hm_err log_record_reference(struct hm_bytes bytes, struct hm_record *out);

#endif
