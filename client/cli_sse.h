/* Server-sent events (WHATWG HTML, "Parsing an event stream"), taken apart as they arrive. Pure. */
#ifndef CLIENT_CLI_SSE_H
#define CLIENT_CLI_SSE_H

#include "schema/core/hm_bytes.h"

#define CLI_SSE_MAX ((size_t)256 * 1024) /* bytes of a line, and of an event's data */
#define CLI_SSE_NAME_MAX 64              /* bytes of an event's name and of an id */

struct cli_sse {
    struct hm_buf line; /* that has begun */
    struct hm_buf data;
    bool has_data;
    bool given;    /* the event is out; what follows begins another one */
    bool begun;    /* the first line is behind us */
    bool after_cr; /* a LF that follows belongs to the line end before */
    char id[CLI_SSE_NAME_MAX + 1];
    char name[CLI_SSE_NAME_MAX + 1];
    uint64_t retry_ms; /* 0: the server did not say */
};
struct cli_sse_event {
    const char *id;   /* "" before the first one */
    const char *name; /* "message" where the event has none */
    struct hm_bytes data;
};

void cli_sse_begin(struct cli_sse *s);
void cli_sse_free(struct cli_sse *s);
/* Takes bytes off `in`, at most up to the end of an event; then *got is true and the event's slices
 * hold until the next call. Events without data are none. HM_E_LIMIT, HM_E_MEMORY. */
enum hm_err HM_MUST_USE cli_sse_take(struct cli_sse *s, struct hm_bytes *in, bool *got,
                                     struct cli_sse_event *out, struct hm_why *why);

#endif
