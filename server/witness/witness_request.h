/* One HTTP request: head checks, body, handler, answer. Lives inside its connection and is reused
 * by the next request on it. */
#ifndef SERVER_WITNESS_WITNESS_REQUEST_H
#define SERVER_WITNESS_WITNESS_REQUEST_H

#include "server/witness/witness_metrics.h"

struct witness_answer {
    unsigned status; /* 0: none yet */
    const char *type;
    const char *allow; /* methods, with a 405 */
    bool close;
    struct hm_buf body;
};

/* Headers that decide where a request ends. */
struct witness_framing {
    unsigned hosts, lengths, encodings;
    const char *length; /* value, borrowed; NULL: none */
};

struct witness_request {
    struct witness *witness;
    enum witness_route route;
    struct witness_log *log; /* of the path; NULL: none */
    struct hm_buf body;
    struct witness_answer answer;
    bool active;
};

/* Everything that can be said without the body. An answer may stand afterwards. */
void witness_request_open(struct witness_request *r, const char *method, const char *path,
                          const char *version, const struct witness_framing *framing);
void witness_request_body(struct witness_request *r, const char *data, size_t len);
/* Runs the handler if there is no answer yet. */
void witness_request_finish(struct witness_request *r);
void witness_request_clear(struct witness_request *r); /* ready for the next one */
void witness_request_free(struct witness_request *r);

#endif
