#include "tests/bench/append/append_part.h"

#include "tests/bench/append/append_files.h"
#include "tests/bench/append/append_rows.h"
#include "tests/bench/bench_clock.h"

#include <stdio.h>

#define UNMEASURED 1000 /* records in a transaction */

static enum hm_err copy(struct append_copy *c, uint64_t first, uint64_t end, unsigned batch,
                        double *cpu_s, struct hm_why *why)
{
    enum hm_err err = HM_OK;
    *cpu_s = 0;
    for (uint64_t at = first; err == HM_OK && at < end; at += batch) {
        uint64_t to = at + batch < end ? at + batch : end;
        err = append_copy_read(c, to, why);
        double t = bench_cpu_s();
        if (err == HM_OK)
            err = append_copy_write(c, to, why);
        *cpu_s += bench_cpu_s() - t;
    }
    return err;
}

enum hm_err append_part(const char *from, const char *folder, uint64_t first, uint64_t end,
                        unsigned batch, struct hm_why *why)
{
    char to[APPEND_PATH_MAX];
    struct append_copy *c = NULL;
    double cpu_s = 0;
    if (batch == 0 || first >= end)
        return hm_fail(why, HM_E_LIMIT, "FIRST must be below END, and BATCH at least 1");
    enum hm_err err = append_path(folder, "part.db", to, why);
    if (err == HM_OK)
        err = append_copy_open(from, to, &c, why);
    if (err == HM_OK)
        err = copy(c, 0, first, UNMEASURED, &cpu_s, why);
    if (err == HM_OK)
        err = copy(c, first, end, batch, &cpu_s, why);
    append_copy_close(c);
    append_remove(to);
    if (err == HM_OK)
        (void)printf("{\"row\":%.1f}\n", cpu_s * 1e6 / (double)(end - first));
    return err;
}
