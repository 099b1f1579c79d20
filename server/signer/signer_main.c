/* hallmark-signer: arguments. Exit codes: 0 done, 1 failed, 2 wrong usage, 77 a PIN was not taken,
 * 78 configuration. */
#include "server/ipc/proc_log.h"
#include "server/signer/signer_serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 2
#define EXIT_PIN 77    /* sysexits.h, permission: a restart may cost a try of the token's PIN */
#define EXIT_CONFIG 78 /* sysexits.h: a restart will not help */

static const char usage[] =
    "Usage: hallmark-signer [COMMAND] --config FILE\n"
    "\n"
    "Signs checkpoints of the log and releases with keys on PKCS#11 tokens, for "
    "hallmark-registrar.\n"
    "\n"
    "Commands:\n"
    "  serve            serve the socket until SIGTERM (the default)\n"
    "  init             once, for a new log: write the state that says \"nothing signed yet\";\n"
    "                   refused where a state exists. Without one the signer does not start\n"
    "\n"
    "Options:\n"
    "  --config FILE    configuration (JSON; schema/signer-config.schema.json)\n"
    "  --check-config   read the configuration and what it points to, then exit\n"
    "  --version        print the version\n"
    "  --help           print this text\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 77 a PIN was refused or could not be used,\n"
    "78 the configuration is wrong or missing.\n";

typedef enum hm_err (*command_fn)(const struct signer_config *c, struct hm_why *why);

struct arguments {
    const char *config;
    command_fn run;
    const char *done; /* printed after success */
    bool check;
    bool bad;
};

static void take_command(struct arguments *a, const char *word)
{
    if (a->run != NULL)
        a->bad = true;
    else if (strcmp(word, "serve") == 0)
        a->run = signer_serve;
    else if (strcmp(word, "init") == 0)
        *a = (struct arguments){a->config, signer_init, "the signer's state is ready", a->check,
                                a->bad};
    else
        a->bad = true;
}

static void parse(int argc, char **argv, struct arguments *a)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc && a->config == NULL)
            a->config = argv[++i];
        else if (strncmp(argv[i], "--config=", 9) == 0 && a->config == NULL)
            a->config = argv[i] + 9;
        else if (strcmp(argv[i], "--check-config") == 0)
            a->check = true;
        else
            take_command(a, argv[i]);
    }
    if (a->check && a->run != NULL)
        a->bad = true;
    if (a->check) {
        a->run = signer_check;
        a->done = "the configuration is good";
    } else if (a->run == NULL) {
        a->run = signer_serve;
    }
    a->bad = a->bad || a->config == NULL;
}

static bool asks_for(int argc, char **argv, const char *option)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], option) == 0)
            return true;
    return false;
}

static int exit_code(enum hm_err err)
{
    if (err == HM_E_PIN)
        return EXIT_PIN;
    return err == HM_E_CONFIG ? EXIT_CONFIG : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct arguments a = {.config = NULL};
    struct hm_why why = {""};
    if (asks_for(argc, argv, "--help"))
        return fputs(usage, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    if (asks_for(argc, argv, "--version"))
        return puts(SIGNER_PROGRAM " " HALLMARK_VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    parse(argc, argv, &a);
    if (a.bad) {
        (void)fputs(usage, stderr);
        return EXIT_USAGE;
    }
    __attribute__((cleanup(signer_config_close))) struct signer_config config = {.socket = NULL};
    enum hm_err err = signer_config_read(a.config, &config, &why);
    if (err == HM_OK)
        err = a.run(&config, &why);
    if (err != HM_OK) {
        proc_log(SIGNER_PROGRAM, PROC_ERROR, "%s", why.text);
        return exit_code(err);
    }
    if (a.done != NULL)
        (void)puts(a.done);
    return EXIT_SUCCESS;
}
