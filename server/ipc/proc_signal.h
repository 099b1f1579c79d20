/* SIGTERM and SIGINT as a readable descriptor; SIGPIPE ignored. */
#ifndef SERVER_IPC_PROC_SIGNAL_H
#define SERVER_IPC_PROC_SIGNAL_H

#include "schema/core/hm_err.h"

/* Blocks the two signals in this thread (call before other threads start) and returns a descriptor
 * that becomes readable when one arrives. Caller closes. */
enum hm_err HM_MUST_USE proc_stop_fd(int *fd, struct hm_why *why);

#endif
