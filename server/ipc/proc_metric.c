#include "server/ipc/proc_metric.h"

void proc_metric_head(struct hm_buf *out, const char *program, const char *name, const char *type,
                      const char *help)
{
    hm_buf_printf(out, "# HELP %s_%s %s\n# TYPE %s_%s %s\n", program, name, help, program, name,
                  type);
}
