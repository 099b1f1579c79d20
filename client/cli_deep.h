/* hallmark log verify --deep: every intention to sign, judged again from the evidence beside the
 * log. Nothing of the server is believed: what an intention rests on is rebuilt from signed
 * documents, and the verdict is computed under the logged policies. Fed with the records in order,
 * each after cli_replay took it. What does not hold is a fault; the next intention is looked at
 * all the same. Thread: main. */
#ifndef CLIENT_CLI_DEEP_H
#define CLIENT_CLI_DEEP_H

#include "client/cli_bundle.h"
#include "schema/log/hm_record.h"

/* What does not hold. Names are stable: docs/auditor.md explains them. */
enum cli_deep_kind {
    CLI_DEEP_RULES = 0, /* order of records, states: what cli_replay found */
    CLI_DEEP_GENESIS,
    CLI_DEEP_POLICY_CHANGE,
    CLI_DEEP_GUARD_CHANGE,
    CLI_DEEP_POLICY,
    CLI_DEEP_EVIDENCE,
    CLI_DEEP_SUBMITTER,
    CLI_DEEP_REQUEST,
    CLI_DEEP_ATTESTATION,
    CLI_DEEP_MANIFEST,
    CLI_DEEP_KEYS,
    CLI_DEEP_SUBMISSION,
    CLI_DEEP_VERDICT_SUBMISSION,
    CLI_DEEP_STATEMENT,
    CLI_DEEP_APPROVAL,
    CLI_DEEP_INTENTION,
    CLI_DEEP_VERDICT_SIGNING,
    CLI_DEEP_RESULT,
    CLI_DEEP_ERASURE,
    CLI_DEEP_GUARD,
    CLI_DEEP_NOT_CHECKED,
};
#define CLI_DEEP_KINDS (CLI_DEEP_NOT_CHECKED + 1)
const char *cli_deep_kind_name(enum cli_deep_kind k); /* "verdict-signing" */

#define CLI_DEEP_NO_INTENTION UINT64_MAX
struct cli_deep_fault {
    uint64_t intention; /* index of the sign.intended record; CLI_DEEP_NO_INTENTION */
    uint64_t record;    /* where the fault lies */
    enum cli_deep_kind kind;
    char *text; /* owned */
};
struct cli_deep_sums {
    uint64_t intentions, results, approvals, policies, erasures;
    uint64_t guards;       /* documents and lists of approvers */
    uint64_t tokens;       /* in place of a signature, */
    uint64_t tokens_known; /* and of them by a key of a set that the auditor brought */
    uint64_t faulty;       /* intentions that do not hold */
    const struct cli_deep_fault *faults;
    size_t fault_count;
    bool root_pinned;
};

/* Key sets of the issuers of tokens, as the auditor got them from there: an issuer may have
 * several, since it gives out new ones. */
#define CLI_DEEP_ISSUERS_MAX 64
struct hm_jwks;
struct cli_deep_issuers {
    struct {
        const char *issuer; /* borrowed from the command line */
        size_t length;      /* of it */
        struct hm_jwks *keys;
    } v[CLI_DEEP_ISSUERS_MAX];
    size_t count;
};
/* Reads the option --jwks ISSUER=FILE, as often as it stands. HM_E_CONFIG and what reading files
 * says. */
enum hm_err HM_MUST_USE cli_deep_issuers_read(struct cli *c, struct cli_deep_issuers *out);
void cli_deep_issuers_free(struct cli_deep_issuers *s);

/* Blob n of a record's evidence, appended; its digest is compared by the caller of the function. */
typedef enum hm_err (*cli_deep_fetch_fn)(void *ctx, const struct hm_record *r, size_t n, size_t max,
                                         struct hm_buf *out, struct hm_why *why);
struct cli_deep_input {
    const struct hm_vkey *log_key;
    struct hm_bytes client_ca; /* PEM: who issued the certificates that sign requests; may be {} */
    const struct cli_deep_issuers *issuers; /* NULL: none */
    const struct cli_pins *roots;           /* kids of the root keys; NULL: the log's own word */
    cli_deep_fetch_fn fetch;
    void *ctx;
};
struct cli_deep;
/* Borrows what the input points to. */
enum hm_err HM_MUST_USE cli_deep_open(const struct cli_deep_input *in, struct cli_deep **out,
                                      struct hm_why *why);
void cli_deep_close(struct cli_deep *d); /* NULL allowed */
/* One record's exact bytes. Errors are those of the machine or of the way to the evidence: then
 * nothing is known. */
enum hm_err HM_MUST_USE cli_deep_add(struct cli_deep *d, struct hm_bytes record,
                                     struct hm_why *why);
/* A rule of the log that this record breaks. */
enum hm_err HM_MUST_USE cli_deep_broken(struct cli_deep *d, const struct hm_record *r,
                                        const char *text, struct hm_why *why);
void cli_deep_sums(const struct cli_deep *d, struct cli_deep_sums *out); /* borrows from d */

/* Faults as a table, and the sums; with --json the value of the member "deep". */
void cli_deep_report(const struct cli *c, const struct cli_deep_sums *s);
void cli_deep_json(const struct cli_deep_sums *s, FILE *out);

/* What goes along the log: the replay, and with --deep the rest. */
struct cli_replay;
struct cli_deep_walk {
    struct cli *c;
    struct cli_replay *replay;
    struct cli_deep *deep; /* NULL: replay only */
    uint64_t size;         /* of the log, for the progress; 0: not known */
    uint64_t done;
    int64_t drawn_ms;
};
/* cli_entry_fn with a struct cli_deep_walk. */
enum hm_err cli_deep_record(void *walk, struct hm_bytes record, struct hm_why *why);
void cli_deep_walked(const struct cli_deep_walk *w); /* clears the line of progress */
/* cli_deep_fetch_fn over HTTP; ctx is a struct cli. */
enum hm_err cli_deep_fetch_http(void *cli, const struct hm_record *r, size_t n, size_t max,
                                struct hm_buf *out, struct hm_why *why);
/* The log of a database file that no registrar has open (a backup). */
struct db_reader;
enum hm_err cli_deep_fetch_file(void *reader, const struct hm_record *r, size_t n, size_t max,
                                struct hm_buf *out, struct hm_why *why);
enum hm_err HM_MUST_USE cli_deep_walk_file(struct db_reader *reader, uint64_t size,
                                           struct cli_deep_walk *w, struct hm_why *why);

#endif
