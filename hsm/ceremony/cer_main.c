/* hallmark-ceremony: arguments and the order of steps. Exit codes: 0 done, 1 failed, 2 wrong usage.
 */
#include "hsm/ceremony/cer_priv.h"

#include "schema/core/hm_text.h"
#include "schema/io/hm_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define EXIT_USAGE 2

static const char usage[] =
    "Usage: hallmark-ceremony STEP --config FILE --out DIR [OPTIONS]\n"
    "\n"
    "Makes the keys and the root-signed documents of a Hallmark installation. Run it offline, on "
    "a\n"
    "machine that holds the root token; the running service never opens that token.\n"
    "\n"
    "Steps:\n"
    "  keys          generate every key on its token, or check the one that is there;\n"
    "                write public keys, root-keys.json and policy-keys.json\n"
    "  guards        write guards.cbor: which approvals each release key demands\n"
    "  trust-store   write trust-store-ENVIRONMENT.cbor: what devices believe\n"
    "  genesis       write genesis.cbor: what the log begins with; needs the policy\n"
    "  check         read everything back and hold it against each other; no token\n"
    "  run           all of them; without a policy it stops before genesis\n"
    "  policy        write policy-replacement.cbor: the root puts another policy into force\n"
    "\n"
    "Options:\n"
    "  --config FILE   what to make (docs/formats/ceremony.md)\n"
    "  --out DIR       folder for the results\n"
    "  --policy FILE   the first policy, or the new one; overrides the configuration's\n"
    "  --in-force FILE the policy that is replaced (step policy)\n"
    "  --record N      the record that activated it (step policy)\n"
    "  --root LABEL    a root token that signs now; may be repeated (default: all)\n"
    "  --force         results may take the place of others that are there\n"
    "  --json          print one JSON object instead of lines\n"
    "  --check-config  read the configuration only\n"
    "  --version, --help\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong usage.\n";

static enum hm_err step_run(struct ceremony *c, struct hm_why *why)
{
    static const cer_step_fn before[] = {cer_step_keys, cer_step_guards, cer_step_trust_store};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        enum hm_err err = before[i](c, why);
        if (err != HM_OK)
            return err;
    }
    if (c->policy_file == NULL) {
        cer_say(&c->out, "Next: write the policy with the keys in policy-keys.json, then run "
                         "`hallmark-ceremony genesis --policy FILE`");
        return HM_OK;
    }
    enum hm_err err = cer_step_genesis(c, why);
    return err == HM_OK ? cer_step_check(c, why) : err;
}

static const struct {
    const char *name;
    cer_step_fn run;
} steps[] = {
    {"keys", cer_step_keys},
    {"guards", cer_step_guards},
    {"trust-store", cer_step_trust_store},
    {"genesis", cer_step_genesis},
    {"check", cer_step_check},
    {"run", step_run},
    {"policy", cer_step_policy},
};

struct arguments {
    const char *config;
    const char *policy;
    cer_step_fn step;
    bool check_config;
    bool bad;
};

/* The value of an option that takes one; NULL and a.bad without it. */
static const char *value_of(int argc, char **argv, int *i, struct arguments *a)
{
    if (*i + 1 < argc)
        return argv[++*i];
    a->bad = true;
    return NULL;
}

static void take_word(struct arguments *a, const char *word)
{
    cer_step_fn found = NULL;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (strcmp(steps[i].name, word) == 0)
            found = steps[i].run;
    a->bad = a->bad || found == NULL || a->step != NULL;
    a->step = found;
}

static void take_signer(struct ceremony *c, const char *label, struct arguments *a)
{
    if (c->signer_count == HM_ROOT_KEYS_MAX)
        a->bad = true;
    else
        c->signers[c->signer_count++] = label;
}

static void take_record(struct ceremony *c, const char *text, struct arguments *a)
{
    if (text == NULL || hm_decimal(hm_bytes_str(text), INT64_MAX, &c->record) != HM_OK)
        a->bad = true;
}

static void parse(int argc, char **argv, struct ceremony *c, struct arguments *a)
{
    for (int i = 1; i < argc && !a->bad; i++) {
        const char *arg = argv[i];
        if (strcmp(arg, "--config") == 0)
            a->config = value_of(argc, argv, &i, a);
        else if (strcmp(arg, "--out") == 0)
            c->out.dir = value_of(argc, argv, &i, a);
        else if (strcmp(arg, "--policy") == 0)
            a->policy = value_of(argc, argv, &i, a);
        else if (strcmp(arg, "--in-force") == 0)
            c->in_force_file = value_of(argc, argv, &i, a);
        else if (strcmp(arg, "--record") == 0)
            take_record(c, value_of(argc, argv, &i, a), a);
        else if (strcmp(arg, "--root") == 0)
            take_signer(c, value_of(argc, argv, &i, a), a);
        else if (strcmp(arg, "--force") == 0)
            c->out.force = true;
        else if (strcmp(arg, "--json") == 0)
            c->out.json = true;
        else if (strcmp(arg, "--check-config") == 0)
            a->check_config = true;
        else
            take_word(a, arg);
    }
    a->bad = a->bad || a->config == NULL ||
             (!a->check_config && (a->step == NULL || c->out.dir == NULL));
}

static enum hm_err perform(struct ceremony *c, const struct arguments *a, struct hm_why *why)
{
    enum hm_err err = cer_config_read(a->config, (uint64_t)hm_clock_unix_s(), &c->config, why);
    if (err != HM_OK || a->check_config)
        return err;
    c->policy_file = a->policy != NULL ? a->policy : c->config.policy;
    err = cer_out_open(&c->out, why);
    if (err == HM_OK)
        err = a->step(c, why);
    if (err == HM_OK)
        err = cer_out_close(&c->out, why);
    return err;
}

static bool asks_for(int argc, char **argv, const char *option)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], option) == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    struct arguments a = {.config = NULL};
    struct hm_why why = {""};
    if (asks_for(argc, argv, "--help"))
        return fputs(usage, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    if (asks_for(argc, argv, "--version"))
        return puts("hallmark-ceremony " HALLMARK_VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    struct ceremony *c = calloc(1, sizeof *c);
    if (c == NULL)
        return EXIT_FAILURE;
    parse(argc, argv, c, &a);
    int code = EXIT_SUCCESS;
#ifndef HALLMARK_SANITIZED
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* no core file with a PIN in it */
#endif
    if (a.bad) {
        (void)fputs(usage, stderr);
        code = EXIT_USAGE;
    } else if (perform(c, &a, &why) != HM_OK) {
        (void)fprintf(stderr, "hallmark-ceremony: %s\n", why.text);
        code = EXIT_FAILURE;
    }
    cer_config_close(&c->config);
    cer_out_free(&c->out);
    free(c);
    return code;
}
