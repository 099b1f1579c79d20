/* What the read handlers share: query parameters as typed values (anything else is a 400) and JSON
 * of releases and records. */
#ifndef SERVER_DOOR_DOOR_RENDER_H
#define SERVER_DOOR_DOOR_RENDER_H

#include "server/door/door_model.h"
#include "server/door/door_request.h"

#define DOOR_PAGE_DEFAULT 100
#define DOOR_PAGE_MAX 1000

/* Each returns false after having answered 400. An absent parameter leaves *out as it is. */
bool door_param_name(struct door_req *r, const char *name, const char **out);
bool door_param_number(struct door_req *r, const char *name, uint64_t min, uint64_t max,
                       uint64_t *out);
bool door_param_flag(struct door_req *r, const char *name, bool *out); /* "true", "false" */
bool door_param_digest(struct door_req *r, const char *name, struct hm_digest *out, bool *given);
bool door_param_time_ms(struct door_req *r, const char *name, uint64_t *out);
bool door_param_release(struct door_req *r, const char *name, uint64_t *out, bool *given);
bool door_param_limit(struct door_req *r, size_t *out);
/* A decimal path segment; 404 otherwise. */
bool door_capture_number(struct door_req *r, size_t capture, uint64_t *out);

/* Borrows a reader and states the log size in the answer; false after having answered. */
bool door_read_begin(struct door_req *r, struct db_query **q);
void door_read_end(struct door_req *r, struct db_query *q);

/* Appends one release as a JSON object; with its records and log size where records is not NULL. */
struct door_indexes {
    const uint64_t *idx;
    size_t count;
};
void door_render_release(struct hm_buf *b, const struct db_query_release *v,
                         const struct door_indexes *records, uint64_t log_size);
/* Appends {"index":n,"record":{…},"leaf":"hex"}. */
void door_render_entry(struct hm_buf *b, uint64_t idx, struct hm_bytes record);
/* Appends `],"next":"…","log_size":n`, next only where there is more. */
void door_render_page_end(struct hm_buf *b, bool more, uint64_t next, uint64_t log_size);
/* 200 with the out buffer as JSON, or 500/413 if it overflowed. */
void door_ok_json(struct door_req *r);

#endif
