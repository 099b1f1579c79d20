/* hallmark: what every command is handed, and how it ends. One file per command; the dispatch table
 * stands in cli_dispatch.c. Thread: main only. */
#ifndef CLIENT_CLI_H
#define CLIENT_CLI_H

#include "client/cli_args.h"
#include "client/cli_settings.h"
#include "client/cli_term.h"

/* Exit codes; documented in --help and docs/. */
enum cli_exit {
    CLI_EXIT_OK = 0,
    CLI_EXIT_REFUSED = 1, /* refused by the policy, or something did not verify */
    CLI_EXIT_USAGE = 2,   /* command line or settings */
    CLI_EXIT_RETRY = 3,   /* server or network unavailable: try again */
    CLI_EXIT_STATE = 4,   /* conflict, or not in a state that allows this */
    CLI_EXIT_LOCAL = 5    /* local files, memory */
};

struct cli_http;

struct cli {
    const struct cli_command *command;
    struct cli_args args;
    struct cli_settings set;
    struct cli_term term;
    struct cli_http *http; /* opened by the first request */
    struct hm_buf bearer;  /* token in place of a certificate; wiped at the end */
    int64_t bearer_until_ms;
    struct hm_why why; /* of the last failure */
    char next[512];    /* the next command to try, "" if there is no advice */
};

struct cli_command {
    const char *name; /* "submit", "log query" */
    const char *summary;
    const char *usage;   /* what follows "hallmark NAME" */
    const char *example; /* whole lines, each indented by two spaces */
    const struct cli_opt *opts;
    size_t operands_min, operands_max;
    int (*run)(struct cli *c);
};

/* The whole program; returns the exit code. */
int cli_main(int argc, char **argv);

/* What an error counts as where a local file is meant: HM_E_IO for what is not there or in the way,
 * because exit code 4 tells of the service. */
enum hm_err cli_local(enum hm_err err);
/* Exit code of an error. */
enum cli_exit cli_exit_of(enum hm_err err);
/* Reports c->why (and what the server said) on stderr once and returns the exit code. */
int cli_end(struct cli *c, enum hm_err err);
/* Sets the advice that cli_end shows. */
void cli_next(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A remark on stderr; not in the way of results. */
void cli_note(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Settings that a command cannot do without: HM_E_CONFIG with what to write where. */
enum hm_err HM_MUST_USE cli_need(struct cli *c, const char *member, const char *value);
/* The pinned log key. HM_E_CONFIG. */
enum hm_err HM_MUST_USE cli_log_key(struct cli *c, struct hm_vkey *out);
/* Reads a local file; a missing one is HM_E_IO. */
enum hm_err HM_MUST_USE cli_read(const char *path, size_t max, struct hm_buf *out,
                                 struct hm_why *why);
/* Writes a result to FILE (NULL: stdout, as it is), as cli_out.h says. HM_E_IO, HM_E_FULL. */
enum hm_err HM_MUST_USE cli_write(const char *path, struct hm_bytes data, struct hm_why *why);
/* The release id operand ("r17"). HM_E_CONFIG. */
enum hm_err HM_MUST_USE cli_release_operand(struct cli *c, uint64_t *idx);

/* Sleeps. */
void cli_pause_ms(unsigned ms);
/* "1 record", "2 records": what stands behind the word. */
#define CLI_S(n) ((n) == 1 ? "" : "s")

/* Commands. */
extern const struct cli_command cli_cmd_submit, cli_cmd_approve, cli_cmd_reject, cli_cmd_cancel,
    cli_cmd_sign, cli_cmd_show, cli_cmd_list, cli_cmd_bundle, cli_cmd_log_query, cli_cmd_log_proof,
    cli_cmd_log_export, cli_cmd_log_follow, cli_cmd_log_verify, cli_cmd_log_checkpoint,
    cli_cmd_policy_check, cli_cmd_policy_show, cli_cmd_policy_explain, cli_cmd_policy_test,
    cli_cmd_policy_new, cli_cmd_policy_diff, cli_cmd_policy_propose, cli_cmd_policy_approve,
    cli_cmd_policy_activate, cli_cmd_policy_replace, cli_cmd_policy_status, cli_cmd_roster_show,
    cli_cmd_roster_change, cli_cmd_roster_sign, cli_cmd_roster_apply, cli_cmd_guards_apply;
extern const struct cli_command cli_cmd_log_about, cli_cmd_log_report;
extern const struct cli_command cli_cmd_log_redact_new, cli_cmd_log_redact_sign,
    cli_cmd_log_redact_apply, cli_cmd_log_verify_archive;

#endif
