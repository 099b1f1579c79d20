/* Command line: a table of options per command, long names only. Values are borrowed from argv.
 * Errors: HM_E_CONFIG with a text that names the option. */
#ifndef CLIENT_CLI_ARGS_H
#define CLIENT_CLI_ARGS_H

#include "schema/core/hm_bytes.h"

/* One option. value NULL: a flag; "[=WHAT]": a value only after "="; else it needs a value. */
struct cli_opt {
    const char *name; /* without "--" */
    const char *value;
    const char *help;
    bool many; /* may be given again; takes several values where the command has no operands */
};

#define CLI_GIVEN_MAX 256
#define CLI_OPERANDS_MAX 4

struct cli_args {
    struct {
        const struct cli_opt *opt;
        const char *value; /* NULL for a flag, or an optional value that was left out */
    } given[CLI_GIVEN_MAX];
    size_t count;
    const char *operand[CLI_OPERANDS_MAX];
    size_t operand_count;
};

/* Parses argv[0..argc-1] (no program name) against two tables, each ended by a NULL name. */
enum hm_err HM_MUST_USE cli_args_parse(int argc, char *const *argv, const struct cli_opt *own,
                                       const struct cli_opt *common, size_t operands_max,
                                       struct cli_args *out, struct hm_why *why);
bool cli_args_has(const struct cli_args *a, const char *name);
/* Value of an option, or NULL. */
const char *cli_args_get(const struct cli_args *a, const char *name);
/* i-th value of an option that may be given several times, NULL past the end. */
const char *cli_args_at(const struct cli_args *a, const char *name, size_t i);
/* A decimal option within min..max; absent gives dflt. HM_E_CONFIG. */
enum hm_err HM_MUST_USE cli_args_uint(const struct cli_args *a, const char *name, uint64_t min,
                                      uint64_t max, uint64_t dflt, uint64_t *out,
                                      struct hm_why *why);
/* A reason as signed documents hold it: one printable line of 1 to HM_REASON_MAX bytes. *out NULL
 * where the option was not given. HM_E_CONFIG. */
enum hm_err HM_MUST_USE cli_args_reason(const struct cli_args *a, const char *name,
                                        const char **out, struct hm_why *why);

#endif
