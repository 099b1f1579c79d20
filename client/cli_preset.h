/* Policies to start from. A preset is text (cli_preset_text.c): who approves what, and why; what
 * the command line gives (people, keys, products) is put into it. Nothing is made up: what is
 * missing becomes a text that policy_load refuses (CLI_POLICY_FILL_IN). */
#ifndef CLIENT_CLI_PRESET_H
#define CLIENT_CLI_PRESET_H

#include "client/cli.h"

#include <jansson.h>

struct cli_preset {
    const char *name;
    const char *summary;
    /* JSON, with ' in place of ". "people": who there is, by which option, in which group; "keys"
     * and "rules" as in a policy, without what the command line says. "per_product": one for each
     * product, with ".<product>" behind its id. */
    const char *form;
    const char *notes; /* what the document says, for people */
};
/* Preset i, NULL past the end; by name, NULL where there is none. */
const struct cli_preset *cli_preset_at(size_t i);
const struct cli_preset *cli_preset_find(const char *name);

/* The document, from the options of the command line. HM_E_CONFIG, HM_E_IO, HM_E_MALFORMED (a key
 * file). New reference. */
enum hm_err HM_MUST_USE cli_preset_fill(struct cli *c, const struct cli_preset *preset,
                                        json_t **out);

/* The value of an option "ID=FILE" (i-th of that name): its id and the file, NULL where there is no
 * '='. False past the end. */
struct cli_preset_given {
    char id[HM_URI_MAX + 1];
    const char *file;
};
bool cli_preset_given(const struct cli *c, const char *option, size_t i,
                      struct cli_preset_given *out);
/* Adds the public keys of a file (OpenSSH lines, or one PEM) to a list. A private key is refused.
 */
enum hm_err HM_MUST_USE cli_preset_keys(struct cli *c, const char *file, json_t *list);
/* {"pem" or "ssh": a text to be filled in}. New reference. */
json_t *cli_preset_no_key(const char *member, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
