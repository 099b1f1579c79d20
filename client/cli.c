#include "client/cli.h"

#include "client/cli_http.h"
#include "client/cli_problem.h"
#include "schema/attest/hm_decision.h"
#include "schema/core/hm_text.h"
#include "schema/io/hm_file.h"
#include "schema/json/hm_json.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

enum cli_exit cli_exit_of(enum hm_err err)
{
    switch (err) {
    case HM_OK:
        return CLI_EXIT_OK;
    case HM_E_MALFORMED:
    case HM_E_LIMIT:
    case HM_E_UNSUPPORTED:
    case HM_E_SIGNATURE:
    case HM_E_DENIED:
    case HM_E_EXPIRED:
    case HM_E_HISTORY:
        return CLI_EXIT_REFUSED;
    case HM_E_CONFIG:
        return CLI_EXIT_USAGE;
    case HM_E_UNAVAILABLE:
    case HM_E_TIMEOUT:
        return CLI_EXIT_RETRY;
    case HM_E_NOT_FOUND:
    case HM_E_CONFLICT:
    case HM_E_STATE:
        return CLI_EXIT_STATE;
    case HM_E_IO:
    case HM_E_FULL:
    case HM_E_MEMORY:
    case HM_E_TOKEN:
    case HM_E_PIN:
    case HM_E_INTERNAL:
        break;
    }
    return CLI_EXIT_LOCAL;
}

enum hm_err cli_local(enum hm_err err)
{
    return err == HM_E_NOT_FOUND || err == HM_E_CONFLICT ? HM_E_IO : err;
}

void cli_next(struct cli *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(c->next, sizeof c->next, fmt, ap);
    va_end(ap);
}

void cli_note(const struct cli *c, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    (void)fputs(cli_term_style(c->term.color_err, CLI_DIM), stderr);
    cli_put_text(stderr, text);
    (void)fprintf(stderr, "%s\n", cli_term_style(c->term.color_err, CLI_PLAIN));
}

static const char *command_name(const struct cli *c)
{
    return c->command != NULL ? c->command->name : "";
}

/* Texts of the server are cut by length, maybe within a character; and terminals read the answer,
 * too. */
static void end_json(const struct cli *c, enum hm_err err)
{
    HM_BUF_AUTO detail = {.limit = HM_BUF_LIMIT_DEFAULT};
    HM_BUF_AUTO next = {.limit = HM_BUF_LIMIT_DEFAULT};
    hm_escape(&detail, hm_bytes_str(c->why.text));
    hm_escape(&next, hm_bytes_str(c->next));
    const char *detail_text = hm_buf_str(&detail);
    const char *next_text = hm_buf_str(&next);
    json_t *doc = json_pack("{s:s, s:s, s:i, s:s, s:s}", "command", command_name(c), "error",
                            hm_err_name(err), "exit", (int)cli_exit_of(err), "detail",
                            detail_text != NULL ? detail_text : "", "next",
                            next_text != NULL ? next_text : "");
    struct hm_bytes problem = cli_http_problem(c);
    if (doc != NULL && problem.len > 0) {
        json_t *p = NULL;
        if (hm_json_parse(problem, HM_JSON_FOREIGN(CLI_PROBLEM_MAX), &p, NULL) == HM_OK)
            (void)json_object_set_new(doc, "problem", p);
    }
    if (doc == NULL || json_dumpf(doc, stderr, JSON_COMPACT | JSON_ENSURE_ASCII) != 0)
        (void)fprintf(stderr, "{\"error\":\"%s\"}", hm_err_name(err));
    (void)fputc('\n', stderr);
    json_decref(doc);
}

static void end_text(const struct cli *c, enum hm_err err)
{
    bool color = c->term.color_err;
    (void)fprintf(stderr, "%shallmark%s%s: %s:%s ", cli_term_style(color, CLI_BAD),
                  command_name(c)[0] != '\0' ? " " : "", command_name(c), hm_err_name(err),
                  cli_term_style(color, CLI_PLAIN));
    cli_put_text(stderr, c->why.text);
    (void)fputc('\n', stderr);
    cli_problem_findings(cli_http_problem(c), stderr, color);
    if (c->next[0] != '\0') {
        (void)fputs("next: ", stderr);
        cli_put_text(stderr, c->next);
        (void)fputc('\n', stderr);
    }
}

/* What to try where the command itself had no better idea. */
static void default_next(struct cli *c, enum hm_err err)
{
    struct hm_bytes problem = cli_http_problem(c);
    if (cli_exit_of(err) == CLI_EXIT_RETRY)
        cli_next(c, "try again later; curl --cacert %s %s/readyz tells what is missing", c->set.ca,
                 c->set.server);
    else if (err == HM_E_CONFIG && c->command != NULL)
        cli_next(c, "hallmark %s --help", command_name(c));
    else if (cli_exit_of(err) == CLI_EXIT_STATE && problem.len > 0) /* not of a local file */
        cli_next(c, "hallmark list");
    else if (cli_problem_is(problem, "policy") || cli_problem_is(problem, "forbidden"))
        cli_next(c, "hallmark policy show");
    else if (err == HM_E_SIGNATURE || err == HM_E_HISTORY)
        cli_next(c, "hallmark log verify");
}

int cli_end(struct cli *c, enum hm_err err)
{
    if (err == HM_OK)
        return CLI_EXIT_OK;
    (void)fflush(stdout);
    enum cli_exit code = cli_exit_of(err);
    if (c->next[0] == '\0')
        default_next(c, err);
    if (c->term.json)
        end_json(c, err);
    else
        end_text(c, err);
    return (int)code;
}

enum hm_err cli_need(struct cli *c, const char *member, const char *value)
{
    if (value[0] != '\0')
        return HM_OK;
    cli_next(c, "set \"%s\" in %s (hallmark %s --help lists the options that stand for settings)",
             member, c->set.file[0] != '\0' ? c->set.file : "~/.config/hallmark/config.json",
             command_name(c));
    return hm_fail(&c->why, HM_E_CONFIG, "the setting \"%s\" is missing", member);
}

enum hm_err cli_log_key(struct cli *c, struct hm_vkey *out)
{
    enum hm_err err = cli_settings_log_key(&c->set, out, &c->why);
    if (err != HM_OK && c->set.log_key[0] == '\0')
        cli_next(c,
                 "put the log's verifier key line, as the operator published it, into \"log_key\"");
    return err;
}

enum hm_err cli_read(const char *path, size_t max, struct hm_buf *out, struct hm_why *why)
{
    return cli_local(hm_file_read(path, max, out, why));
}

enum hm_err cli_release_operand(struct cli *c, uint64_t *idx)
{
    if (hm_release_id_parse(c->args.operand[0], idx) == HM_OK)
        return HM_OK;
    cli_next(c, "hallmark list");
    return hm_fail(&c->why, HM_E_CONFIG, "'%.40s': expected a release id like r17",
                   c->args.operand[0]);
}

void cli_pause_ms(unsigned ms)
{
    struct timespec ts = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&ts, NULL);
}
