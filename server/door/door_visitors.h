/* How much those may ask who need no identity: an allowance for each address they come from (IPv6:
 * each /64). A fixed number of places; addresses that fall on the same one share it, and which do
 * depends on a secret. Thread-safe. */
#ifndef SERVER_DOOR_DOOR_VISITORS_H
#define SERVER_DOOR_DOOR_VISITORS_H

#include <stdint.h>
#include <sys/socket.h>

struct door_visitors;
struct door_visitors *door_visitors_new(uint64_t requests_per_minute); /* NULL: no memory */
void door_visitors_free(struct door_visitors *v);
/* Takes one request. 0: granted; else seconds until there is one. */
uint64_t door_visitors_take(struct door_visitors *v, const struct sockaddr *from);

#endif
