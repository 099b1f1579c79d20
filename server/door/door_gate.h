/* A counted gate: at most n inside at once. Thread-safe. */
#ifndef SERVER_DOOR_DOOR_GATE_H
#define SERVER_DOOR_DOOR_GATE_H

#include <stdbool.h>
#include <stdint.h>

struct door_gate;
struct door_gate *door_gate_new(unsigned places); /* NULL: no memory */
void door_gate_free(struct door_gate *g);
/* A place that knows who has it: nobody gets more than half of them (rounded up), so that one
 * caller cannot keep all others out. False if none came free in time; wait_ms 0: does not wait.
 * *place is for door_gate_leave(). */
bool door_gate_enter(struct door_gate *g, const char *who, int64_t wait_ms, unsigned *place);
void door_gate_leave(struct door_gate *g, unsigned place);
/* Waits until nobody is inside, at most so long. */
void door_gate_empty(struct door_gate *g, int64_t wait_ms);

#endif
