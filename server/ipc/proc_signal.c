#include "server/ipc/proc_signal.h"

#include "schema/io/hm_file.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>

enum hm_err proc_stop_fd(int *fd, struct hm_why *why)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)signal(SIGPIPE, SIG_IGN);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return hm_fail(why, HM_E_INTERNAL, "cannot block signals");
    int got = signalfd(-1, &set, SFD_CLOEXEC);
    if (got < 0)
        return hm_fail_errno(why, errno, "cannot make a signal descriptor");
    *fd = got;
    return HM_OK;
}
