/* What the readers of log entries share: their filter as a request gives it, and rows of one query
 * in one of three forms. */
#ifndef SERVER_DOOR_DOOR_ENTRIES_H
#define SERVER_DOOR_DOOR_ENTRIES_H

#include "server/door/door_render.h"

struct door_asked {
    struct db_query_filter f;
    struct hm_digest artifact;
    struct hm_digest key;
    char text[7][DOOR_PARAM_MAX + 1];
};
/* From the query; false after having answered 400. Zeroed before. */
bool door_asked_read(struct door_req *r, struct door_asked *a);
/* A copy that outlives the request's head. */
void door_asked_own(struct door_asked *to, const struct door_asked *from);

enum door_rows_form {
    DOOR_ROWS_JSON,  /* entries of EntryPage, comma between them */
    DOOR_ROWS_LINES, /* the records' bytes, one per line */
    DOOR_ROWS_EVENTS /* server-sent events */
};
struct door_rows {
    struct hm_buf *out;
    size_t max_bytes; /* a page ends early rather than grow much beyond this */
    uint64_t size;    /* rows from here on are not part of what log_size states */
    enum door_rows_form form;
    size_t count;
    uint64_t last;
    bool full; /* stopped before the query's end */
};
/* Rows of one query into p; *more: there may be others behind p->last. */
enum hm_err HM_MUST_USE door_rows_gather(struct db_query *q, const struct db_query_filter *f,
                                         struct door_rows *p, bool *more, struct hm_why *why);

#endif
