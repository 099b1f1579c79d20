/* Load generator: plays a plan over mutual TLS with keep-alive connections, one thread each.
 *   bench_load HOST PORT CA CERT KEY PLAN BLOB
 * PLAN: lines "CLIENT METHOD PATH OFFSET LENGTH [IDEMPOTENCY-KEY]"; a client's lines run in order.
 * BLOB: bodies. Prints one JSON line: requests, failures, seconds, latencies. Threads: one per
 * client. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    pthread_t thread;
    const struct load *load;
    struct request *list;
    size_t count, cap;
    double *seconds; /* latency of each */
    size_t failures;
    char first_failure[300];
};
struct load {
    SSL_CTX *tls;
    const char *host, *port;
    const uint8_t *blob;
    pthread_barrier_t start;
    struct client client[CLIENTS_MAX];
    size_t clients;
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

static bool send_all(SSL *s, const void *data, size_t len)
{
    const uint8_t *p = data;
    while (len > 0) {
        int n = SSL_write(s, p, len > 65536 ? 65536 : (int)len);
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static bool send_request(const struct load *l, SSL *s, const struct request *r)
{
    char head[1024];
    bool put = strcmp(r->method, "PUT") == 0;
    int n = snprintf(
        head, sizeof head,
        "%s %s HTTP/1.1\r\nHost: %s:%s\r\nContent-Length: %zu\r\nContent-Type: %s\r\n%s%s%s\r\n",
        r->method, r->path, l->host, l->port, r->length,
        put ? "application/octet-stream" : "application/json",
        r->key[0] != '\0' ? "Idempotency-Key: " : "", r->key, r->key[0] != '\0' ? "\r\n" : "");
    return n > 0 && send_all(s, head, (size_t)n) && send_all(s, l->blob + r->offset, r->length);
}

/* Status of the reply, whole body taken off the connection; 0 on a broken one. */
static int take_reply(SSL *s, char *buf)
{
    size_t have = 0;
    char *end = NULL;
    size_t want = 0;
    for (;;) {
        int n = SSL_read(s, buf + have, (int)(REPLY_MAX - 1 - have));
        if (n <= 0)
            return 0;
        have += (size_t)n;
        buf[have] = '\0';
        if (end == NULL && (end = strstr(buf, "\r\n\r\n")) != NULL) {
            const char *cl = strcasestr(buf, "\r\ncontent-length:");
            want =
                (size_t)(end - buf) + 4 + (cl != NULL && cl < end ? strtoul(cl + 17, NULL, 10) : 0);
            if (want >= REPLY_MAX)
                return 0;
        }
        if (end != NULL && have >= want)
            return atoi(buf + 9);
    }
}

static void *client_main(void *arg)
{
    struct client *c = arg;
    char *buf = malloc(REPLY_MAX);
    SSL *s = connect_tls(c->load);
    c->seconds = calloc(c->count + 1, sizeof *c->seconds);
    if (buf == NULL || c->seconds == NULL)
        die("no memory");
    (void)pthread_barrier_wait((pthread_barrier_t *)(uintptr_t)&c->load->start);
    for (size_t i = 0; i < c->count; i++) {
        double at = now();
        int status = send_request(c->load, s, &c->list[i]) ? take_reply(s, buf) : 0;
        c->seconds[i] = now() - at;
        if (status >= 200 && status < 300)
            continue;
        if (c->failures++ == 0)
            (void)snprintf(c->first_failure, sizeof c->first_failure, "%s %.40s: %d %.200s",
                           c->list[i].method, c->list[i].path, status,
                           status != 0 ? strstr(buf, "\r\n\r\n") + 4 : "");
        if (status == 0) {
            SSL_free(s);
            s = connect_tls(c->load);
        }
    }
    (void)SSL_shutdown(s);
    (void)close(SSL_get_fd(s));
    SSL_free(s);
    free(buf);
    return NULL;
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
    const char *first = "";
    for (size_t i = 0; i < l->clients; i++) {
        total += l->client[i].count;
        failures += l->client[i].failures;
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
                 "3f,\"max_ms\":%.3f}\n",
                 n, failures, seconds, n > 0 ? all[n / 2] * 1e3 : 0,
                 n > 0 ? all[n * 99 / 100] * 1e3 : 0, n > 0 ? all[n - 1] * 1e3 : 0);
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
    (void)pthread_barrier_init(&l.start, NULL, (unsigned)l.clients + 1);
    for (size_t i = 0; i < l.clients; i++) {
        l.client[i].load = &l;
        if (pthread_create(&l.client[i].thread, NULL, client_main, &l.client[i]) != 0)
            die("cannot start a thread");
    }
    (void)pthread_barrier_wait(&l.start);
    double at = now();
    for (size_t i = 0; i < l.clients; i++)
        (void)pthread_join(l.client[i].thread, NULL);
    return report(&l, now() - at);
}
