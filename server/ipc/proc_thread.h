/* Threads: how they begin, how they wait, and how one stands beside the others of its machine. */
#ifndef SERVER_IPC_PROC_THREAD_H
#define SERVER_IPC_PROC_THREAD_H

#include "schema/core/hm_err.h"

#include <pthread.h>

/* Starts a thread that lives as long as its program: 512 KiB of stack, more with sanitizers. `what`
 * names it in the text. HM_E_MEMORY. */
enum hm_err HM_MUST_USE proc_thread_start(pthread_t *out, void *(*run)(void *arg), void *arg,
                                          const char *what, struct hm_why *why);

/* The calling thread steps behind those that every request waits for (the sequencer, checkpoints):
 * for work that is done for one request alone, such as signing, verifying and answering. Again and
 * again allowed, never taken back. Where the kernel refuses, only speed is lost. */
void proc_thread_gives_way(void);

/* A condition variable on the monotonic clock: it waits until an hm_clock_deadline. */
void proc_cond_init(pthread_cond_t *c);

#endif
