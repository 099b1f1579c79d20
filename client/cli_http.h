/* HTTP to hallmarkd: TLS 1.3 with the client's certificate, the server's CA pinned, https only, no
 * redirects, a limit on every answer, timeouts, a few tries when the server is unavailable.
 * What an answer says is believed by nobody here. Thread: main. */
#ifndef CLIENT_CLI_HTTP_H
#define CLIENT_CLI_HTTP_H

#include "client/cli.h"
#include "schema/core/hm_hash.h"

struct cli_call {
    const char *method; /* "GET", "HEAD", "POST", "PUT" */
    const char *path;   /* with the query, begins with '/' */
    const char *accept; /* NULL: anything */
    size_t max;         /* bytes of the answer's body */
    unsigned wait_s;    /* how long the server may think beyond the usual timeout */
    /* POST: a JSON body; the Idempotency-Key is derived from it */
    struct hm_bytes body;
    const char *salt; /* goes into that key too, where equal bodies are different requests */
    const char *if_none_match;
    /* PUT: bytes from this file; GET: bytes into this file in place of the answer's body */
    FILE *file;
    uint64_t file_size;
    struct cli_progress *progress;
    struct hm_sha256_ctx *hash; /* fed with what goes into the file; may be NULL */
};

struct cli_answer {
    long status;
    struct hm_buf body;
    uint64_t length; /* bytes received in all */
    char type[96];   /* Content-Type without parameters */
    char etag[128];
    char next[256];    /* Hallmark-Next */
    char log_size[24]; /* Hallmark-Log-Size */
    unsigned retry_after_s;
};
void cli_answer_free(struct cli_answer *a);
#define CLI_ANSWER_AUTO __attribute__((cleanup(cli_answer_free))) struct cli_answer

/* Any answer of the server is HM_OK; the caller looks at the status. Opens the connection on first
 * use. HM_E_CONFIG, HM_E_UNAVAILABLE, HM_E_TIMEOUT, HM_E_LIMIT, HM_E_SIGNATURE (server
 * certificate), HM_E_IO. */
enum hm_err HM_MUST_USE cli_http_do(struct cli *c, const struct cli_call *call,
                                    struct cli_answer *out);
/* The same, and the status must be one of 200, 201; else the problem document decides the error. */
enum hm_err HM_MUST_USE cli_http_ok(struct cli *c, const struct cli_call *call,
                                    struct cli_answer *out);
/* GET of a small thing. */
enum hm_err HM_MUST_USE cli_http_get(struct cli *c, const char *path, const char *accept,
                                     size_t max, struct cli_answer *out);
/* POST of a JSON document; salt as in struct cli_call. */
enum hm_err HM_MUST_USE cli_http_post(struct cli *c, const char *path, struct hm_bytes body,
                                      const char *salt, size_t max, struct cli_answer *out);
/* The body of the last answer that was a problem, empty if there was none. Borrowed. */
struct hm_bytes cli_http_problem(const struct cli *c);
void cli_http_close(struct cli_http *h); /* NULL allowed */

/* Appends "?name=value" or "&name=value", percent-encoded. value NULL: nothing. */
void cli_query_add(struct hm_buf *path, const char *name, const char *value);

#endif
