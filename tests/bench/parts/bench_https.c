/* The bare HTTPS server under `sign`: libmicrohttpd as the door sets it up (TLS 1.3, client
 * certificates, a thread per connection), which answers every request with the same bytes.
 *   bench_https CERT KEY CLIENT-CA PORT-FILE BYTES        until SIGTERM */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEM_MAX ((size_t)65536)
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM"

static void die(const char *what)
{
    (void)fprintf(stderr, "bench_https: %s\n", what);
    exit(2);
}

static char *read_text(const char *path)
{
    char *text = calloc(1, PEM_MAX);
    FILE *f = fopen(path, "r");
    if (text == NULL || f == NULL || fread(text, 1, PEM_MAX - 1, f) == 0)
        die("cannot read a PEM file");
    (void)fclose(f);
    return text;
}

/* Called once when the head is there, once when the request is whole. */
static enum MHD_Result answer(void *response, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state)
{
    (void)url;
    (void)method;
    (void)version;
    (void)upload;
    if (*state == NULL) {
        *state = response;
        return MHD_YES;
    }
    *upload_size = 0;
    return MHD_queue_response(c, MHD_HTTP_OK, response);
}

static void write_port(struct MHD_Daemon *d, const char *path)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT);
    FILE *f = fopen(path, "w");
    if (info == NULL || f == NULL)
        die("cannot write the port file");
    (void)fprintf(f, "%u\n", info->port);
    (void)fclose(f);
}

static struct MHD_Response *response_of(size_t bytes)
{
    char *body = malloc(bytes + 1);
    if (body == NULL)
        die("no memory");
    memset(body, 'x', bytes);
    struct MHD_Response *r = MHD_create_response_from_buffer(bytes, body, MHD_RESPMEM_MUST_FREE);
    if (r == NULL)
        die("no memory");
    return r;
}

int main(int argc, char **argv)
{
    sigset_t end;
    int got = 0;
    if (argc != 6)
        die("usage: bench_https CERT KEY CLIENT-CA PORT-FILE BYTES");
    (void)sigemptyset(&end);
    (void)sigaddset(&end, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &end, NULL);
    char *pem[3] = {read_text(argv[1]), read_text(argv[2]), read_text(argv[3])};
    struct MHD_Response *r = response_of(strtoul(argv[5], NULL, 10));
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct MHD_Daemon *d = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL |
            MHD_USE_TLS | MHD_USE_ITC,
        0, NULL, NULL, answer, r, MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_HTTPS_MEM_CERT, pem[0],
        MHD_OPTION_HTTPS_MEM_KEY, pem[1], MHD_OPTION_HTTPS_MEM_TRUST, pem[2],
        MHD_OPTION_HTTPS_PRIORITIES, PRIORITIES, MHD_OPTION_END);
    if (d == NULL)
        die("cannot serve");
    write_port(d, argv[4]);
    (void)sigwait(&end, &got);
    MHD_stop_daemon(d);
    MHD_destroy_response(r);
    for (size_t i = 0; i < 3; i++)
        free(pem[i]);
    return 0;
}
