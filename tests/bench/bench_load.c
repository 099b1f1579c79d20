/* Load generator: plays a plan over mutual TLS with keep-alive connections, a client each.
 *   bench_load HOST PORT CA CERT KEY PLAN BLOB
 * PLAN: lines "CLIENT METHOD PATH OFFSET LENGTH [IDEMPOTENCY-KEY]"; a client's lines run in order.
 * BLOB: bodies. Prints one JSON line: requests, failures, seconds, latencies, average size of a
 * reply. One thread serves all clients, so that the load costs the machine under test as little as
 * it can. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define CLIENTS_MAX 128
#define REPLY_MAX ((size_t)256 * 1024)

struct request {
    char method[8];
    char path[160];
    char key[64];
    size_t offset, length;
};
struct client {
    struct request *list;
    size_t count, cap;
    double *seconds; /* latency of each */
    size_t failures;
    size_t bytes; /* of all replies */
    char first_failure[300];
    SSL *tls;
    size_t at; /* request under way */
    double since;
    char head[1024];
    size_t head_len, sent; /* of head and body together */
    char *reply;
    size_t have, want;
};
struct load {
    SSL_CTX *tls;
    const char *host, *port;
    const uint8_t *blob;
    struct client client[CLIENTS_MAX];
    size_t clients, running;
    int epoll;
};

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
    (void)fprintf(stderr, "bench_load: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(2);
}

static void add_request(struct client *c, const struct request *r)
{
    if (c->count == c->cap) {
        c->cap = c->cap == 0 ? 256 : c->cap * 2;
        c->list = realloc(c->list, c->cap * sizeof *c->list);
        if (c->list == NULL)
            die("no memory");
    }
    c->list[c->count++] = *r;
}

static void read_plan(struct load *l, const char *path)
{
    char line[512];
    FILE *f = fopen(path, "r");
    if (f == NULL)
        die("cannot read the plan");
    while (fgets(line, sizeof line, f) != NULL) {
        struct request r = {.key = ""};
        size_t who = 0;
        int n = sscanf(line, "%zu %7s %159s %zu %zu %63s", &who, r.method, r.path, &r.offset,
                       &r.length, r.key);
        if (n < 5 || who >= CLIENTS_MAX)
            die("bad line in the plan");
        add_request(&l->client[who], &r);
        if (who + 1 > l->clients)
            l->clients = who + 1;
    }
    (void)fclose(f);
}

static const uint8_t *map_blob(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &st) != 0)
        die("cannot read the blob");
    void *p = st.st_size > 0 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    (void)close(fd);
    return p;
}

static int dial(const struct load *l)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *a = NULL;
    if (getaddrinfo(l->host, l->port, &hints, &a) != 0)
        die("cannot resolve the host");
    int fd = -1;
    for (struct addrinfo *i = a; i != NULL && fd < 0; i = i->ai_next) {
        fd = socket(i->ai_family, i->ai_socktype, 0);
        if (connect(fd, i->ai_addr, i->ai_addrlen) != 0) {
            (void)close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(a);
    if (fd < 0)
        die("cannot connect");
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static SSL *connect_tls(const struct load *l)
{
    SSL *s = SSL_new(l->tls);
    if (s == NULL || SSL_set_fd(s, dial(l)) != 1 || SSL_set_tlsext_host_name(s, l->host) != 1 ||
        SSL_connect(s) != 1)
        die("TLS handshake failed");
    return s;
}

static void await(const struct load *l, struct client *c, uint32_t events, int op)
{
    struct epoll_event e = {.events = events, .data = {.ptr = c}};
    if (epoll_ctl(l->epoll, op, SSL_get_fd(c->tls), &e) != 0)
        die("epoll_ctl");
}

static void open_client(const struct load *l, struct client *c)
{
    c->tls = connect_tls(l);
    int fd = SSL_get_fd(c->tls);
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
        die("fcntl");
    await(l, c, EPOLLIN, EPOLL_CTL_ADD);
}

static void close_client(struct client *c)
{
    (void)SSL_shutdown(c->tls);
    (void)close(SSL_get_fd(c->tls)); /* leaves the epoll set with it */
    SSL_free(c->tls);
    c->tls = NULL;
}

static void begin(const struct load *l, struct client *c)
{
    const struct request *r = &c->list[c->at];
    bool put = strcmp(r->method, "PUT") == 0;
    c->since = now();
    c->head_len = (size_t)snprintf(
        c->head, sizeof c->head,
        "%s %s HTTP/1.1\r\nHost: %s:%s\r\nContent-Length: %zu\r\nContent-Type: %s\r\n%s%s%s\r\n",
        r->method, r->path, l->host, l->port, r->length,
        put ? "application/octet-stream" : "application/json",
        r->key[0] != '\0' ? "Idempotency-Key: " : "", r->key, r->key[0] != '\0' ? "\r\n" : "");
    c->sent = c->have = c->want = 0;
}

enum turn { TURN_WAIT_IN, TURN_WAIT_OUT, TURN_DONE, TURN_BROKEN };

static enum turn turn_of(const SSL *s, int n)
{
    int err = SSL_get_error(s, n);
    return err == SSL_ERROR_WANT_READ ? TURN_WAIT_IN
                                      : (err == SSL_ERROR_WANT_WRITE ? TURN_WAIT_OUT : TURN_BROKEN);
}

static enum turn send_some(const struct load *l, struct client *c)
{
    const struct request *r = &c->list[c->at];
    while (c->sent < c->head_len + r->length) {
        bool in_head = c->sent < c->head_len;
        size_t off = in_head ? c->sent : c->sent - c->head_len;
        size_t left = (in_head ? c->head_len : r->length) - off;
        const void *from = in_head ? (const void *)(c->head + off) : l->blob + r->offset + off;
        int n = SSL_write(c->tls, from, left > 65536 ? 65536 : (int)left);
        if (n <= 0)
            return turn_of(c->tls, n);
        c->sent += (size_t)n;
    }
    return TURN_DONE;
}

/* Length of the whole reply, once its head is there. */
static size_t reply_length(const char *reply)
{
    const char *end = strstr(reply, "\r\n\r\n");
    if (end == NULL)
        return 0;
    const char *cl = strcasestr(reply, "\r\ncontent-length:");
    return (size_t)(end - reply) + 4 + (cl != NULL && cl < end ? strtoul(cl + 17, NULL, 10) : 0);
}

static enum turn take_some(struct client *c)
{
    while (c->want == 0 || c->have < c->want) {
        int n = SSL_read(c->tls, c->reply + c->have, (int)(REPLY_MAX - 1 - c->have));
        if (n <= 0)
            return turn_of(c->tls, n);
        c->have += (size_t)n;
        c->reply[c->have] = '\0';
        if (c->want == 0)
            c->want = reply_length(c->reply);
        if (c->want >= REPLY_MAX)
            return TURN_BROKEN;
    }
    return TURN_DONE;
}

static void note_reply(struct client *c, int status)
{
    c->seconds[c->at] = now() - c->since;
    c->bytes += c->have;
    if (status >= 200 && status < 300)
        return;
    if (c->failures++ == 0)
        (void)snprintf(c->first_failure, sizeof c->first_failure, "%s %.40s: %d %.200s",
                       c->list[c->at].method, c->list[c->at].path, status,
                       status != 0 ? strstr(c->reply, "\r\n\r\n") + 4 : "");
}

/* Goes on until it has to wait. */
static void serve(struct load *l, struct client *c)
{
    for (;;) {
        enum turn t = send_some(l, c);
        if (t == TURN_DONE)
            t = take_some(c);
        if (t == TURN_WAIT_IN || t == TURN_WAIT_OUT) {
            await(l, c, t == TURN_WAIT_IN ? EPOLLIN : EPOLLOUT, EPOLL_CTL_MOD);
            return;
        }
        note_reply(c, t == TURN_DONE ? atoi(c->reply + 9) : 0);
        if (t == TURN_BROKEN || c->at + 1 == c->count)
            close_client(c);
        if (++c->at == c->count) {
            l->running--;
            return;
        }
        if (c->tls == NULL)
            open_client(l, c);
        begin(l, c);
    }
}

static double play(struct load *l)
{
    struct epoll_event ready[CLIENTS_MAX];
    double at = now();
    for (size_t i = 0; i < l->clients; i++) {
        if (l->client[i].count == 0)
            continue;
        l->running++;
        begin(l, &l->client[i]);
        serve(l, &l->client[i]);
    }
    while (l->running > 0) {
        int n = epoll_wait(l->epoll, ready, CLIENTS_MAX, -1);
        if (n < 0 && errno != EINTR)
            die("epoll_wait");
        for (int i = 0; i < n; i++)
            serve(l, ready[i].data.ptr);
    }
    return now() - at;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static int report(const struct load *l, double seconds)
{
    size_t total = 0;
    size_t failures = 0;
    size_t bytes = 0;
    const char *first = "";
    for (size_t i = 0; i < l->clients; i++) {
        total += l->client[i].count;
        failures += l->client[i].failures;
        bytes += l->client[i].bytes;
        if (l->client[i].failures > 0 && first[0] == '\0')
            first = l->client[i].first_failure;
    }
    double *all = calloc(total + 1, sizeof *all);
    if (all == NULL)
        die("no memory");
    size_t n = 0;
    for (size_t i = 0; i < l->clients; i++)
        for (size_t k = 0; k < l->client[i].count; k++)
            all[n++] = l->client[i].seconds[k];
    qsort(all, n, sizeof *all, by_value);
    (void)printf("{\"requests\":%zu,\"failures\":%zu,\"seconds\":%.6f,\"p50_ms\":%.3f,\"p99_ms\":%."
                 "3f,\"max_ms\":%.3f,\"reply_bytes\":%zu}\n",
                 n, failures, seconds, n > 0 ? all[n / 2] * 1e3 : 0,
                 n > 0 ? all[n * 99 / 100] * 1e3 : 0, n > 0 ? all[n - 1] * 1e3 : 0,
                 n > 0 ? bytes / n : 0);
    if (failures > 0)
        (void)fprintf(stderr, "bench_load: %zu failures, first: %s\n", failures, first);
    free(all);
    return failures > 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    static struct load l; /* large */
    if (argc != 8)
        die("usage: bench_load HOST PORT CA CERT KEY PLAN BLOB");
    l.host = argv[1];
    l.port = argv[2];
    l.tls = SSL_CTX_new(TLS_client_method());
    if (l.tls == NULL || SSL_CTX_load_verify_locations(l.tls, argv[3], NULL) != 1 ||
        SSL_CTX_use_certificate_file(l.tls, argv[4], SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(l.tls, argv[5], SSL_FILETYPE_PEM) != 1)
        die("cannot set up TLS");
    SSL_CTX_set_verify(l.tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_read_ahead(l.tls, 1);
    read_plan(&l, argv[6]);
    l.blob = map_blob(argv[7]);
    l.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < l.clients; i++) {
        struct client *c = &l.client[i];
        c->reply = malloc(REPLY_MAX);
        c->seconds = calloc(c->count + 1, sizeof *c->seconds);
        if (c->reply == NULL || c->seconds == NULL)
            die("no memory");
        if (c->count > 0)
            open_client(&l, c);
    }
    return report(&l, play(&l));
}
