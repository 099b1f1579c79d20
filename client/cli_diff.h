/* The difference between two policies in plain words. Both have been accepted by policy_load, so
 * that what is compared here is what they mean: which rule decides about a product, channel and
 * hardware, and what it asks for, whatever the rules are called and however they are ordered. */
#ifndef CLIENT_CLI_DIFF_H
#define CLIENT_CLI_DIFF_H

#include "client/cli.h"
#include "policy/policy.h"

#include <jansson.h>

/* In the order in which they are shown. */
enum cli_diff_kind {
    CLI_DIFF_WEAKER = 0, /* less is asked for than before */
    CLI_DIFF_WIDER,      /* more people, keys, builders, products, … may do something */
    CLI_DIFF_CHANGED,    /* neither more nor less */
    CLI_DIFF_STRICTER,   /* more is asked for, or fewer may do something */
};
#define CLI_DIFF_KINDS 4
const char *cli_diff_kind_name(enum cli_diff_kind kind);

struct cli_diff {
    struct hm_digest from, to;
    json_t *changes; /* owned: array of {"kind", "where", "what"}, weaker ones first */
    size_t count[CLI_DIFF_KINDS];
};
/* One side, borrowed: a loaded policy and its document. */
struct cli_diff_side {
    const struct policy *policy;
    const json_t *doc;
};
/* HM_E_MEMORY. Caller cli_diff_free()s. */
enum hm_err HM_MUST_USE cli_diff_make(struct cli_diff_side from, struct cli_diff_side to,
                                      struct cli_diff *out, struct hm_why *why);
void cli_diff_free(struct cli_diff *d);
#define CLI_DIFF_AUTO __attribute__((cleanup(cli_diff_free))) struct cli_diff

/* A table for people, or JSON. */
void cli_diff_print(const struct cli *c, const struct cli_diff *d);

#endif
