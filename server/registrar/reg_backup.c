/* The registrar's side of a backup. */
#include "server/registrar/reg_backup.h"

#include "schema/io/hm_file.h"
#include "server/ipc/ipc_msg.h"
#include "server/ipc/ipc_ops.h"
#include "server/ipc/proc_log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STEP_PAGES 256 /* 1 MiB between two batches */
#define PATH_CAP 4096
#define PART ".part"

struct reg_backup {
    const struct reg_config *config;
    atomic_bool busy;
    pthread_mutex_t lock; /* guards the rest */
    enum registrar_backup_phase phase;
    struct db_copy_state state;
    char path[PATH_CAP]; /* its final name; while it is made PATH.part */
    struct hm_why why;
};

enum hm_err reg_backup_open(const struct reg_config *c, struct reg_backup **out, struct hm_why *why)
{
    struct reg_backup *b = calloc(1, sizeof *b);
    if (b == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    b->config = c;
    (void)pthread_mutex_init(&b->lock, NULL);
    *out = b;
    return HM_OK;
}

void reg_backup_close(struct reg_backup *b)
{
    if (b == NULL)
        return;
    (void)pthread_mutex_destroy(&b->lock);
    free(b);
}

bool reg_backup_busy(const struct reg_backup *b)
{
    return atomic_load(&b->busy);
}

enum hm_err reg_backup_socket(const struct reg_config *c, char *out, size_t cap, struct hm_why *why)
{
    int n = snprintf(out, cap, "%s-control", c->database);
    return n > 0 && (size_t)n < cap
               ? HM_OK
               : hm_fail(why, HM_E_LIMIT, "%.200s: path too long", c->database);
}

static void part_name(const struct reg_backup *b, char out[static PATH_CAP])
{
    (void)snprintf(out, PATH_CAP, "%.*s%s", (int)(PATH_CAP - sizeof PART), b->path, PART);
}

/* ---- the sequencer's thread ---- */

static void put_phase(struct reg_backup *b, enum registrar_backup_phase phase,
                      const struct db_copy_state *state)
{
    (void)pthread_mutex_lock(&b->lock);
    b->phase = phase;
    if (state != NULL)
        b->state = *state;
    atomic_store(&b->busy, phase == REG_BACKUP_WANTED || phase == REG_BACKUP_RUNNING);
    (void)pthread_mutex_unlock(&b->lock);
}

static void put_failed(struct reg_backup *b, const struct hm_why *why)
{
    (void)pthread_mutex_lock(&b->lock);
    b->why = *why;
    (void)pthread_mutex_unlock(&b->lock);
    put_phase(b, REG_BACKUP_FAILED, NULL);
    proc_log("hallmark-registrar", PROC_WARNING, "backup: %s", why->text);
}

static enum hm_err begin(struct reg_backup *b, struct db_log *log, struct hm_why *why)
{
    char part[PATH_CAP];
    part_name(b, part);
    enum hm_err err = db_log_copy_begin(log, part, why);
    if (err == HM_OK)
        put_phase(b, REG_BACKUP_RUNNING, NULL);
    return err;
}

/* First how many there are. The last pages in one go, when nothing is under way: then the newest
 * checkpoint is in it. */
static enum hm_err step(struct reg_backup *b, struct db_log *log,
                        enum hm_err (*settle)(void *ctx, struct hm_why *why), void *ctx,
                        struct hm_why *why)
{
    struct db_copy_state s = b->state;
    bool nearly = s.total > 0 && s.total - s.done <= STEP_PAGES;
    enum hm_err err = HM_OK;
    if (nearly)
        err = settle(ctx, why);
    if (err == HM_OK)
        err = db_log_copy_step(log, nearly ? -1 : s.total == 0 ? 0 : STEP_PAGES, &s, why);
    if (err == HM_OK)
        put_phase(b, s.complete ? REG_BACKUP_COPIED : REG_BACKUP_RUNNING, &s);
    return err;
}

void reg_backup_turn(struct reg_backup *b, struct db_log *log,
                     enum hm_err (*settle)(void *ctx, struct hm_why *why), void *ctx)
{
    struct hm_why why = {""};
    enum hm_err err = HM_OK;
    if (!reg_backup_busy(b))
        return;
    (void)pthread_mutex_lock(&b->lock);
    enum registrar_backup_phase phase = b->phase;
    (void)pthread_mutex_unlock(&b->lock);
    if (phase == REG_BACKUP_WANTED)
        err = begin(b, log, &why);
    else if (!db_log_copying(log))
        err = hm_fail(&why, HM_E_UNAVAILABLE, "the log was opened again meanwhile; ask again");
    else
        err = step(b, log, settle, ctx, &why);
    if (err == HM_OK)
        return;
    db_log_copy_end(log);
    put_failed(b, &why);
}

/* ---- the socket's thread: one at a time ---- */

static enum hm_err name_it(struct reg_backup *b, struct hm_why *why)
{
    char when[32];
    struct tm tm;
    time_t now = time(NULL);
    if (gmtime_r(&now, &tm) == NULL || strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &tm) == 0)
        return hm_fail(why, HM_E_INTERNAL, "no time");
    int n = snprintf(b->path, sizeof b->path, "%s/log-%s.db", b->config->backup_dir, when);
    if (n < 0 || (size_t)n >= sizeof b->path - sizeof PART)
        return hm_fail(why, HM_E_LIMIT, "%.200s: path too long", b->config->backup_dir);
    if (access(b->path, F_OK) == 0)
        return hm_fail(why, HM_E_CONFLICT, "%.3900s exists; ask again in a second", b->path);
    char part[PATH_CAP];
    part_name(b, part);
    (void)unlink(part);
    return HM_OK;
}

/* Durable, and then under its name. A link, so that nothing is ever written over. */
static enum hm_err finish(const struct reg_backup *b, struct hm_why *why)
{
    char part[PATH_CAP];
    part_name(b, part);
    HM_FD_AUTO fd = open(part, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fsync(fd) != 0)
        return hm_fail_errno(why, errno, "%s: cannot sync", part);
    if (link(part, b->path) != 0 || unlink(part) != 0)
        return hm_fail_errno(why, errno, "%s: cannot name it", b->path);
    return hm_dir_sync(b->config->backup_dir, why);
}

/* Nobody asked how the last one ended. It gets its name all the same; if it cannot, that is no
 * reason to refuse the next one. The lock is held. */
static void finish_forgotten(struct reg_backup *b)
{
    struct hm_why why = {""};
    if (b->phase != REG_BACKUP_COPIED)
        return;
    b->phase = finish(b, &why) == HM_OK ? REG_BACKUP_DONE : REG_BACKUP_FAILED;
    if (b->phase == REG_BACKUP_FAILED)
        proc_log("hallmark-registrar", PROC_WARNING, "backup: %s", why.text);
}

static enum hm_err op_backup(void *backup, struct ipc_request *r, struct hm_why *why)
{
    struct reg_backup *b = backup;
    enum hm_err err = HM_OK;
    (void)r;
    if (b->config->backup_dir == NULL)
        return hm_fail(why, HM_E_CONFIG, "the configuration names no backup_dir");
    (void)pthread_mutex_lock(&b->lock);
    finish_forgotten(b);
    if (atomic_load(&b->busy))
        err = hm_fail(why, HM_E_CONFLICT, "a backup is being made already: %.3900s", b->path);
    if (err == HM_OK)
        err = name_it(b, why);
    if (err == HM_OK) {
        b->phase = REG_BACKUP_WANTED;
        b->state = (struct db_copy_state){.done = 0};
        b->why.text[0] = '\0';
        atomic_store(&b->busy, true);
    }
    (void)pthread_mutex_unlock(&b->lock);
    return err;
}

static enum hm_err op_state(void *backup, struct ipc_request *r, struct hm_why *why)
{
    struct reg_backup *b = backup;
    (void)why;
    (void)pthread_mutex_lock(&b->lock);
    if (b->phase == REG_BACKUP_COPIED)
        b->phase = finish(b, &b->why) == HM_OK ? REG_BACKUP_DONE : REG_BACKUP_FAILED;
    ipc_put_u64(r->reply, b->phase);
    ipc_put_u64(r->reply, b->state.done);
    ipc_put_u64(r->reply, b->state.total);
    ipc_put_str(r->reply, b->path);
    ipc_put_str(r->reply, b->why.text);
    (void)pthread_mutex_unlock(&b->lock);
    return HM_OK;
}

const struct ipc_op reg_control_ops[] = {
    {REG_CONTROL_BACKUP, op_backup, "backup"},
    {REG_CONTROL_STATE, op_state, "state"},
};
const size_t reg_control_op_count = sizeof reg_control_ops / sizeof reg_control_ops[0];
