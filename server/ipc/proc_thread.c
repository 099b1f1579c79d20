#include "server/ipc/proc_thread.h"

#include <sys/resource.h>

/* Linux counts niceness per thread. Enough that a thread which wakes up with the usual one runs at
 * once, little enough that nothing starves. */
#define BEHIND 5

void proc_thread_gives_way(void)
{
    (void)setpriority(PRIO_PROCESS, 0, BEHIND);
}
