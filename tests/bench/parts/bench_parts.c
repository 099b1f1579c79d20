/* Bare primitives that a signature cannot do without, each alone in a loop: verifying P-256 and
 * Ed25519 with OpenSSL, and a question with its answer over a UNIX socket between two processes.
 *   bench_parts SECONDS BYTES           BYTES: of the answer
 * Prints {"verify_p256": …, "verify_ed25519": …, "call": …}, processor time in microseconds. */
#include "tests/bench/bench_clock.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUESTION 256
#define ANSWER_MAX 65536
#define MESSAGE 200 /* a checkpoint's length, about */

static void die(const char *what)
{
    (void)fprintf(stderr, "bench_parts: %s\n", what);
    exit(2);
}

/* Of the message itself (Ed25519), or of its SHA-256 (P-256). */
static double verify_us(EVP_PKEY *key, const EVP_MD *md, double seconds)
{
    static const uint8_t message[MESSAGE] = {1};
    uint8_t sig[128];
    size_t len = sizeof sig;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    if (key == NULL || c == NULL || EVP_DigestSignInit(c, NULL, md, NULL, key) != 1 ||
        EVP_DigestSign(c, sig, &len, message, sizeof message) != 1)
        die("cannot sign");
    unsigned long n = 0;
    double began = bench_cpu_s();
    for (; bench_cpu_s() - began < seconds; n++)
        if (EVP_MD_CTX_reset(c) != 1 || EVP_DigestVerifyInit(c, NULL, md, NULL, key) != 1 ||
            EVP_DigestVerify(c, sig, len, message, sizeof message) != 1)
            die("a signature does not verify");
    double us = (bench_cpu_s() - began) * 1e6 / (double)n;
    EVP_MD_CTX_free(c);
    EVP_PKEY_free(key);
    return us;
}

static void ask(int sock, uint8_t *buf, size_t bytes)
{
    if (write(sock, buf, QUESTION) != QUESTION)
        die("write");
    for (size_t got = 0; got < bytes;) {
        ssize_t n = read(sock, buf + got, bytes - got);
        if (n <= 0)
            die("read");
        got += (size_t)n;
    }
}

static void answer(int sock, size_t bytes)
{
    static uint8_t buf[ANSWER_MAX];
    while (read(sock, buf, QUESTION) == QUESTION)
        if (write(sock, buf, bytes) != (ssize_t)bytes)
            die("write");
}

static double children_s(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_CHILDREN, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Both processes' time. */
static double call_us(size_t bytes, double seconds)
{
    static uint8_t buf[ANSWER_MAX];
    int pair[2];
    if (bytes > ANSWER_MAX || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        die("no sockets");
    pid_t child = fork();
    if (child == 0) {
        (void)close(pair[0]);
        answer(pair[1], bytes);
        _exit(0);
    }
    (void)close(pair[1]);
    unsigned long n = 0;
    double cpu = bench_cpu_s();
    for (double began = bench_wall_s(); bench_wall_s() - began < seconds; n++)
        ask(pair[0], buf, bytes);
    cpu = bench_cpu_s() - cpu;
    (void)close(pair[0]);
    if (child < 0 || waitpid(child, NULL, 0) != child)
        die("no child");
    return (cpu + children_s()) * 1e6 / (double)n;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        die("usage: bench_parts SECONDS BYTES");
    double seconds = strtod(argv[1], NULL);
    double p256 = verify_us(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), EVP_sha256(), seconds);
    double ed25519 = verify_us(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL, seconds);
    (void)printf("{\"verify_p256\":%.1f,\"verify_ed25519\":%.1f,\"call\":%.1f}\n", p256, ed25519,
                 call_us(strtoul(argv[2], NULL, 10), seconds));
    return 0;
}
