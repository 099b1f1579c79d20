/* A counted gate: at most n inside at once. Thread-safe. */
#ifndef SERVER_DOOR_DOOR_GATE_H
#define SERVER_DOOR_DOOR_GATE_H

#include <stdbool.h>
#include <stdint.h>

struct door_gate;
struct door_gate *door_gate_new(unsigned places); /* NULL: no memory */
void door_gate_free(struct door_gate *g);
/* False if no place came free in time. wait_ms 0: does not wait. */
bool door_gate_enter(struct door_gate *g, int64_t wait_ms);
void door_gate_leave(struct door_gate *g);
/* Waits until nobody is inside, at most so long. */
void door_gate_empty(struct door_gate *g, int64_t wait_ms);

#endif
