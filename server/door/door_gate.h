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
/* One place that knows who has it: nobody gets more than half of them (rounded up), so that one
 * caller cannot keep all others out. Does not wait. *place is for door_gate_leave_as(). */
bool door_gate_enter_as(struct door_gate *g, const char *who, unsigned *place);
void door_gate_leave_as(struct door_gate *g, unsigned place);
/* Waits until nobody is inside, at most so long. */
void door_gate_empty(struct door_gate *g, int64_t wait_ms);

#endif
