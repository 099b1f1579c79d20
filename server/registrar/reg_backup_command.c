/* hallmark-registrar backup: asks the running registrar, waits, verifies. */
#include "server/registrar/reg_backup.h"

#include "schema/io/hm_clock.h"
#include "schema/io/hm_file.h"
#include "server/ipc/ipc_msg.h"
#include "server/ipc/ipc_ops.h"
#include "server/registrar/reg_restore.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MS 30000
#define LOOK_MS 100

struct state {
    uint64_t phase, done, total;
    char path[4096];
    char text[HM_WHY_MAX];
};

static enum hm_err ask(int sock, uint16_t op, struct hm_buf *reply, struct hm_why *why)
{
    bool broken = false;
    hm_buf_reset(reply);
    return ipc_call(sock, op, hm_bytes_of(NULL, 0), -1, reply, NULL, hm_clock_mono_ms() + ANSWER_MS,
                    &broken, why);
}

static enum hm_err look(int sock, struct state *out, struct hm_why *why)
{
    HM_BUF_AUTO reply = {.limit = IPC_FRAME_MAX};
    struct ipc_in in;
    enum hm_err err = ask(sock, REG_CONTROL_STATE, &reply, why);
    if (err != HM_OK)
        return err;
    ipc_in_begin(&in, hm_buf_bytes(&reply));
    out->phase = ipc_get_u64(&in);
    out->done = ipc_get_u64(&in);
    out->total = ipc_get_u64(&in);
    ipc_get_str(&in, out->path, sizeof out->path);
    ipc_get_str(&in, out->text, sizeof out->text);
    return ipc_in_end(&in, why);
}

static void tell(const struct state *s)
{
    if (isatty(STDERR_FILENO) && s->total > 0)
        (void)fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " pages ", s->done, s->total);
}

static enum hm_err wait_for(int sock, struct state *s, struct hm_why *why)
{
    static const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    for (;;) {
        enum hm_err err = look(sock, s, why);
        if (err != HM_OK)
            return err;
        tell(s);
        if (s->phase == REG_BACKUP_FAILED)
            return hm_fail(why, HM_E_IO, "backup: %s", s->text);
        if (s->phase == REG_BACKUP_DONE)
            break;
        (void)nanosleep(&pause, NULL);
    }
    if (isatty(STDERR_FILENO))
        (void)fputc('\n', stderr);
    return HM_OK;
}

enum hm_err reg_backup_command(const struct reg_config *c, const char *vkey, const char *verifier,
                               struct hm_why *why)
{
    char name[4096];
    HM_FD_AUTO sock = -1;
    HM_BUF_AUTO reply = {.limit = IPC_FRAME_MAX};
    struct state s = {.phase = REG_BACKUP_NONE};
    if (c->backup_dir == NULL)
        return hm_fail(why, HM_E_CONFIG, "the configuration names no backup_dir");
    enum hm_err err = reg_backup_socket(c, name, sizeof name, why);
    if (err == HM_OK)
        err = ipc_connect(name, &sock, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "is the registrar running?");
    err = ask(sock, REG_CONTROL_BACKUP, &reply, why);
    if (err == HM_OK)
        err = wait_for(sock, &s, why);
    if (err == HM_OK)
        err = reg_verify_file(s.path, vkey, verifier, why);
    if (err == HM_OK)
        (void)printf("backup: %s\n", s.path);
    else if (s.phase == REG_BACKUP_DONE)
        return hm_fail_in(why, err, "%.3900s was made and must not be relied on", s.path);
    return err;
}
