/* schema/openapi.json, embedded at build time. */
#ifndef SERVER_DOOR_DOOR_OPENAPI_H
#define SERVER_DOOR_DOOR_OPENAPI_H

#include <stddef.h>

extern const unsigned char door_openapi[];
extern const size_t door_openapi_len;

#endif
