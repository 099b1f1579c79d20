/* Members of the configuration about what is kept, how long and where. */
#include "server/registrar/reg_config_priv.h"

#include <stdlib.h>

#define KEEP_MAX_S 3153600000u /* a hundred years */

void reg_config_read_keep(struct proc_config *c, struct reg_config *out)
{
    out->detail_keep_s = hm_json_uint_or(&c->in, "detail_keep_s", 0, KEEP_MAX_S, 0);
    out->detail_archive_dir = proc_config_path_or_null(c, "detail_archive_dir");
    if (out->detail_archive_dir != NULL && out->detail_keep_s == 0)
        hm_json_bad(&c->in, HM_E_CONFIG, "detail_archive_dir",
                    "expected detail_keep_s above 0 beside it");
    out->mirror = proc_config_path_or_null(c, "mirror");
    out->backup_dir = proc_config_path_or_null(c, "backup_dir");
}

void reg_config_free_keep(struct reg_config *c)
{
    free(c->detail_archive_dir);
    free(c->mirror);
    free(c->backup_dir);
}
