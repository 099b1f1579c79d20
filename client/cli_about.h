/* Everything that ever happened to an artifact, a key, a person, a release or a product, told in
 * order of time. From a server with a few questions, whose answers are put together and looked
 * through here; from everything else with one walk. Thread: main. */
#ifndef CLIENT_CLI_ABOUT_H
#define CLIENT_CLI_ABOUT_H

#include "client/cli_kept.h"
#include "client/cli_story.h"

enum cli_about_kind {
    CLI_ABOUT_ARTIFACT = 0,
    CLI_ABOUT_KEY,
    CLI_ABOUT_PERSON,
    CLI_ABOUT_RELEASE,
    CLI_ABOUT_PRODUCT,
};

/* Indexes, by ascending value. */
struct cli_about_set {
    uint64_t *v;
    size_t count, cap;
};

struct cli_about {
    struct cli *c;
    enum cli_about_kind kind;
    const char *name;        /* of a person or product */
    struct hm_digest digest; /* of an artifact; key id */
    uint64_t release;
    struct cli_filter period;
    bool prove;
    struct cli_source source;
    struct cli_papers papers;
    struct cli_kept rows;        /* what may be told */
    uint64_t log_size;           /* up to which the answer is true */
    unsigned questions;          /* asked of the server */
    struct cli_about_set follow; /* releases of the artifact; intentions to use the key */
    uint64_t reasons_left, reasons_untold;
    json_t *known; /* what the documents say of the key or person so far: cli_about_paper.c */
    json_t *told;  /* array: [{"index","time","event",…,"text","lines"}] */
};

/* KIND and WHAT of the command line, and its options. HM_E_CONFIG, HM_E_IO. */
enum hm_err HM_MUST_USE cli_about_open(struct cli *c, struct cli_about *out);
void cli_about_close(struct cli_about *a);
const char *cli_about_kind_name(enum cli_about_kind kind);
/* Fills rows and log_size. */
enum hm_err HM_MUST_USE cli_about_gather(struct cli_about *a);
/* Whether a record is part of it; called once for each of the rows in order, because what is
 * followed grows on the way. */
enum hm_err HM_MUST_USE cli_about_takes(struct cli_about *a, const struct hm_record *r, bool *takes,
                                        struct hm_why *why);
/* Whether a record brings documents that may name the key or person. */
bool cli_about_is_paper(const struct cli_about *a, const struct hm_record *r);
/* What the documents of such a record change for the key or person: texts are appended to lines. */
enum hm_err HM_MUST_USE cli_about_paper(struct cli_about *a, const struct hm_record *r,
                                        json_t *lines, struct hm_why *why);
/* What a policy says of the subject: texts. For a person, `keys` gets the ids of its approval keys
 * in hex. */
void cli_about_policy_key(const struct cli_about *a, const struct cli_policy *p, json_t *facts);
void cli_about_policy_person(const struct cli_about *a, const struct cli_policy *p, json_t *facts,
                             json_t *keys);
/* A text with printf's means. */
void cli_about_fact(json_t *facts, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Fills told. */
enum hm_err HM_MUST_USE cli_about_tell(struct cli_about *a);
enum hm_err HM_MUST_USE cli_about_show(struct cli_about *a);

#endif
