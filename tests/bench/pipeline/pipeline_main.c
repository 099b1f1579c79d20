/*   bench_pipeline CERT KEY CLIENT-CA PORT-FILE REPLY-BYTES LOG.DB FOLDER FIRST END MODULE
 *                  RELEASE-PIN-FILE LOG-PIN-FILE
 * Tokens and keys are labelled `development` and `log`. Serves until SIGTERM. */
#include "tests/bench/bench_die.h"
#include "tests/bench/parts/bench_serve.h"
#include "tests/bench/pipeline/pipeline.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "bench_pipeline"

void pipeline_put(int sock, const void *data, size_t len)
{
    for (const char *at = data; len > 0;) {
        ssize_t n = send(sock, at, len, MSG_NOSIGNAL);
        if (n <= 0)
            bench_die(PROGRAM, "cannot send");
        at += n;
        len -= (size_t)n;
    }
}

bool pipeline_get(int sock, void *data, size_t len)
{
    for (char *at = data; len > 0;) {
        ssize_t n = recv(sock, at, len, 0);
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static void pair(struct pipeline_pair *p)
{
    int s[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) != 0)
        bench_die(PROGRAM, "cannot make sockets");
    *p = (struct pipeline_pair){s[0], s[1]};
}

static void shut(const struct pipeline_pair *pairs, size_t count, bool near, bool far)
{
    for (size_t i = 0; i < count; i++) {
        if (near)
            (void)close(pairs[i].near);
        if (far)
            (void)close(pairs[i].far);
    }
}

static pid_t part(const struct pipeline *p, void (*run)(const struct pipeline *), bool registrar)
{
    pid_t pid = fork();
    if (pid < 0)
        bench_die(PROGRAM, "cannot fork");
    if (pid > 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    shut(p->door, PIPELINE_CONNECTIONS, true, !registrar);
    shut(p->sign, PIPELINE_SIGNERS, !registrar, registrar);
    shut(&p->cover, 1, !registrar, registrar);
    run(p);
    exit(0);
}

int main(int argc, char **argv)
{
    if (argc != 13)
        bench_die(PROGRAM, "usage: see pipeline_main.c");
    struct pipeline p = {
        .certificate = argv[1],
        .key = argv[2],
        .client_ca = argv[3],
        .port_file = argv[4],
        .reply_bytes = strtoul(argv[5], NULL, 10),
        .log = argv[6],
        .folder = argv[7],
        .first = strtoull(argv[8], NULL, 10),
        .end = strtoull(argv[9], NULL, 10),
        .module = argv[10],
        .release_pin = argv[11],
        .log_pin = argv[12],
    };
    if (p.reply_bytes == 0 || p.reply_bytes > PIPELINE_REPLY_MAX || p.first >= p.end)
        bench_die(PROGRAM, "REPLY-BYTES or FIRST and END out of range");
    for (size_t i = 0; i < PIPELINE_CONNECTIONS; i++)
        pair(&p.door[i]);
    for (size_t i = 0; i < PIPELINE_SIGNERS; i++)
        pair(&p.sign[i]);
    pair(&p.cover);
    bench_block_term();
    int others[2] = {part(&p, pipeline_registrar, true), part(&p, pipeline_signer, false)};
    shut(p.door, PIPELINE_CONNECTIONS, false, true);
    shut(p.sign, PIPELINE_SIGNERS, true, true);
    shut(&p.cover, 1, true, true);
    pipeline_door(&p, others);
    shut(p.door, PIPELINE_CONNECTIONS, true, false);
    for (size_t i = 0; i < 2; i++)
        if (waitpid(others[i], NULL, 0) != others[i])
            bench_die(PROGRAM, "a part is gone");
    return 0;
}
