/* The bare primitive under `ingest`: receive over GnuTLS (TLS 1.3) on loopback, hash, write, fsync.
 * One thread per connection. bench_bare_ingest CERT KEY DIR PORT-FILE CONNECTIONS BYTES Each
 * connection sends an HTTP PUT head (skipped up to the blank line) and BYTES of body; answers 201.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

struct job {
    gnutls_certificate_credentials_t cred;
    const char *dir;
    size_t bytes;
    int sock;
    unsigned number;
};

static void die(const char *what)
{
    (void)fprintf(stderr, "bench_bare_ingest: %s\n", what);
    exit(2);
}

static void store(gnutls_session_t s, const struct job *j)
{
    char path[4096];
    static __thread uint8_t buf[65536];
    gnutls_hash_hd_t h;
    uint8_t digest[32];
    size_t left = j->bytes;
    size_t have = 0;
    char *body = NULL;
    while (body == NULL) {
        ssize_t n = gnutls_record_recv(s, buf + have, sizeof buf - 1 - have);
        if (n <= 0)
            die("connection broke in the head");
        have += (size_t)n;
        buf[have] = 0;
        body = strstr((char *)buf, "\r\n\r\n");
    }
    (void)snprintf(path, sizeof path, "%s/bare-%u", j->dir, j->number);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || gnutls_hash_init(&h, GNUTLS_DIG_SHA256) != 0)
        die("cannot store");
    ssize_t n = (ssize_t)(have - (size_t)(body + 4 - (char *)buf));
    memmove(buf, body + 4, (size_t)n);
    for (;;) {
        if (n > 0) {
            if (gnutls_hash(h, buf, (size_t)n) != 0 || write(fd, buf, (size_t)n) != n)
                die("cannot write");
            left -= (size_t)n;
        }
        if (left == 0)
            break;
        n = gnutls_record_recv(s, buf, left < sizeof buf ? left : sizeof buf);
        if (n <= 0)
            die("connection broke in the body");
    }
    gnutls_hash_deinit(h, digest);
    if (fsync(fd) != 0)
        die("cannot sync");
    (void)close(fd);
    (void)unlink(path);
    static const char ok[] = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
    (void)gnutls_record_send(s, ok, sizeof ok - 1);
}

static void *serve(void *arg)
{
    struct job *j = arg;
    gnutls_session_t s;
    if (gnutls_init(&s, GNUTLS_SERVER) != 0 ||
        gnutls_priority_set_direct(s, "NORMAL:-VERS-ALL:+VERS-TLS1.3", NULL) != 0 ||
        gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, j->cred) != 0)
        die("cannot set up TLS");
    gnutls_transport_set_int(s, j->sock);
    int rc = 0;
    do
        rc = gnutls_handshake(s);
    while (rc < 0 && gnutls_error_is_fatal(rc) == 0);
    if (rc < 0)
        die("handshake failed");
    store(s, j);
    (void)gnutls_bye(s, GNUTLS_SHUT_WR);
    gnutls_deinit(s);
    (void)close(j->sock);
    free(j);
    return NULL;
}

static int listen_on(const char *port_file)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        die("cannot listen");
    FILE *f = fopen(port_file, "w");
    if (f == NULL)
        die("cannot write the port file");
    (void)fprintf(f, "%u\n", ntohs(a.sin_port));
    (void)fclose(f);
    return fd;
}

int main(int argc, char **argv)
{
    if (argc != 7)
        die("usage: bench_bare_ingest CERT KEY DIR PORT-FILE CONNECTIONS BYTES");
    gnutls_certificate_credentials_t cred;
    unsigned connections = (unsigned)atoi(argv[5]);
    pthread_t threads[128];
    if (connections > 128 || gnutls_certificate_allocate_credentials(&cred) != 0 ||
        gnutls_certificate_set_x509_key_file(cred, argv[1], argv[2], GNUTLS_X509_FMT_PEM) != 0)
        die("cannot set up TLS");
    int listener = listen_on(argv[4]);
    for (unsigned i = 0; i < connections; i++) {
        struct job *j = calloc(1, sizeof *j);
        if (j == NULL)
            die("no memory");
        *j = (struct job){cred, argv[3], strtoul(argv[6], NULL, 10), accept(listener, NULL, NULL),
                          i};
        if (j->sock < 0 || pthread_create(&threads[i], NULL, serve, j) != 0)
            die("cannot serve");
    }
    for (unsigned i = 0; i < connections; i++)
        (void)pthread_join(threads[i], NULL);
    return 0;
}
