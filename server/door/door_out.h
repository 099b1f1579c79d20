/* HTTP requests that the door makes itself, to addresses of its configuration alone: witnesses,
 * webhooks. Never to one that a request or a record names. No redirects, no proxy of the
 * environment, bounded in time and bytes. What comes back is untrusted. A handle belongs to one
 * thread at a time; it keeps its connection. */
#ifndef SERVER_DOOR_DOOR_OUT_H
#define SERVER_DOOR_DOOR_OUT_H

#include "schema/core/hm_bytes.h"

struct door_out;

/* Once, before threads. */
enum hm_err HM_MUST_USE door_out_init(struct hm_why *why);
/* An http or https URL without user, query and fragment. */
bool door_out_url_ok(const char *url);

/* ca: PEM file of those who may vouch for servers; NULL: the system's. */
enum hm_err HM_MUST_USE door_out_open(const char *ca, struct door_out **out, struct hm_why *why);
void door_out_close(struct door_out *o); /* NULL allowed */

struct door_out_call {
    const char *url;
    const char *type; /* Content-Type of the body */
    struct hm_bytes body;
    const char *const *headers; /* "Name: value", header_count of them */
    size_t header_count;
    int64_t timeout_ms; /* of all of it */
    size_t max;         /* bytes of an answer */
    bool status_only;   /* the answer's body is not wanted: past max, or past the time, it is cut */
    /* Asked about once a second; true: give up (HM_E_UNAVAILABLE). NULL: never. */
    bool (*stop)(void *ctx);
    void *stop_ctx;
};
struct door_out_answer {
    unsigned status;
    unsigned retry_after_s; /* Retry-After, 0 where there is none */
    char type[128];         /* Content-Type, "" where there is none or it is too long */
    struct hm_buf body;
};
/* POST. HM_OK: there is an answer, whatever it says; the caller frees its body. HM_E_UNAVAILABLE,
 * HM_E_TIMEOUT, HM_E_LIMIT (an answer above max). */
enum hm_err HM_MUST_USE door_out_post(struct door_out *o, const struct door_out_call *call,
                                      struct door_out_answer *answer, struct hm_why *why);

#endif
