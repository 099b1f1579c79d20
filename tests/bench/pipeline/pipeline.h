/* The bare pipeline under `sign`: the primitives that a signature cannot do without, in the three
 * processes and the order of the service, and nothing else. Requests over HTTPS wait in the
 * sequencer; a batch is one durable transaction with the very rows of a stored log, then a
 * checkpoint (Ed25519 on the token, the signer's state on the disk, verified); intentions under it
 * are signed (C_Sign) and verified (P-256), and come back as results into a later batch. No
 * decision, no record made or hashed, no tree, no path, no evidence checked, no read model. */
#ifndef TESTS_BENCH_PIPELINE_PIPELINE_H
#define TESTS_BENCH_PIPELINE_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PIPELINE_CONNECTIONS 64
#define PIPELINE_SIGNERS 2     /* as the registrar has it: one signs while the other is checked */
#define PIPELINE_MESSAGE_MAX 4 /* signatures in one message */
#define PIPELINE_REQUEST 256   /* bytes of a request, door to registrar */
#define PIPELINE_REPLY_MAX ((size_t)65536)
#define PIPELINE_ITEM ((size_t)2048)  /* bytes of an intention and its evidence, to the signer */
#define PIPELINE_COVER ((size_t)1024) /* of a checkpoint with its consistency path */
#define PIPELINE_NOTE 200             /* of the checkpoint itself */
#define PIPELINE_SIG 64

struct pipeline_pair {
    int near, far;
};

/* Made before the processes part; each closes the ends that are not its own. */
struct pipeline {
    struct pipeline_pair door[PIPELINE_CONNECTIONS]; /* near: the door; far: the registrar */
    struct pipeline_pair sign[PIPELINE_SIGNERS];     /* near: the registrar; far: the signer */
    struct pipeline_pair cover;                      /* likewise */
    const char *certificate, *key, *client_ca, *port_file;
    size_t reply_bytes;
    const char *log, *folder; /* rows are read from the one, written below the other */
    uint64_t first, end;      /* records whose rows the batches write */
    const char *module, *release_pin, *log_pin;
};

/* Sends all of it. */
void pipeline_put(int sock, const void *data, size_t len);
/* Receives all of it; false where the other end has closed. */
bool pipeline_get(int sock, void *data, size_t len);

/* Serves until SIGTERM. others: the other two processes, named in the port file. */
void pipeline_door(const struct pipeline *p, const int others[2]);
/* Until the door closes. Prints how large the batches were. */
void pipeline_registrar(const struct pipeline *p);
/* Until the registrar closes. */
void pipeline_signer(const struct pipeline *p);

#endif
