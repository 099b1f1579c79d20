/* The one table of what hallmarkd serves: method, path, who may, which body, which query
 * parameters, and the functions that do it. Paths are those of schema/openapi.json. */
#ifndef SERVER_DOOR_DOOR_ROUTE_H
#define SERVER_DOOR_DOOR_ROUTE_H

#include "schema/core/hm_bytes.h"

struct door_req;

/* Roles as REG_IDENTIFY gives them. */
#define DOOR_SUBMITTER 1u
#define DOOR_APPROVER 2u
#define DOOR_AUDITOR 4u
#define DOOR_ADMINISTRATOR 8u
#define DOOR_CUSTODIAN 16u
#define DOOR_ANYBODY 0u /* no identity needed */
#define DOOR_PUBLIC 32u /* none needed either where the configuration makes the log public */
/* Everybody with a role reads everything. Nothing takes the auditor alone: auditors change nothing,
 * and custodians act on the tokens, not here. */
#define DOOR_READER                                                                                \
    (DOOR_SUBMITTER | DOOR_APPROVER | DOOR_AUDITOR | DOOR_ADMINISTRATOR | DOOR_CUSTODIAN)

enum door_body {
    DOOR_BODY_NONE,
    DOOR_BODY_DOCUMENT, /* JSON, HM_SMALL_BODY_MAX */
    DOOR_BODY_OPTIONAL, /* nothing, or `{}` */
    DOOR_BODY_RELEASE,  /* JSON, HM_BODY_MAX */
    DOOR_BODY_UPLOAD,   /* streamed */
};

struct door_route {
    const char *method;
    const char *path; /* "{name}" captures one segment, "{+name}" all that is left */
    unsigned roles; /* and kinds of token (server/ident/ident_token.h); any one of them suffices, no
                       other does */
    enum door_body body;
    const char *params;                 /* permitted query parameters, space separated, or "" */
    void (*begin)(struct door_req *r);  /* before the body; may answer already; NULL: nothing */
    void (*handle)(struct door_req *r); /* after the body; must answer */
};

extern const struct door_route door_routes[];
extern const size_t door_route_count;

#define DOOR_CAPTURES_MAX 2
#define DOOR_CAPTURE_MAX 80
struct door_match {
    const struct door_route *route; /* NULL: none with this path and method */
    bool path_known;                /* some method of this path exists */
    char capture[DOOR_CAPTURES_MAX][DOOR_CAPTURE_MAX + 1];
};
void door_route_match(const char *method, const char *path, struct door_match *out);
/* "GET, HEAD" of a path that is known, for Allow. out holds 64 bytes. */
void door_route_allow(const char *path, char out[static 64]);

#endif
