#include "client/cli.h"
#include "client/cli_http.h"

#include <stdio.h>
#include <string.h>

static const struct cli_command *const commands[] = {
    &cli_cmd_submit,
    &cli_cmd_approve,
    &cli_cmd_reject,
    &cli_cmd_cancel,
    &cli_cmd_sign,
    &cli_cmd_show,
    &cli_cmd_list,
    &cli_cmd_bundle,
    &cli_cmd_log_query,
    &cli_cmd_log_about,
    &cli_cmd_log_report,
    &cli_cmd_log_proof,
    &cli_cmd_log_export,
    &cli_cmd_log_follow,
    &cli_cmd_log_verify,
    &cli_cmd_log_verify_archive,
    &cli_cmd_log_checkpoint,
    &cli_cmd_log_redact_new,
    &cli_cmd_log_redact_sign,
    &cli_cmd_log_redact_apply,
    &cli_cmd_policy_check,
    &cli_cmd_policy_show,
    &cli_cmd_policy_explain,
    &cli_cmd_policy_propose,
    &cli_cmd_policy_approve,
    &cli_cmd_policy_activate,
    &cli_cmd_policy_replace,
    &cli_cmd_policy_status,
    &cli_cmd_policy_diff,
    &cli_cmd_policy_test,
    &cli_cmd_policy_new,
    &cli_cmd_roster_show,
    &cli_cmd_roster_change,
    &cli_cmd_roster_sign,
    &cli_cmd_roster_apply,
    &cli_cmd_guards_apply,
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static const struct cli_opt common_opts[] = {
    {"help", NULL, "this text", false},
    {"json", NULL, "JSON on stdout, for scripts", false},
    {"color", "WHEN", "auto, always or never; NO_COLOR is honoured", false},
};
#define COMMON_COUNT (sizeof common_opts / sizeof common_opts[0])
#define SHARED_MAX 40

/* Global options and settings, in one table. */
static void shared_opts(struct cli_opt out[static SHARED_MAX])
{
    size_t n = 0;
    for (; n < COMMON_COUNT; n++)
        out[n] = common_opts[n];
    for (const struct cli_opt *o = cli_settings_opts; o->name != NULL && n + 1 < SHARED_MAX; o++)
        out[n++] = *o;
    out[n] = (struct cli_opt){NULL, NULL, NULL, false};
}

static void print_opts(const struct cli_opt *o)
{
    for (; o->name != NULL; o++) {
        char left[64];
        (void)snprintf(left, sizeof left, "--%s%s%s", o->name,
                       o->value != NULL && o->value[0] != '[' ? " " : "",
                       o->value != NULL ? o->value : "");
        (void)printf("  %-28s %s%s\n", left, o->help, o->many ? " (may be repeated)" : "");
    }
}

static void print_exit_codes(void)
{
    (void)fputs(
        "\nExit codes: 0 done, 1 refused or not verified, 2 usage or settings, 3 server or\n"
        "network unavailable (try again), 4 conflict or state, 5 local files or memory.\n",
        stdout);
}

/* Do the words of the command line begin this name, and leave something of it? */
static bool begins(const char *name, int argc, char **argv)
{
    int i = 0;
    for (; i < argc && argv[i][0] != '-'; i++) {
        size_t n = strcspn(name, " ");
        if (strlen(argv[i]) != n || memcmp(argv[i], name, n) != 0 || name[n] == '\0')
            return false;
        name += n + 1;
    }
    return true;
}

/* Those that begin like this. A gap stands between groups of them. */
static void list_commands(int argc, char **argv)
{
    const char *before = NULL;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const char *name = commands[i]->name;
        size_t group = strchr(name, ' ') != NULL ? strcspn(name, " ") + 1 : 0;
        if (!begins(name, argc, argv))
            continue;
        if (before != NULL && group > 0 && strncmp(before, name, group) != 0)
            (void)putchar('\n');
        (void)printf("  %-18s %s\n", name, commands[i]->summary);
        before = name;
    }
}

/* "hallmark log": what it goes on with. False where these words begin nothing. */
static bool help_group(int argc, char **argv)
{
    bool any = false;
    for (size_t i = 0; !any && i < COMMAND_COUNT; i++)
        any = begins(commands[i]->name, argc, argv);
    if (!any)
        return false;
    (void)fputs("Usage: hallmark ", stdout);
    for (int i = 0; i < argc && argv[i][0] != '-'; i++)
        (void)printf("%s ", argv[i]);
    (void)fputs("COMMAND [OPTIONS]\n\nCommands:\n", stdout);
    list_commands(argc, argv);
    (void)fputs("\nEvery command has --help.\n", stdout);
    return true;
}

static void help_all(void)
{
    (void)fputs("hallmark: submit, approve, sign and audit firmware releases.\n\n"
                "Usage: hallmark COMMAND [OPTIONS]\n\nCommands:\n",
                stdout);
    list_commands(0, NULL);
    (void)fputs("\nExample:\n  hallmark approve r17 --agent\n\n"
                "Every command has --help. Settings: --config FILE, $HALLMARK_CONFIG or\n"
                "~/.config/hallmark/config.json.\n",
                stdout);
    print_exit_codes();
}

static void help_command(const struct cli_command *cmd)
{
    (void)printf("hallmark %s: %s\n\nUsage: hallmark %s%s%s\n\nExample:\n%s\n", cmd->name,
                 cmd->summary, cmd->name, cmd->usage[0] != '\0' ? " " : "", cmd->usage,
                 cmd->example);
    if (cmd->opts[0].name != NULL)
        (void)fputs("\nOptions:\n", stdout);
    print_opts(cmd->opts);
    (void)fputs("\nGlobal options:\n", stdout);
    for (size_t i = 0; i < COMMON_COUNT; i++)
        print_opts((const struct cli_opt[]){common_opts[i], {NULL, NULL, NULL, false}});
    (void)fputs("\nSettings (each also a member of the settings file):\n", stdout);
    print_opts(cli_settings_opts);
    print_exit_codes();
}

/* How many words of the command line are this name; 0: they are others. */
static int words_of(const char *name, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        size_t n = strcspn(name, " ");
        if (strlen(argv[i]) != n || memcmp(argv[i], name, n) != 0)
            return 0;
        if (name[n] == '\0')
            return i + 1;
        name += n + 1;
    }
    return 0;
}

/* Finds "submit" or "log query"; *used is the number of words it took. */
static const struct cli_command *find_command(int argc, char **argv, int *used)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        *used = words_of(commands[i]->name, argc, argv);
        if (*used > 0)
            return commands[i];
    }
    return NULL;
}

static bool has_word(int argc, char **argv, const char *word)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0)
            return false;
        if (strcmp(argv[i], word) == 0)
            return true;
    }
    return false;
}

static int prepare_and_run(struct cli *c, int argc, char **argv)
{
    struct cli_opt shared[SHARED_MAX];
    shared_opts(shared);
    /* A scanner for --json, so that an error in the command line is shown in that form too. */
    c->term.json = has_word(argc, argv, "--json");
    enum hm_err err = cli_args_parse(argc, argv, c->command->opts, shared, c->command->operands_max,
                                     &c->args, &c->why);
    if (err == HM_OK && c->args.operand_count < c->command->operands_min)
        err = hm_fail(&c->why, HM_E_CONFIG, "an argument is missing: expected hallmark %s %s",
                      c->command->name, c->command->usage);
    if (err != HM_OK) {
        cli_next(c, "hallmark %s --help", c->command->name);
        return cli_end(c, err);
    }
    err = cli_term_init(&c->term, cli_args_get(&c->args, "color"), cli_args_has(&c->args, "json"),
                        &c->why);
    if (err == HM_OK)
        err = cli_settings_load(&c->args, &c->set, &c->why);
    if (err != HM_OK)
        return cli_end(c, err);
    return c->command->run(c);
}

static int unknown_command(struct cli *c, int argc, char **argv)
{
    (void)hm_fail(&c->why, HM_E_CONFIG, "unknown command '%.40s%s%.40s'", argv[0],
                  argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
    bool group = false; /* "log nix" */
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        group = group || begins(commands[i]->name, 1, argv);
    cli_next(c, "hallmark%s%s --help", group ? " " : "", group ? argv[0] : "");
    return cli_end(c, HM_E_CONFIG);
}

int cli_main(int argc, char **argv)
{
    struct cli c = {.command = NULL};
    int used = 0;
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        help_all();
        return argc < 2 ? CLI_EXIT_USAGE : CLI_EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)puts("hallmark " HALLMARK_VERSION);
        return CLI_EXIT_OK;
    }
    c.command = find_command(argc - 1, argv + 1, &used);
    if (c.command == NULL) {
        if (help_group(argc - 1, argv + 1))
            return has_word(argc - 1, argv + 1, "--help") ? CLI_EXIT_OK : CLI_EXIT_USAGE;
        return unknown_command(&c, argc - 1, argv + 1);
    }
    argc -= 1 + used;
    argv += 1 + used;
    if (has_word(argc, argv, "--help")) {
        help_command(c.command);
        return CLI_EXIT_OK;
    }
    int code = prepare_and_run(&c, argc, argv);
    cli_http_close(c.http);
    hm_buf_wipe(&c.bearer);
    if (fflush(stdout) != 0 && code == CLI_EXIT_OK)
        code = CLI_EXIT_LOCAL;
    return code;
}
