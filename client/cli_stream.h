/* One long answer of the server, an event at a time, beside the other requests. Thread: main. */
#ifndef CLIENT_CLI_STREAM_H
#define CLIENT_CLI_STREAM_H

#include "client/cli.h"
#include "client/cli_sse.h"

struct cli_stream;
enum cli_stream_what {
    CLI_STREAM_EVENT,
    CLI_STREAM_END,    /* the server ended it, as it should */
    CLI_STREAM_STOPPED /* stop_fd became readable */
};
/* GET path. stop_fd ends every wait; borrowed. Errors are those of the first cli_stream_next. */
enum hm_err HM_MUST_USE cli_stream_open(struct cli *c, const char *path, int stop_fd,
                                        struct cli_stream **out);
/* The next event, borrowed until the next call. HM_E_UNAVAILABLE, HM_E_TIMEOUT (nothing came for a
 * while, not even a sign of life), HM_E_LIMIT; a refusal as cli_http_ok has it. Text in c->why. */
enum hm_err HM_MUST_USE cli_stream_next(struct cli_stream *s, enum cli_stream_what *what,
                                        struct cli_sse_event *event);
/* The server answered with a stream. */
bool cli_stream_is_open(const struct cli_stream *s);
/* How long the server asks to wait before coming back. */
unsigned cli_stream_retry_ms(const struct cli_stream *s);
void cli_stream_close(struct cli_stream *s); /* NULL allowed */

#endif
