#include "server/ipc/proc_user.h"

#include "schema/io/hm_file.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <unistd.h>

static enum hm_err look_up(const char *name, struct passwd *out, char *buf, size_t cap,
                           struct hm_why *why)
{
    struct passwd *found = NULL;
    int rc = getpwnam_r(name, out, buf, cap, &found);
    if (rc != 0 || found == NULL)
        return hm_fail(why, HM_E_NOT_FOUND, "user \"%s\" does not exist on this machine", name);
    return HM_OK;
}

enum hm_err proc_uid_of(const char *name, uid_t *uid, struct hm_why *why)
{
    struct passwd pw;
    char buf[4096];
    if (name == NULL || name[0] == '\0') {
        *uid = geteuid();
        return HM_OK;
    }
    enum hm_err err = look_up(name, &pw, buf, sizeof buf, why);
    if (err == HM_OK)
        *uid = pw.pw_uid;
    return err;
}

enum hm_err proc_become(const char *name, struct hm_why *why)
{
    struct passwd pw;
    char buf[4096];
    if (name == NULL || name[0] == '\0') {
        if (geteuid() == 0)
            return hm_fail(
                why, HM_E_CONFIG,
                "started by root without a \"user\" to become; name one in the configuration");
        return HM_OK;
    }
    enum hm_err err = look_up(name, &pw, buf, sizeof buf, why);
    if (err != HM_OK)
        return err;
    if (pw.pw_uid == 0)
        return hm_fail(why, HM_E_CONFIG, "user \"%s\" is root; name an ordinary user", name);
    if (geteuid() != 0)
        return geteuid() == pw.pw_uid
                   ? HM_OK
                   : hm_fail(why, HM_E_CONFIG, "must be started by root or by user \"%s\"", name);
    if (initgroups(name, pw.pw_gid) != 0 || setresgid(pw.pw_gid, pw.pw_gid, pw.pw_gid) != 0 ||
        setresuid(pw.pw_uid, pw.pw_uid, pw.pw_uid) != 0)
        return hm_fail_errno(why, errno, "cannot become user \"%s\"", name);
    if (setuid(0) == 0)
        return hm_fail(why, HM_E_INTERNAL, "could become root again after giving it up");
    return HM_OK;
}
