/* Turns a finished answer into an MHD response. */
#ifndef SERVER_DOOR_DOOR_SEND_H
#define SERVER_DOOR_DOOR_SEND_H

#include "server/door/door_request.h"

/* MHD_NO: the connection must be closed. */
enum MHD_Result door_send(struct door_req *r);
/* MHD has handed everything to TLS: lets a small answer go, in one record. Waits while the client
 * does not take it, at most until the connection's deadline. */
void door_send_flush(struct door_req *r);
/* After an answer that ends the connection: says so and reads away, for a few seconds, what the
 * client still sends. A descriptor closed with bytes unread is a reset, which takes the answer away
 * from a client that sends all of its body before it reads. */
void door_send_linger(struct door_req *r);

#endif
