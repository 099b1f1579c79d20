/* hallmark-registrar: the desk. No network, no PKCS#11; the log, the evidence, the policy, the
 * artifact store. */
#include "schema/io/hm_file.h"
#include "server/ipc/proc_log.h"
#include "server/ipc/proc_sandbox.h"
#include "server/ipc/proc_signal.h"
#include "server/ipc/proc_user.h"
#include "server/registrar/reg_artifact.h"
#include "server/registrar/reg_backup.h"
#include "server/registrar/reg_cosign.h"
#include "server/registrar/reg_ident.h"
#include "server/registrar/reg_init.h"
#include "server/registrar/reg_ops.h"
#include "server/registrar/reg_restore.h"

#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM "hallmark-registrar"
#define EXIT_USAGE 2
#define EXIT_HISTORY 3
#define EXIT_CONFIG 78 /* sysexits.h: a restart will not help */
#define CONN_STACK ((size_t)512 * 1024)
#define INFLIGHT_MAX 4096

static const char usage[] =
    "Usage: hallmark-registrar --config FILE            serve\n"
    "       hallmark-registrar init --config FILE       create the log from the genesis, once\n"
    "       hallmark-registrar backup --config FILE     a copy of the running log, verified\n"
    "       hallmark-registrar restore --config FILE --from COPY\n"
    "                          puts a backup or the mirror where the log was\n"
    "       hallmark-registrar --check-config --config FILE\n"
    "       hallmark-registrar --help | --version\n"
    "\n"
    "The registrar decides and records. It has no network and no HSM: the door\n"
    "(hallmarkd) brings requests over a Unix socket, the signer (hallmark-signer)\n"
    "is asked for checkpoints and signatures.\n"
    "\n"
    "backup and restore verify with the program hallmark; --verifier FILE names another.\n"
    "\n"
    "Exit codes: 0 ended on request, 1 failed, 2 wrong usage, 3 the log does not fit what\n"
    "the signer has signed (see docs/operations.md), 78 the configuration is wrong or missing.\n";

struct program {
    struct reg_config config;
    struct reg_world world;
    struct reg_signer *signer;
    struct reg_desk desk;
    struct reg_ident ident;
    struct reg_backup *backup;
    struct ipc_server *server;
    struct ipc_server *control; /* NULL: no backups are made */
    char control_path[4096];
    pthread_t control_thread;
    int stop_fd; /* signals */
    int end_fd;  /* what the server watches: signals or a fatal finding */
    bool fatal;
};

static void on_refused(void *ctx, const char *text)
{
    (void)ctx;
    proc_log(PROGRAM, PROC_WARNING, "turned away: %s", text);
}

static void *watch_main(void *arg)
{
    struct program *p = arg;
    struct pollfd f[2] = {{.fd = p->stop_fd, .events = POLLIN},
                          {.fd = reg_seq_fatal_fd(p->desk.seq), .events = POLLIN}};
    while (poll(f, 2, -1) < 0)
        continue;
    reg_witness_stop(p->desk.witness);
    p->fatal = f[1].revents != 0;
    if (eventfd_write(p->end_fd, 1) != 0)
        abort();
    return NULL;
}

static enum hm_err open_parts(struct program *p, struct hm_why *why)
{
    struct reg_desk *d = &p->desk;
    d->config = &p->config;
    d->world = &p->world;
    d->stop_fd = p->end_fd;
    enum hm_err err = reg_artifact_prepare(p->config.artifact_dir, why);
    if (err == HM_OK)
        err = reg_init_check(&p->config, &p->world, why);
    if (err == HM_OK)
        err = reg_memo_open(&d->memo, why);
    if (err == HM_OK)
        err = reg_ident_open(&p->config, &p->world, &p->ident, why);
    if (err == HM_OK)
        err = reg_certs_open(hm_buf_bytes(&p->world.client_ca), p->ident.crl, &d->certs, why);
    d->oidc = p->ident.oidc;
    if (err == HM_OK)
        err = reg_knowns_open(&d->knowns, why);
    if (err == HM_OK)
        err = reg_readers_open(p->config.database, &d->readers, why);
    if (err == HM_OK)
        err = reg_inflight_open(INFLIGHT_MAX, &d->inflight, why);
    if (err == HM_OK)
        err =
            reg_signer_open(p->config.signer_socket, p->config.signer_timeout_ms, &p->signer, why);
    if (err == HM_OK)
        err = reg_backup_open(&p->config, &p->backup, why);
    if (err == HM_OK)
        err = reg_seq_open(&p->config, &p->world, p->signer, d->memo, &d->seq, why);
    return err == HM_OK ? reg_cosign_open(d, &d->witness, why) : err;
}

static enum hm_err open_server(struct program *p, uid_t peer, struct hm_why *why)
{
    struct ipc_server_config sc = {
        .path = p->config.socket,
        .peer = peer,
        .max_connections = p->config.max_connections,
        .stack_bytes = CONN_STACK,
        .ops = reg_ops,
        .op_count = reg_op_count,
        .ctx = &p->desk,
        .on_open = reg_conn_open,
        .on_close = reg_conn_close,
        .on_done = reg_conn_done,
        .on_refused = on_refused,
    };
    return ipc_server_open(&sc, &p->server, why);
}

/* For the own user alone: who can connect there could do to the log what they like anyway. */
static enum hm_err open_control(struct program *p, struct hm_why *why)
{
    struct ipc_server_config sc = {
        .path = p->control_path,
        .peer = geteuid(),
        .max_connections = 1,
        .stack_bytes = CONN_STACK,
        .ops = reg_control_ops,
        .op_count = reg_control_op_count,
        .ctx = p->backup,
        .on_refused = on_refused,
    };
    if (p->config.backup_dir == NULL)
        return HM_OK;
    enum hm_err err = hm_dir_make(p->config.backup_dir, 0700, why);
    if (err == HM_OK)
        err = reg_backup_socket(&p->config, p->control_path, sizeof p->control_path, why);
    return err == HM_OK ? ipc_server_open(&sc, &p->control, why) : err;
}

static void *control_main(void *arg)
{
    struct program *p = arg;
    struct hm_why why = {""};
    if (ipc_server_run(p->control, p->end_fd, &why) != HM_OK)
        proc_log(PROGRAM, PROC_ERROR, "control socket: %s", why.text);
    return NULL;
}

static void close_parts(struct program *p)
{
    ipc_server_close(p->control);
    ipc_server_close(p->server);
    reg_signq_close(p->desk.signq);
    /* Before the writer, so that the writer is the last one and leaves no WAL behind. */
    reg_readers_close(p->desk.readers);
    reg_seq_close(p->desk.seq);
    reg_backup_close(p->backup);
    reg_witness_close(p->desk.witness);
    reg_signer_close(p->signer);
    reg_inflight_close(p->desk.inflight);
    reg_knowns_close(p->desk.knowns);
    reg_certs_close(p->desk.certs);
    reg_ident_close(&p->ident);
    reg_memo_close(p->desk.memo);
    reg_world_free(&p->world);
    reg_config_free(&p->config);
}

static enum hm_err serve(struct program *p, struct hm_why *why)
{
    uid_t peer = 0;
    pthread_t watcher;
    enum hm_err err = proc_uid_of(p->config.peer_user, &peer, why);
    if (err == HM_OK)
        err = proc_stop_fd(&p->stop_fd, why);
    p->end_fd = eventfd(0, EFD_CLOEXEC);
    if (err == HM_OK)
        err = open_parts(p, why);
    if (err == HM_OK)
        err = open_server(p, peer, why);
    if (err == HM_OK)
        err = open_control(p, why);
    if (err == HM_OK)
        err = proc_sandbox_enter(PROC_SANDBOX_REGISTRAR, 0, why);
    if (err == HM_OK)
        err = reg_signq_open(p->signer, &p->desk.signq, why);
    if (err == HM_OK) {
        reg_seq_on_settled(p->desk.seq, reg_signq_go, p->desk.signq);
        reg_seq_on_backup(p->desk.seq, p->backup);
        err = reg_seq_start(p->desk.seq, why);
    }
    if (err != HM_OK)
        return err;
    if (p->control != NULL && pthread_create(&p->control_thread, NULL, control_main, p) != 0)
        return hm_fail(why, HM_E_INTERNAL, "cannot start a thread");
    if (pthread_create(&watcher, NULL, watch_main, p) != 0)
        return hm_fail(why, HM_E_INTERNAL, "cannot start a thread");
    proc_log(PROGRAM, PROC_INFO, "version %s, log %s, serving on %s", HALLMARK_VERSION,
             p->world.genesis.origin, p->config.socket);
    err = ipc_server_run(p->server, p->end_fd, why);
    (void)pthread_join(watcher, NULL);
    if (p->control != NULL)
        (void)pthread_join(p->control_thread, NULL);
    if (err == HM_OK && p->fatal) {
        struct reg_status st;
        reg_seq_status(p->desk.seq, &st);
        return hm_fail(why, HM_E_HISTORY, "%s", st.reason);
    }
    return err;
}

enum command { SERVE, INIT, BACKUP, RESTORE };
struct options {
    const char *config;
    const char *from;     /* restore */
    const char *verifier; /* backup, restore; NULL: the one that belongs to this program */
    enum command command;
    bool check;
};

/* The word behind the options, and what belongs to it. */
static bool take_command(int argc, char **argv, struct options *o)
{
    static const char *const words[] = {
        [INIT] = "init", [BACKUP] = "backup", [RESTORE] = "restore"};
    int left = argc - optind;
    for (int i = INIT; left == 1 && i <= RESTORE; i++)
        if (strcmp(argv[optind], words[i]) == 0)
            o->command = (enum command)i;
    bool verifies = o->command == BACKUP || o->command == RESTORE;
    return o->config != NULL && left == (o->command != SERVE ? 1 : 0) &&
           (o->from != NULL) == (o->command == RESTORE) && (o->verifier == NULL || verifies);
}

/* -1: go on. Otherwise the exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
                                          {"from", required_argument, NULL, 'f'},
                                          {"verifier", required_argument, NULL, 'V'},
                                          {"check-config", no_argument, NULL, 'k'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, 'v'},
                                          {NULL, 0, NULL, 0}};
    for (int ch; (ch = getopt_long(argc, argv, "c:hv", longs, NULL)) != -1;) {
        if (ch == 'c') {
            o->config = optarg;
        } else if (ch == 'f') {
            o->from = optarg;
        } else if (ch == 'V') {
            o->verifier = optarg;
        } else if (ch == 'k') {
            o->check = true;
        } else if (ch == 'h') {
            (void)fputs(usage, stdout);
            return EXIT_SUCCESS;
        } else if (ch == 'v') {
            (void)printf(PROGRAM " %s\n", HALLMARK_VERSION);
            return EXIT_SUCCESS;
        } else {
            (void)fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    if (!take_command(argc, argv, o)) {
        (void)fputs(usage, stderr);
        return EXIT_USAGE;
    }
    return -1;
}

static int exit_code(enum hm_err err)
{
    if (err == HM_OK)
        return EXIT_SUCCESS;
    if (err == HM_E_HISTORY)
        return EXIT_HISTORY;
    return err == HM_E_CONFIG ? EXIT_CONFIG : EXIT_FAILURE;
}

static enum hm_err run(struct program *p, const struct options *o, struct hm_why *why)
{
    HM_BUF_AUTO vkey = {.limit = HM_ORIGIN_MAX + 256};
    hm_vkey_write(&p->world.genesis.log_key, &vkey);
    const char *key = hm_buf_str(&vkey);
    if (key == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    switch (o->command) {
    case INIT:
        return reg_init(&p->config, &p->world, why);
    case BACKUP:
        return reg_backup_command(&p->config, key, o->verifier, why);
    case RESTORE:
        return reg_restore(&p->config, &p->world, o->from, key, o->verifier, why);
    case SERVE:
        break;
    }
    return serve(p, why);
}

int main(int argc, char **argv)
{
    struct options o = {.config = NULL};
    struct hm_why why = {""};
    int code = parse_options(argc, argv, &o);
    if (code >= 0)
        return code;
    struct program *p = calloc(1, sizeof *p);
    if (p == NULL)
        return EXIT_FAILURE;
    (void)umask(077);
    enum hm_err err = reg_config_load(o.config, &p->config, &why);
    if (err == HM_OK && !o.check)
        err = proc_become(p->config.user, &why);
    if (err == HM_OK && !o.check)
        err = reg_world_load(&p->config, &p->world, &why);
    if (err == HM_OK && !o.check)
        err = run(p, &o, &why);
    if (err != HM_OK)
        proc_log(PROGRAM, PROC_ERROR, "%s", why.text);
    else if (o.check)
        (void)printf("%s: ok\n", o.config);
    else if (o.command == INIT)
        (void)printf("log created: %s (%s)\n", p->config.database, p->world.genesis.origin);
    code = exit_code(err);
    close_parts(p);
    free(p);
    return code;
}
