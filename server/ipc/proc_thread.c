#include "server/ipc/proc_thread.h"

#include <string.h>
#include <sys/resource.h>

/* Linux counts niceness per thread. Enough that a thread which wakes up with the usual one runs at
 * once, little enough that nothing starves. */
#define BEHIND 5
#ifdef HALLMARK_SANITIZED
#define STACK_BYTES ((size_t)4096 * 1024)
#else
#define STACK_BYTES ((size_t)512 * 1024)
#endif

enum hm_err proc_thread_start(pthread_t *out, void *(*run)(void *arg), void *arg, const char *what,
                              struct hm_why *why)
{
    pthread_attr_t a;
    int rc = pthread_attr_init(&a);
    if (rc == 0) {
        (void)pthread_attr_setstacksize(&a, STACK_BYTES);
        rc = pthread_create(out, &a, run, arg);
        (void)pthread_attr_destroy(&a);
    }
    return rc == 0
               ? HM_OK
               : hm_fail(why, HM_E_MEMORY, "cannot start the thread %s: %s", what, strerror(rc));
}

void proc_thread_gives_way(void)
{
    (void)setpriority(PRIO_PROCESS, 0, BEHIND);
}

void proc_cond_init(pthread_cond_t *c)
{
    pthread_condattr_t a;
    (void)pthread_condattr_init(&a);
    (void)pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    (void)pthread_cond_init(c, &a);
    (void)pthread_condattr_destroy(&a);
}
