#include "client/cli_args.h"

#include "schema/core/hm_limits.h"
#include "schema/core/hm_text.h"

#include <inttypes.h>
#include <string.h>

static const struct cli_opt *find(const struct cli_opt *table, const char *name, size_t len)
{
    for (const struct cli_opt *o = table; o->name != NULL; o++)
        if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
            return o;
    return NULL;
}

bool cli_args_has(const struct cli_args *a, const char *name)
{
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->given[i].opt->name, name) == 0)
            return true;
    return false;
}

static enum hm_err add(struct cli_args *a, const struct cli_opt *opt, const char *value,
                       struct hm_why *why)
{
    if (!opt->many && cli_args_has(a, opt->name))
        return hm_fail(why, HM_E_CONFIG, "--%s: given twice", opt->name);
    if (a->count == CLI_GIVEN_MAX)
        return hm_fail(why, HM_E_CONFIG, "more than %d options", CLI_GIVEN_MAX);
    a->given[a->count].opt = opt;
    a->given[a->count].value = value;
    a->count++;
    return HM_OK;
}

static enum hm_err add_operand(struct cli_args *a, const char *text, size_t max, struct hm_why *why)
{
    if (a->operand_count == max)
        return hm_fail(why, HM_E_CONFIG, "unexpected argument '%s'", text);
    a->operand[a->operand_count++] = text;
    return HM_OK;
}

/* Takes the values after an option off argv; *i is the option's own index and moves on. */
static enum hm_err take_values(struct cli_args *a, const struct cli_opt *opt, int argc,
                               char *const *argv, bool greedy, int *i, struct hm_why *why)
{
    if (*i + 1 >= argc || strncmp(argv[*i + 1], "--", 2) == 0)
        return hm_fail(why, HM_E_CONFIG, "--%s: expected a value (%s)", opt->name, opt->value);
    do {
        enum hm_err err = add(a, opt, argv[++*i], why);
        if (err != HM_OK)
            return err;
    } while (greedy && *i + 1 < argc && argv[*i + 1][0] != '-');
    return HM_OK;
}

static enum hm_err take_option(struct cli_args *a, const struct cli_opt *own,
                               const struct cli_opt *common, bool greedy, int argc,
                               char *const *argv, int *i, struct hm_why *why)
{
    const char *name = argv[*i] + 2;
    const char *eq = strchr(name, '=');
    size_t len = eq != NULL ? (size_t)(eq - name) : strlen(name);
    const struct cli_opt *opt = find(own, name, len);
    if (opt == NULL)
        opt = find(common, name, len);
    if (opt == NULL)
        return hm_fail(why, HM_E_CONFIG, "unknown option '--%.*s'", (int)(len < 64 ? len : 64),
                       name);
    if (opt->value == NULL && eq != NULL)
        return hm_fail(why, HM_E_CONFIG, "--%s: takes no value", opt->name);
    if (eq != NULL)
        return add(a, opt, eq + 1, why);
    if (opt->value == NULL || opt->value[0] == '[')
        return add(a, opt, NULL, why);
    return take_values(a, opt, argc, argv, greedy && opt->many, i, why);
}

enum hm_err cli_args_parse(int argc, char *const *argv, const struct cli_opt *own,
                           const struct cli_opt *common, size_t operands_max, struct cli_args *out,
                           struct hm_why *why)
{
    struct cli_args a = {.count = 0};
    bool plain = false;
    for (int i = 0; i < argc; i++) {
        enum hm_err err;
        if (!plain && strcmp(argv[i], "--") == 0) {
            plain = true;
            continue;
        }
        if (plain || argv[i][0] != '-' || argv[i][1] == '\0')
            err = add_operand(&a, argv[i], operands_max, why);
        else if (argv[i][1] != '-')
            err =
                hm_fail(why, HM_E_CONFIG, "unknown option '%s': options have long names", argv[i]);
        else
            err = take_option(&a, own, common, operands_max == 0, argc, argv, &i, why);
        if (err != HM_OK)
            return err;
    }
    *out = a;
    return HM_OK;
}

const char *cli_args_at(const struct cli_args *a, const char *name, size_t i)
{
    for (size_t k = 0; k < a->count; k++)
        if (strcmp(a->given[k].opt->name, name) == 0 && i-- == 0)
            return a->given[k].value;
    return NULL;
}

const char *cli_args_get(const struct cli_args *a, const char *name)
{
    return cli_args_at(a, name, 0);
}

enum hm_err cli_args_uint(const struct cli_args *a, const char *name, uint64_t min, uint64_t max,
                          uint64_t dflt, uint64_t *out, struct hm_why *why)
{
    const char *text = cli_args_get(a, name);
    uint64_t v = dflt;
    if (text != NULL && (hm_decimal(hm_bytes_str(text), max, &v) != HM_OK || v < min))
        return hm_fail(why, HM_E_CONFIG,
                       "--%s: '%.40s': expected a number from %" PRIu64 " to %" PRIu64, name, text,
                       min, max);
    *out = v;
    return HM_OK;
}

enum hm_err cli_args_reason(const struct cli_args *a, const char *name, const char **out,
                            struct hm_why *why)
{
    const char *text = cli_args_get(a, name);
    if (text != NULL &&
        (text[0] == '\0' || strlen(text) > HM_REASON_MAX || !hm_printable_ok(hm_bytes_str(text))))
        return hm_fail(why, HM_E_CONFIG, "--%s: expected 1 to %d printable bytes on one line", name,
                       HM_REASON_MAX);
    *out = text;
    return HM_OK;
}
