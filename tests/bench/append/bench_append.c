/* What it costs to append to the log.
 *   bench_append ratio FOLDER RECORDS BATCH ROUNDS   against bare SQLite inserts of the same rows
 *   bench_append growth FOLDER RECORDS               at 10,000 records, and up to RECORDS
 *   bench_append part FOLDER LOG FIRST END BATCH     bare inserts of the rows of these records
 * alone Prints a JSON line per figure. FOLDER must be empty and is left so. */
#include "tests/bench/append/append_bare.h"
#include "tests/bench/append/append_growth.h"
#include "tests/bench/append/append_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    struct hm_why why = {""};
    enum hm_err err = HM_E_MALFORMED;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)hm_fail(&why, err,
                  "ratio FOLDER RECORDS BATCH ROUNDS, growth FOLDER RECORDS, or part FOLDER LOG "
                  "FIRST END BATCH");
    if (argc == 6 && strcmp(argv[1], "ratio") == 0)
        err = append_bare(argv[2], strtoull(argv[3], NULL, 10),
                          (unsigned)strtoul(argv[4], NULL, 10), strtoul(argv[5], NULL, 10), &why);
    else if (argc == 4 && strcmp(argv[1], "growth") == 0)
        err = append_growth(argv[2], strtoull(argv[3], NULL, 10), &why);
    else if (argc == 7 && strcmp(argv[1], "part") == 0)
        err = append_part(argv[3], argv[2], strtoull(argv[4], NULL, 10),
                          strtoull(argv[5], NULL, 10), (unsigned)strtoul(argv[6], NULL, 10), &why);
    if (err != HM_OK)
        (void)fprintf(stderr, "bench_append: %s\n", why.text);
    return err == HM_OK ? 0 : 1;
}
