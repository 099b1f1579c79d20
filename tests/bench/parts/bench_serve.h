/* The bare HTTPS server under `sign`: libmicrohttpd as the door sets it up (TLS 1.3, client
 * certificates, a thread per connection). */
#ifndef TESTS_BENCH_PARTS_BENCH_SERVE_H
#define TESTS_BENCH_PARTS_BENCH_SERVE_H

#include <microhttpd.h>
#include <stdint.h>

/* On a free port of loopback. Ends the program where it cannot. */
struct MHD_Daemon *bench_serve(const char *certificate, const char *key, const char *client_ca,
                               MHD_AccessHandlerCallback answer, void *ctx, uint16_t *port);
void bench_write_port(const char *path, uint16_t port);
/* Before any thread starts; bench_until_told then waits for SIGTERM. */
void bench_block_term(void);
void bench_until_told(void);

#endif
