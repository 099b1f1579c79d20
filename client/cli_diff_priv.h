/* What the parts of a comparison share. Memory failures latch in `failed`. */
#ifndef CLIENT_CLI_DIFF_PRIV_H
#define CLIENT_CLI_DIFF_PRIV_H

#include "client/cli_diff.h"
#include "schema/json/hm_json.h"

struct diff {
    struct cli_diff_side from, to;
    json_t *by_kind[CLI_DIFF_KINDS];
    bool failed;
};

void diff_say(struct diff *d, enum cli_diff_kind kind, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* What having more, or fewer, of something means. */
struct diff_sense {
    enum cli_diff_kind more, less;
};
extern const struct diff_sense DIFF_MAY;    /* the more there are, the more may happen */
extern const struct diff_sense DIFF_DEMAND; /* the more there are, the more is asked for */

/* Two sets as objects {identity: label}; both are released. "<what> added: …", "<what> removed:
 * …". */
void diff_sets(struct diff *d, const char *where, const char *what, struct diff_sense sense,
               json_t *from, json_t *to);
/* Two lists of strings; an absent one is empty. */
void diff_names(struct diff *d, const char *where, const char *what, struct diff_sense sense,
                const json_t *from, const json_t *to);
/* Two numbers of which the higher one is sense.more. */
void diff_number(struct diff *d, const char *where, const char *what, struct diff_sense sense,
                 json_int_t from, json_int_t to);
/* Any two values that are neither more nor less than each other; either may be NULL. */
void diff_value(struct diff *d, const char *where, const char *what, const json_t *from,
                const json_t *to);

/* List of strings as a set, or of objects as {id: element}. New reference. */
json_t *diff_set_of(const json_t *list);
json_t *diff_by_id(const json_t *list);
const char *diff_text(const json_t *v, const char *member); /* "" where it is missing */
/* Elements of a set, joined; cut behind a few. New string or NULL. */
char *diff_join(const json_t *set);

/* cli_diff_people.c: principals, groups, builders, keys, administration. */
void diff_people(struct diff *d);
/* cli_diff_rules.c: which rule decides, then and now. */
void diff_rules(struct diff *d);
/* cli_diff_demands.c: what one rule asks for and the other does not. */
void diff_demands(struct diff *d, const char *where, const json_t *from, const json_t *to);

#endif
