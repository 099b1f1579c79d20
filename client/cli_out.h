/* Where a result goes that a file was named for: a regular file is replaced as a whole, once its
 * content is there; everything else (a pipe, a device, what stdout is) is written as it comes,
 * because what stands there must not be put out of its place. Thread: main. */
#ifndef CLIENT_CLI_OUT_H
#define CLIENT_CLI_OUT_H

#include "client/cli.h"

struct cli_out {
    char file[CLI_PATH_MAX]; /* to be replaced, links followed; "" where there is a stream */
    FILE *stream;            /* stdout, or owned */
};
/* path NULL: stdout. The file is not touched yet. HM_E_IO: a link to nothing, no way to open it. */
enum hm_err HM_MUST_USE cli_out_open(const char *path, struct cli_out *out, struct hm_why *why);

#endif
