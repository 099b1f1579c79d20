/* hallmark-device: a device's side of a release, on Linux. Command line and dispatch. */
#include "device/tool/hm_device_tool_priv.h"

#include <getopt.h>
#include <string.h>

#define EXIT_CODES                                                                                 \
    "Exit codes: 0 done, 1 refused (the reason code says why), 2 wrong usage, 3 input or output "  \
    "failed.\n"

struct command {
    const char *name;
    enum tool_exit (*run)(const struct tool_args *args);
    const char *summary;
    const char *help;
};

static const struct command commands[] = {
    {"init", tool_cmd_init, "give a device its identity and its trust store",
     "Usage: hallmark-device init --state DIR --trust-store FILE --vendor-domain DOMAIN\n"
     "         --product P --model M --revision R --region X\n"
     "         [--root-key PEM|KEYID]... [--installed-version V] [--json]\n\n"
     "Makes DIR a new device. The trust store must be signed by its own root threshold; with\n"
     "--root-key only signatures of these root keys count (a PEM file, or a key id of 32 or 64\n"
     "hex digits). --installed-version is what the device came with (default 0).\n"},
    {"install", tool_cmd_install, "check a release and write it to the inactive slot",
     "Usage: hallmark-device install --state DIR BUNDLE_DIR [--json]\n"
     "       hallmark-device install --state DIR ENVELOPE PROOF PAYLOAD... [--json]\n\n"
     "A bundle directory holds manifest.suit, release.tlog-proof and firmware.bin. Of several\n"
     "payloads the one is taken that the manifest names for the slot. Nothing is written before\n"
     "every check of the manifest and the log holds; the old slot stays until the new one is\n"
     "confirmed.\n"},
    {"verify", tool_cmd_verify, "the same checks, without writing",
     "Usage: hallmark-device verify --state DIR BUNDLE_DIR [--json]\n"
     "       hallmark-device verify --state DIR ENVELOPE PROOF PAYLOAD... [--json]\n\n"
     "Runs every check of install, the payload's included, and leaves the device as it is.\n"},
    {"boot", tool_cmd_boot, "start: select a slot and verify its image",
     "Usage: hallmark-device boot --state DIR [--json]\n\n"
     "Hashes the image that is to start. A freshly installed one gets one start; without a\n"
     "confirmation the next boot goes back to the last confirmed slot.\n"},
    {"confirm", tool_cmd_confirm, "the running release works: keep it",
     "Usage: hallmark-device confirm --state DIR [--slot a|b] [--json]\n\n"
     "Makes the release on trial the confirmed one and raises the counters and floors. --slot "
     "says\n"
     "which slot runs, as 'boot' printed it: a release that fell back then confirms nothing.\n"},
    {"trust-store", tool_cmd_trust_store, "take a newer trust store",
     "Usage: hallmark-device trust-store --state DIR FILE [--json]\n\n"
     "Takes FILE in place of the device's trust store, if the root signed it for this device and\n"
     "its epoch is not lower. From then on no older one is believed.\n"},
    {"status", tool_cmd_status, "show identity, trust store, slots and counters",
     "Usage: hallmark-device status --state DIR [--json]\n"},
};

#define COMMANDS (sizeof commands / sizeof commands[0])

static void usage(FILE *to)
{
    (void)fprintf(to,
                  "hallmark-device %s: the reference device of Hallmark\n\n"
                  "Usage: hallmark-device COMMAND [OPTIONS]\n\n",
                  HALLMARK_VERSION);
    for (size_t i = 0; i < COMMANDS; i++)
        (void)fprintf(to, "  %-12s %s\n", commands[i].name, commands[i].summary);
    (void)fprintf(
        to, "\n'hallmark-device COMMAND --help' says more. All commands take --json.\n" EXIT_CODES);
}

enum option_id {
    OPT_STATE = 1000,
    OPT_TRUST_STORE,
    OPT_VENDOR_DOMAIN,
    OPT_PRODUCT,
    OPT_MODEL,
    OPT_REVISION,
    OPT_REGION,
    OPT_VERSION_INSTALLED,
    OPT_ROOT_KEY,
    OPT_SLOT,
    OPT_JSON,
    OPT_HELP,
};

static const struct option options[] = {
    {"state", required_argument, NULL, OPT_STATE},
    {"trust-store", required_argument, NULL, OPT_TRUST_STORE},
    {"vendor-domain", required_argument, NULL, OPT_VENDOR_DOMAIN},
    {"product", required_argument, NULL, OPT_PRODUCT},
    {"model", required_argument, NULL, OPT_MODEL},
    {"revision", required_argument, NULL, OPT_REVISION},
    {"region", required_argument, NULL, OPT_REGION},
    {"installed-version", required_argument, NULL, OPT_VERSION_INSTALLED},
    {"root-key", required_argument, NULL, OPT_ROOT_KEY},
    {"slot", required_argument, NULL, OPT_SLOT},
    {"json", no_argument, NULL, OPT_JSON},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static const char **text_option(struct tool_args *a, int id)
{
    switch (id) {
    case OPT_STATE:
        return &a->state;
    case OPT_TRUST_STORE:
        return &a->trust_store;
    case OPT_VENDOR_DOMAIN:
        return &a->vendor_domain;
    case OPT_PRODUCT:
        return &a->product;
    case OPT_MODEL:
        return &a->model;
    case OPT_REVISION:
        return &a->revision;
    case OPT_REGION:
        return &a->region;
    case OPT_VERSION_INSTALLED:
        return &a->installed_version;
    case OPT_SLOT:
        return &a->slot;
    case OPT_ROOT_KEY:
        return a->root_key_count < TOOL_PINS_MAX ? &a->root_key[a->root_key_count++] : NULL;
    default:
        return NULL;
    }
}

/* Only init describes the device, and only confirm the slot. */
static bool option_fits(const struct command *c, int id)
{
    if (id == OPT_SLOT)
        return c->run == tool_cmd_confirm;
    return id == OPT_STATE || id == OPT_JSON || id == OPT_HELP || c->run == tool_cmd_init;
}

/* -1: go on; otherwise the exit code. */
static int parse(const struct command *c, int argc, char **argv, struct tool_args *a)
{
    int id;
    while ((id = getopt_long(argc, argv, "", options, NULL)) != -1) {
        const char **field = text_option(a, id);
        if (id == OPT_HELP) {
            (void)printf("%s\n%s", c->help, EXIT_CODES);
            return TOOL_OK;
        }
        if (id == OPT_JSON) {
            a->json = true;
        } else if (field == NULL || !option_fits(c, id)) {
            (void)fprintf(stderr, "hallmark-device %s: see 'hallmark-device %s --help'\n", c->name,
                          c->name);
            return TOOL_USAGE;
        } else {
            *field = optarg;
        }
    }
    for (; optind < argc; optind++) {
        if (a->path_count == TOOL_PATHS_MAX)
            return (int)tool_error(a->json, TOOL_USAGE, "too many files (at most %d)",
                                   TOOL_PATHS_MAX);
        a->path[a->path_count++] = argv[optind];
    }
    if (a->state == NULL)
        return (int)tool_error(a->json, TOOL_USAGE, "--state DIR is missing");
    return -1;
}

int main(int argc, char **argv)
{
    struct tool_args args = {0};
    if (argc < 2) {
        usage(stderr);
        return TOOL_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return TOOL_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("hallmark-device %s\n", HALLMARK_VERSION);
        return TOOL_OK;
    }
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        int code = parse(&commands[i], argc - 1, argv + 1, &args);
        return code >= 0 ? code : (int)commands[i].run(&args);
    }
    (void)fprintf(stderr, "hallmark-device: there is no command '%s'\n\n", argv[1]);
    usage(stderr);
    return TOOL_USAGE;
}
