#include "tests/bench/bench_die.h"
#include "tests/bench/parts/bench_serve.h"
#include "tests/bench/pipeline/pipeline.h"

#include <stdatomic.h>

#define PROGRAM "bench_pipeline"

struct door {
    const struct pipeline *p;
    atomic_uint taken; /* pairs that connections have */
};

/* A connection has a thread of its own, so what belongs to one belongs to the other. */
struct place {
    int sock;
    char reply[PIPELINE_REPLY_MAX];
};
static _Thread_local struct place *mine;

static struct place *take_place(struct door *d)
{
    struct place *place = calloc(1, sizeof *place);
    unsigned i = atomic_fetch_add(&d->taken, 1);
    if (place == NULL || i >= PIPELINE_CONNECTIONS)
        bench_die(PROGRAM, "too many connections");
    place->sock = d->p->door[i].near;
    return place;
}

/* Called once when the head is there, once when the request is whole. */
static enum MHD_Result answer(void *ctx, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state)
{
    static const char request[PIPELINE_REQUEST];
    struct door *d = ctx;
    (void)url;
    (void)method;
    (void)version;
    (void)upload;
    if (*state == NULL) {
        *state = d;
        return MHD_YES;
    }
    *upload_size = 0;
    if (mine == NULL)
        mine = take_place(d);
    pipeline_put(mine->sock, request, sizeof request);
    if (!pipeline_get(mine->sock, mine->reply, d->p->reply_bytes))
        return MHD_NO;
    struct MHD_Response *r =
        MHD_create_response_from_buffer(d->p->reply_bytes, mine->reply, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result ok = r != NULL ? MHD_queue_response(c, MHD_HTTP_OK, r) : MHD_NO;
    if (r != NULL)
        MHD_destroy_response(r);
    return ok;
}

static void write_ports(const char *path, uint16_t port, const int others[2])
{
    FILE *f = fopen(path, "w");
    if (f == NULL)
        bench_die(PROGRAM, "cannot write the port file");
    (void)fprintf(f, "%u %d %d\n", port, others[0], others[1]);
    (void)fclose(f);
}

void pipeline_door(const struct pipeline *p, const int others[2])
{
    struct door d = {.p = p};
    uint16_t port = 0;
    char ready = 0;
    if (!pipeline_get(p->door[0].near, &ready, 1))
        bench_die(PROGRAM, "the registrar is not there");
    struct MHD_Daemon *daemon =
        bench_serve(p->certificate, p->key, p->client_ca, answer, &d, &port);
    write_ports(p->port_file, port, others);
    bench_until_told();
    MHD_stop_daemon(daemon);
}
