/* hallmark log about: everything that ever happened to an artifact, key, person, release or
 * product. */
#include "client/cli_about.h"

static const struct cli_opt opts[] = {
    CLI_PERIOD_OPTS,
    {"prove", NULL, "verify the proof of every record", false},
    {"reasons", NULL, "fetch all reasons from the server, not just the first 100", false},
    {"local", NULL, "show times in this machine's zone", false},
    CLI_SOURCE_OPTS,
    CLI_SOURCE_CHECKPOINT_OPT,
    {NULL, NULL, NULL, false},
};

static int run(struct cli *c)
{
    struct cli_about a;
    enum hm_err err = cli_about_open(c, &a);
    if (err == HM_OK)
        err = cli_about_gather(&a);
    if (err == HM_OK)
        err = cli_about_tell(&a);
    if (err == HM_OK)
        err = cli_about_show(&a);
    int code = cli_end(c, err);
    cli_about_close(&a);
    return code;
}

const struct cli_command cli_cmd_log_about = {
    .name = "log about",
    .summary = "everything that ever happened to an artifact, key, person, release, product",
    .usage = "artifact SHA256|FILE | key ID|FILE | person ID | release ID | product NAME",
    .example = "  hallmark log about artifact firmware.bin\n"
               "  hallmark log about key release.pem --complete\n"
               "  hallmark log about person alice --database log-backup.db",
    .opts = opts,
    .operands_min = 2,
    .operands_max = 2,
    .run = run,
};
