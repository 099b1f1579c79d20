/* hallmark-witness: arguments. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 what was cosigned is
 * unknown, 78 configuration. */
#include "server/ipc/proc_log.h"
#include "server/witness/witness_steps.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 2
#define EXIT_STATE 3   /* a restart will not help: an operator has to look */
#define EXIT_CONFIG 78 /* sysexits.h: likewise */

static const char usage[] =
    "Usage: hallmark-witness [COMMAND] --config FILE\n"
    "\n"
    "Watches transparency logs for forks and rollbacks, and cosigns their checkpoints\n"
    "(C2SP tlog-witness). docs/witness.md says how to run one.\n"
    "\n"
    "Commands:\n"
    "  serve            serve until SIGTERM (the default)\n"
    "  keygen           make the key file, once, and print the verifier key line\n"
    "  vkey             print the verifier key line\n"
    "  init ORIGIN      once for each log of the configuration: write the state that says\n"
    "                   \"nothing cosigned yet\"; refused where a state exists. Without one\n"
    "                   the witness does not start\n"
    "  status           show what was cosigned last\n"
    "\n"
    "Options:\n"
    "  --config FILE      configuration (JSON; schema/witness-config.schema.json)\n"
    "  --checkpoint FILE  with init: begin at this checkpoint, which the log signed, instead of\n"
    "                     at nothing\n"
    "  --check-config     read the configuration, then exit (--check is enough)\n"
    "  --version          print the version\n"
    "  --help             print this text\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a log's state is missing or damaged, 78 the\n"
    "configuration is wrong or missing.\n";

struct command {
    const char *name;
    witness_step_fn run;
};

static const struct command commands[] = {
    {"serve", witness_serve}, {"keygen", witness_keygen}, {"vkey", witness_vkey},
    {"init", witness_init},   {"status", witness_status},
};

struct options {
    const char *config;
    const struct command *command;
    struct witness_step_args args;
    bool check_only;
};

static int wrong_usage(void)
{
    (void)fputs(usage, stderr);
    return EXIT_USAGE;
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* Words that are no options: the command, and the origin that init takes. -1: go on. */
static int parse_words(int count, char **words, struct options *o)
{
    o->command = find(count > 0 ? words[0] : "serve");
    bool init = o->command != NULL && o->command->run == witness_init;
    if (o->command == NULL || count > (init ? 2 : 1) || (init && count != 2) ||
        (o->args.checkpoint != NULL && !init) || o->config == NULL || (o->check_only && count > 0))
        return wrong_usage();
    o->args.origin = init ? words[1] : NULL;
    return -1;
}

/* -1: go on; else the exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},
        {"check-config", no_argument, NULL, 'k'},
        {"check", no_argument, NULL, 'k'}, /* before --checkpoint */
        {"checkpoint", required_argument, NULL, 'p'},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "c:h", known, NULL)) != -1;) {
        if (c == 'c')
            o->config = optarg;
        else if (c == 'k')
            o->check_only = true;
        else if (c == 'p')
            o->args.checkpoint = optarg;
        else if (c == 'v')
            return puts(WITNESS_PROGRAM " " HALLMARK_VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        else if (c == 'h')
            return fputs(usage, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        else
            return wrong_usage();
    }
    return parse_words(argc - optind, argv + optind, o);
}

static int exit_code(enum hm_err err)
{
    if (err == HM_E_STATE)
        return EXIT_STATE;
    return err == HM_E_CONFIG ? EXIT_CONFIG : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct options o = {.config = NULL};
    struct hm_why why = {""};
    int code = parse_options(argc, argv, &o);
    if (code >= 0)
        return code;
    __attribute__((cleanup(witness_config_close))) struct witness_config config = {.listen = NULL};
    enum hm_err err = witness_config_read(o.config, &config, &why);
    if (err == HM_OK && o.check_only) {
        (void)printf("%s: configuration is valid\n", o.config);
        return EXIT_SUCCESS;
    }
    if (err == HM_OK)
        err = o.command->run(&config, &o.args, &why);
    if (err == HM_OK)
        return EXIT_SUCCESS;
    proc_log(WITNESS_PROGRAM, PROC_ERROR, "%s", why.text);
    return exit_code(err);
}
