/* Which records somebody asks for: the options of it, the same question to the server, and the
 * answer where every record is at hand. Members mean what they mean in GET /v1/log/entries
 * (docs/formats/http.md). Thread: main. */
#ifndef CLIENT_CLI_FILTER_H
#define CLIENT_CLI_FILTER_H

#include "client/cli.h"
#include "schema/log/hm_record.h"

struct cli_filter {
    enum hm_event event; /* HM_EV_NONE: any; so are NULL and false */
    const char *product, *version, *channel, *environment, *actor, *outcome;
    bool has_release, has_artifact, has_key, has_after;
    uint64_t release;
    struct hm_digest artifact, key; /* key: of a signing or approving key, or of a guard */
    uint64_t since_ms, until_ms;    /* since <= t_ms < until; 0: open */
    uint64_t after;                 /* cursor: only records behind this one, in the order */
    bool descending;
};

#define CLI_PERIOD_OPTS                                                                            \
    {"since", "TIME", "with its zone: 2026-11-21T00:00:00Z; or how long ago: 7d; included",        \
     false},                                                                                       \
    {                                                                                              \
        "until", "TIME", "the same; excluded", false                                               \
    }
/* What a record is about. */
#define CLI_SUBJECT_OPTS                                                                           \
    {"event", "NAME", "such as release.signed", false},                                            \
        {"product", "NAME", "of the release", false},                                              \
        {"version", "NAME", "of the product", false},                                              \
        {"channel", "NAME", "such as stable", false},                                              \
        {"environment", "NAME", "such as production", false},                                      \
        {"actor", "ID", "who: a person or pipeline of the policy", false},                         \
        {"outcome", "CODE", "ok, break-glass, or the id of the check that failed", false},         \
        {"release", "ID", "such as r17", false},                                                   \
        {"artifact", "SHA256|FILE", "digest (64 hex digits), or the file itself", false},          \
    {                                                                                              \
        "key", "ID|FILE", "key id (64 hex digits), or the public key", false                       \
    }
/* All that cli_filter_take reads, without the order. A command may leave some of them out. */
#define CLI_FILTER_OPTS                                                                            \
    CLI_PERIOD_OPTS, CLI_SUBJECT_OPTS,                                                             \
    {                                                                                              \
        "after", "INDEX", "cursor: go on behind this record", false                                \
    }

/* The two options of a period; now_s is what "7d" is counted from. HM_E_CONFIG. */
enum hm_err HM_MUST_USE cli_filter_period(struct cli *c, int64_t now_s, struct cli_filter *out);
/* Those of CLI_FILTER_OPTS that the command has. Texts are borrowed from the command line.
 * HM_E_CONFIG, HM_E_IO.
 */
enum hm_err HM_MUST_USE cli_filter_take(struct cli *c, struct cli_filter *out);
/* Nothing but times and a cursor: a run of records without gaps. */
bool cli_filter_is_range(const struct cli_filter *f);
bool cli_filter_fits(const struct cli_filter *f, const struct hm_record *r);
/* GET path of it. HM_E_CONFIG where it is too long. */
enum hm_err HM_MUST_USE cli_filter_path(const struct cli_filter *f, struct hm_buf *path,
                                        struct hm_why *why);

/* "sha256:<hex>", 64 hex digits, or a file that is hashed. HM_E_CONFIG, HM_E_IO. */
enum hm_err HM_MUST_USE cli_artifact_digest(struct cli *c, const char *text, struct hm_digest *out);
/* 64 hex digits, an authorized_keys line, or a file with a public key (PEM, OpenSSH) or with the
 * log's verifier key line. HM_E_CONFIG, HM_E_IO. */
enum hm_err HM_MUST_USE cli_key_digest(struct cli *c, const char *text, struct hm_digest *out);

#endif
