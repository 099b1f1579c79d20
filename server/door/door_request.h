/* One request: head checks, identity, role, rate, body, handler. Lives inside its connection and
 * is reused by the next request on it. */
#ifndef SERVER_DOOR_DOOR_REQUEST_H
#define SERVER_DOOR_DOOR_REQUEST_H

#include "server/door/door.h"
#include "server/door/door_answer.h"
#include "server/door/door_route.h"

#include <microhttpd.h>

struct door_conn;
struct door_upload;

#define DOOR_HEADER_MAX 4096 /* bytes of one header value */
#define DOOR_TOKEN_MAX 8192  /* bytes of a bearer token, whose header may be that much longer */
#define DOOR_PARAMS_MAX 20
#define DOOR_PARAM_MAX 512 /* bytes of one query parameter */

/* Headers that matter here; values are borrowed from the connection. */
struct door_heads {
    const char *content_type;
    const char *content_length;
    const char *idempotency_key;
    const char *if_match;
    const char *if_none_match;
    const char *last_event_id;
    const char *accept;
    const char *authorization;
    unsigned hosts, lengths, encodings, repeats;
    bool too_long;
    bool odd; /* one that others may read as another header */
};
struct door_param {
    const char *name;
    const char *value;
};

struct door_req {
    struct door *door;
    struct door_conn *conn;
    struct MHD_Connection *mhd;
    struct door_match match;
    struct door_heads heads;
    struct door_param params[DOOR_PARAMS_MAX];
    size_t param_count;
    bool params_bad;
    uint64_t body_len;
    uint64_t body_seen;
    int64_t body_began_ms; /* monotonic */
    bool has_body_place;   /* holds body_place in door->bodies */
    unsigned body_place;
    bool active;
    uint16_t op; /* registrar operation that the body goes to */
    struct door_upload *upload;
    struct hm_why why;
    struct door_answer answer;
};

/* First call: everything that can be said without the body. An answer may stand afterwards. */
void door_req_open(struct door_req *r, const char *method, const char *url, const char *version);
void door_req_body(struct door_req *r, const char *data, size_t len);
void door_req_finish(struct door_req *r); /* runs the handler if there is no answer yet */
void door_req_clear(struct door_req *r);  /* after the answer left or the connection broke */
/* Value of a query parameter or NULL. */
/* The connection brought a certificate that verifies now, whoever it may name. */
bool door_req_certified(struct door_req *r);
const char *door_req_param(const struct door_req *r, const char *name);
/* A limited number of large bodies may be in memory; answers 503 itself when none is free. */
bool door_req_body_place(struct door_req *r);

#endif
