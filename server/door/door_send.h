/* Turns a finished answer into an MHD response. */
#ifndef SERVER_DOOR_DOOR_SEND_H
#define SERVER_DOOR_DOOR_SEND_H

#include "server/door/door_request.h"

/* MHD_NO: the connection must be closed. */
enum MHD_Result door_send(struct door_req *r);

#endif
