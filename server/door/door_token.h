/* A bearer token in place of a client certificate (docs/formats/oidc.md). The door looks at its
 * length alone: the registrar says whose it is and what it is good for. */
#ifndef SERVER_DOOR_DOOR_TOKEN_H
#define SERVER_DOOR_DOOR_TOKEN_H

#include "server/door/door_conn.h"

/* "Bearer TOKEN" as the value of Authorization: the connection's CALLER becomes this token; who it
 * was before is forgotten where that was another one. HM_E_DENIED: not of this form. */
enum hm_err HM_MUST_USE door_token_take(struct door_conn *c, const char *authorization,
                                        struct hm_why *why);

#endif
