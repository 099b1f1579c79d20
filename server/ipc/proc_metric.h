/* Metrics in Prometheus' text format: what stands in front of the values of one. No state. */
#ifndef SERVER_IPC_PROC_METRIC_H
#define SERVER_IPC_PROC_METRIC_H

#include "schema/core/hm_bytes.h"

/* The HELP and TYPE lines of `program`_`name`. type: "counter" or "gauge"; help: a sentence without
 * backslash or newline. out keeps the first error. */
void proc_metric_head(struct hm_buf *out, const char *program, const char *name, const char *type,
                      const char *help);

#endif
