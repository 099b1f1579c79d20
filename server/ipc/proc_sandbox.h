/* What a process gives up once it is set up: new privileges, and every system call that its job
 * does not need. */
#ifndef SERVER_IPC_PROC_SANDBOX_H
#define SERVER_IPC_PROC_SANDBOX_H

#include "schema/core/hm_err.h"

enum proc_sandbox {
    PROC_SANDBOX_DOOR,      /* network sockets that exist already, Unix sockets, files */
    PROC_SANDBOX_REGISTRAR, /* Unix sockets, files; no network */
    PROC_SANDBOX_SIGNER,    /* Unix sockets, files */
};
/* PR_SET_NO_NEW_PRIVS and a seccomp filter over all threads (TSYNC): system calls outside the list
 * fail with EPERM; execve, ptrace and the like kill the process. network: the PKCS#11 module of a
 * signer may need it. Call after privileges are dropped, before the first request is served. No-op
 * under sanitizers. HM_E_UNSUPPORTED if the kernel cannot. */
enum hm_err HM_MUST_USE proc_sandbox_enter(enum proc_sandbox kind, int network, struct hm_why *why);

#endif
