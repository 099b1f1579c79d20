#include "tests/bench/parts/bench_serve.h"

#include "tests/bench/bench_die.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>

#define PROGRAM "bench_serve"
#define PEM_MAX ((size_t)65536)
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM"

static char *read_text(const char *path)
{
    char *text = calloc(1, PEM_MAX);
    FILE *f = fopen(path, "r");
    if (text == NULL || f == NULL || fread(text, 1, PEM_MAX - 1, f) == 0)
        bench_die(PROGRAM, "cannot read a PEM file");
    (void)fclose(f);
    return text;
}

struct MHD_Daemon *bench_serve(const char *certificate, const char *key, const char *client_ca,
                               MHD_AccessHandlerCallback answer, void *ctx, uint16_t *port)
{
    char *pem[3] = {read_text(certificate), read_text(key), read_text(client_ca)};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct MHD_Daemon *d = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL |
            MHD_USE_TLS | MHD_USE_ITC,
        0, NULL, NULL, answer, ctx, MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_HTTPS_MEM_CERT, pem[0],
        MHD_OPTION_HTTPS_MEM_KEY, pem[1], MHD_OPTION_HTTPS_MEM_TRUST, pem[2],
        MHD_OPTION_HTTPS_PRIORITIES, PRIORITIES, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        d != NULL ? MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    if (info == NULL)
        bench_die(PROGRAM, "cannot serve");
    *port = info->port;
    return d; /* which keeps the texts */
}

void bench_write_port(const char *path, uint16_t port)
{
    FILE *f = fopen(path, "w");
    if (f == NULL)
        bench_die(PROGRAM, "cannot write the port file");
    (void)fprintf(f, "%u\n", port);
    (void)fclose(f);
}

static sigset_t only_term(void)
{
    sigset_t s;
    (void)sigemptyset(&s);
    (void)sigaddset(&s, SIGTERM);
    return s;
}

void bench_block_term(void)
{
    sigset_t s = only_term();
    (void)pthread_sigmask(SIG_BLOCK, &s, NULL);
}

void bench_until_told(void)
{
    sigset_t s = only_term();
    int got = 0;
    (void)sigwait(&s, &got);
}
