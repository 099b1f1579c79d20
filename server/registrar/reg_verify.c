/* The auditor's verification, run on a file. It is another program on purpose: what the registrar
 * wrote is not judged by the registrar. */
#include "server/registrar/reg_restore.h"

#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Beside this program, or in bin where this one is in sbin; else wherever PATH has it. */
static void find(char out[static PATH_MAX])
{
    static const char *const places[] = {"hallmark", "../bin/hallmark"};
    char self[PATH_MAX / 2];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(self, '/');
    for (size_t i = 0; slash != NULL && i < sizeof places / sizeof places[0]; i++) {
        (void)snprintf(out, PATH_MAX, "%.*s%s", (int)(slash - self + 1), self, places[i]);
        if (access(out, X_OK) == 0)
            return;
    }
    (void)snprintf(out, PATH_MAX, "hallmark");
}

static void give(char *argv[], const char *const *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        argv[i] = strdup(text[i]);
}

enum hm_err reg_verify_file(const char *path, const char *vkey, const char *verifier,
                            struct hm_why *why)
{
    char found[PATH_MAX];
    char *argv[8] = {NULL};
    pid_t pid = 0;
    int status = 0;
    if (verifier == NULL)
        find(found);
    const char *const text[] = {verifier != NULL ? verifier : found,
                                "log",
                                "verify",
                                "--database",
                                path,
                                "--log-key",
                                vkey};
    (void)fflush(NULL);
    give(argv, text, sizeof text / sizeof text[0]);
    /* Nobody's settings: whoever started this as root may have some that cannot be read now. */
    char path_is[] = "PATH=/usr/local/bin:/usr/bin:/bin";
    char home_is[] = "HOME=/nonexistent";
    char *env[] = {path_is, home_is, NULL};
    int rc = posix_spawnp(&pid, text[0], NULL, NULL, argv, env);
    for (size_t i = 0; argv[i] != NULL; i++)
        free(argv[i]);
    if (rc != 0)
        return hm_fail(why, HM_E_IO, "%s: cannot be run: %s; nothing was verified", text[0],
                       strerror(rc));
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return HM_OK;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
        return hm_fail(why, HM_E_HISTORY, "%s: not verified", path);
    return hm_fail(why, HM_E_IO, "%s: log verify did not come to an end; nothing was verified",
                   path);
}
