/* Turns a finished answer into an MHD response. */
#ifndef SERVER_DOOR_DOOR_SEND_H
#define SERVER_DOOR_DOOR_SEND_H

#include "server/door/door_request.h"

/* MHD_NO: the connection must be closed. */
enum MHD_Result door_send(struct door_req *r);
/* MHD has handed everything to TLS: lets a small answer go, in one record. Waits while the client
 * does not take it, at most until the connection's deadline. */
void door_send_flush(struct door_req *r);

#endif
