/* PUT of an artifact: streamed into the inbox, hashed on its way, constant memory. */
#ifndef SERVER_DOOR_DOOR_UPLOAD_H
#define SERVER_DOOR_DOOR_UPLOAD_H

#include "schema/core/hm_hash.h"

struct door_req;
struct door_upload;
void door_upload_more(struct door_req *r, const char *data, size_t len);
/* Removes what an unfinished upload left. NULL allowed. */
void door_upload_free(struct door_upload *u);
/* "sha256:HEX" of a path; HM_E_MALFORMED. */
enum hm_err HM_MUST_USE door_digest_parse(const char *text, struct hm_digest *out);

#endif
