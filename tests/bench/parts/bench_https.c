/* The bare HTTPS server alone: answers every request at once, with the same bytes.
 *   bench_https CERT KEY CLIENT-CA PORT-FILE BYTES        until SIGTERM */
#include "tests/bench/bench_die.h"
#include "tests/bench/parts/bench_serve.h"

#include <string.h>

#define PROGRAM "bench_https"

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

static struct MHD_Response *response_of(size_t bytes)
{
    char *body = malloc(bytes + 1);
    if (body == NULL)
        bench_die(PROGRAM, "no memory");
    memset(body, 'x', bytes);
    struct MHD_Response *r = MHD_create_response_from_buffer(bytes, body, MHD_RESPMEM_MUST_FREE);
    if (r == NULL)
        bench_die(PROGRAM, "no memory");
    return r;
}

int main(int argc, char **argv)
{
    uint16_t port = 0;
    if (argc != 6)
        bench_die(PROGRAM, "usage: bench_https CERT KEY CLIENT-CA PORT-FILE BYTES");
    bench_block_term();
    struct MHD_Response *r = response_of(strtoul(argv[5], NULL, 10));
    struct MHD_Daemon *d = bench_serve(argv[1], argv[2], argv[3], answer, r, &port);
    bench_write_port(argv[4], port);
    bench_until_told();
    MHD_stop_daemon(d);
    MHD_destroy_response(r);
    return 0;
}
