/* What a request is answered with, filled in by handlers and sent by door_send.c; and the closed
 * list of problems (docs/formats/http.md). */
#ifndef SERVER_DOOR_DOOR_ANSWER_H
#define SERVER_DOOR_DOOR_ANSWER_H

#include "schema/core/hm_bytes.h"

#include <sys/types.h>

enum door_problem {
    DOOR_MALFORMED,
    DOOR_UNKNOWN_FIELD,
    DOOR_BAD_PARAMETER,
    DOOR_UNAUTHENTICATED,
    DOOR_FORBIDDEN,
    DOOR_POLICY,
    DOOR_SIGNATURE,
    DOOR_NOT_FOUND,
    DOOR_METHOD_NOT_ALLOWED,
    DOOR_IN_FLIGHT,
    DOOR_CONFLICT,
    DOOR_STATE,
    DOOR_SUPERSEDED,
    DOOR_MISSING_ARTIFACT,
    DOOR_EXPIRED,
    DOOR_LENGTH_REQUIRED,
    DOOR_PRECONDITION_FAILED,
    DOOR_TOO_LARGE,
    DOOR_UNSUPPORTED_MEDIA_TYPE,
    DOOR_IDEMPOTENCY_MISMATCH,
    DOOR_DIGEST_MISMATCH,
    DOOR_TOO_MANY_REQUESTS,
    DOOR_INTERNAL,
    DOOR_UNAVAILABLE,
    DOOR_DISK_FULL,
    DOOR_PROBLEMS
};
struct door_problem_row {
    const char *name; /* urn:hallmark:problem:NAME */
    unsigned status;
    uint64_t retry_after_s; /* 0: no Retry-After */
    const char *title;
};
extern const struct door_problem_row door_problem_rows[DOOR_PROBLEMS];

/* Produces more of a streamed body into buf: bytes, 0 = end, -1 = give up. */
struct door_stream {
    void *ctx;
    ssize_t (*more)(void *ctx, char *buf, size_t max);
    void (*free)(void *ctx);
};

struct door_answer {
    unsigned status; /* 0: not answered yet */
    char type[96];
    struct hm_bytes body; /* borrowed from the connection's buffers or constant */
    int fd;               /* body from a file instead, or -1; closed when sent */
    uint64_t fd_size;
    bool from_file;            /* fd has been given away */
    struct door_stream stream; /* body from a function instead; more NULL: none */
    char etag[96];
    char cache[64]; /* Cache-Control; "" = none */
    char allow[64];
    char next[24];
    uint64_t retry_after_s;
    bool has_log_size;
    uint64_t log_size;
    bool close;  /* the connection ends after this answer */
    bool corked; /* head and body leave together once both are there */
};

void door_answer_reset(struct door_answer *a);
struct door_req;
/* 200 with this body. */
void door_ok(struct door_req *r, const char *type, struct hm_bytes body);
/* application/problem+json into the connection's out buffer. */
void door_problem(struct door_req *r, enum door_problem p, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The problem that an error stands for. What it says in why goes out as detail, except for
 * errors of our own machine, which are logged and answered without particulars. */
void door_problem_of(struct door_req *r, enum hm_err err, const struct hm_why *why);
/* Appends `,"name":"text"` with the text escaped. */
void door_json_text(struct hm_buf *b, const char *name, const char *text);

#endif
