/* How a thread stands beside the others of its machine. */
#ifndef SERVER_IPC_PROC_THREAD_H
#define SERVER_IPC_PROC_THREAD_H

/* The calling thread steps behind those that every request waits for (the sequencer, checkpoints):
 * for work that is done for one request alone, such as signing, verifying and answering. Again and
 * again allowed, never taken back. Where the kernel refuses, only speed is lost. */
void proc_thread_gives_way(void);

#endif
