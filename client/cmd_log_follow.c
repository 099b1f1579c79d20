/* hallmark log follow: records as they come, each proven before it is shown; a connection that
 * breaks is made again, and nothing is lost or shown twice. */
#include "client/cli_checkpoint.h"
#include "client/cli_follow.h"
#include "client/cli_filter.h"
#include "client/cli_proof.h"
#include "client/cli_story.h"
#include "client/cli_stream.h"

#include "schema/core/hm_time.h"
#include "schema/io/hm_clock.h"
#include "schema/io/hm_file.h"
#include "schema/io/hm_random.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#define KEEP_EVERY_MS 30000 /* between two writes of the kept checkpoint */
#define BACKOFF_MAX_MS 30000u
#define BEHIND_MS 60000 /* how long a server may show less than it showed before */

static const struct cli_opt opts[] = {
    {"from", "INDEX", "first record that is shown (default: those that come from now on)", false},
    {"after", "INDEX", "the record behind which to begin, such as the last one seen", false},
    CLI_SUBJECT_OPTS,
    {"limit", "N", "end after N records were shown", false},
    {"give-up", "SECONDS", "end when the server was away for so long (default: never)", false},
    {NULL, NULL, NULL, false},
};

struct run {
    struct cli *c;
    struct cli_filter filter;
    struct hm_vkey key;
    struct cli_follow f;
    struct hm_checkpoint kept; /* as the state directory has it */
    int64_t kept_ms;
    int stop_fd;
    uint64_t shown, limit;
    int64_t give_up_ms; /* 0: never */
    int64_t alive_ms;   /* when the server last said something */
    int64_t behind_ms;  /* since when it shows less than it did; 0: it does not */
    unsigned failures;  /* in a row */
    bool away;          /* told already */
};

static void free_run(struct run *n)
{
    cli_follow_free(&n->f);
    hm_close_fd(&n->stop_fd);
}

/* --- what is shown --- */

static enum cli_style style_of(const struct hm_record *r)
{
    const char *name = hm_event_name(r->event);
    enum cli_story_tone tone = cli_story_tone(r);
    if (tone != CLI_STORY_PLAIN)
        return tone == CLI_STORY_GOOD ? CLI_GOOD : CLI_BAD;
    if (strncmp(name, "policy.", 7) == 0 || strncmp(name, "roster.", 7) == 0 ||
        strncmp(name, "guards.", 7) == 0)
        return CLI_BOLD;
    return r->event == HM_EV_REGISTRAR_STARTED ? CLI_DIM : CLI_PLAIN;
}

static const char *or_dash(const char *text)
{
    return text[0] != '\0' ? text : "-";
}

/* Names in a record are ASCII without control characters (hm_name_ok). */
static void show_line(const struct run *n, const struct hm_record *r)
{
    bool color = n->c->term.color_out;
    char time[HM_TIME_TEXT];
    char release[32] = "-";
    char version[2 * HM_NAME_MAX + 2];
    hm_time_format((int64_t)(r->t_ms / 1000), time);
    if (r->has_release)
        (void)snprintf(release, sizeof release, "r%" PRIu64, r->release);
    (void)snprintf(version, sizeof version, "%s%s%s", or_dash(r->product),
                   r->version[0] != '\0' ? " " : "", r->version);
    (void)printf("%s%8" PRIu64 "  %s  %-20s  %-8s  %-24s  %-10s  %-14s  %s%s\n",
                 cli_term_style(color, style_of(r)), r->idx, time, hm_event_name(r->event), release,
                 version, or_dash(r->channel), or_dash(r->actor), or_dash(r->outcome),
                 cli_term_style(color, CLI_PLAIN));
}

static void show_head(const struct run *n)
{
    if (n->c->term.json)
        return;
    bool color = n->c->term.color_out;
    (void)printf("%s%8s  %-20s  %-20s  %-8s  %-24s  %-10s  %-14s  %s%s\n",
                 cli_term_style(color, CLI_BOLD), "INDEX", "TIME", "EVENT", "RELEASE", "VERSION",
                 "CHANNEL", "ACTOR", "OUTCOME", cli_term_style(color, CLI_PLAIN));
    (void)fflush(stdout);
}

/* HM_E_NOT_FOUND ends it: as many as were wanted are shown. */
static enum hm_err show(void *ctx, struct hm_bytes record, struct hm_why *why)
{
    struct run *n = ctx;
    struct hm_record r;
    enum hm_err err = hm_record_parse(record, &r, why);
    if (err != HM_OK || !cli_filter_fits(&n->filter, &r))
        return err;
    if (n->c->term.json) {
        (void)fwrite(record.data, 1, record.len, stdout);
        (void)putchar('\n');
    } else {
        show_line(n, &r);
    }
    n->shown++;
    return n->limit > 0 && n->shown == n->limit ? HM_E_NOT_FOUND : HM_OK;
}

/* --- the kept checkpoint --- */

static enum hm_err keep(struct run *n, bool now)
{
    int64_t ms = hm_clock_mono_ms();
    if (n->f.held.size <= n->kept.size || (!now && ms - n->kept_ms < KEEP_EVERY_MS))
        return HM_OK;
    enum hm_err err =
        cli_checkpoint_keep(n->c, &n->kept, &n->f.held, hm_buf_bytes(&n->f.held_note));
    n->kept = n->f.held;
    n->kept_ms = ms;
    return err;
}

/* --- where it begins --- */

static enum hm_err read_start(struct cli *c, uint64_t size, uint64_t *start)
{
    uint64_t after = UINT64_MAX;
    bool both = cli_args_has(&c->args, "from") && cli_args_has(&c->args, "after");
    if (both)
        return hm_fail(&c->why, HM_E_CONFIG, "--from and --after: one of them");
    enum hm_err err = cli_args_uint(&c->args, "from", 0, INT64_MAX, size, start, &c->why);
    if (err == HM_OK)
        err = cli_args_uint(&c->args, "after", 0, INT64_MAX - 1, UINT64_MAX, &after, &c->why);
    if (err == HM_OK && after != UINT64_MAX)
        *start = after + 1;
    if (err == HM_OK && *start > size)
        err = hm_fail(&c->why, HM_E_CONFIG,
                      "record %" PRIu64 " is not there yet: the log has %" PRIu64, *start, size);
    return err;
}

/* The tree before the first record that is followed, out of one proof; and a checkpoint that is
 * known to extend the one that this user saw. */
static enum hm_err take_up(struct run *n, uint64_t start, const struct hm_checkpoint *now,
                           struct hm_frontier *tree)
{
    CLI_RECORD_AUTO r = {.leaf = {{0}}};
    *tree = (struct hm_frontier){0};
    if (start == 0)
        return HM_OK;
    enum hm_err err = cli_record_fetch(n->c, start - 1, &r);
    if (err == HM_OK)
        err = cli_checkpoint_extends(n->c, now, &r.checkpoint);
    if (err == HM_OK &&
        hm_merkle_frontier_of_leaf(start - 1, r.checkpoint.size, &r.leaf, &r.path, tree) != HM_OK)
        err = hm_fail(&n->c->why, HM_E_INTERNAL, "a proof that held has another form");
    return err;
}

static enum hm_err begin(struct run *n)
{
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX + 1};
    struct hm_checkpoint now;
    struct hm_frontier tree;
    uint64_t start = 0;
    enum hm_err err = cli_checkpoint_renew(n->c, &n->key, &note, &now, &n->kept);
    if (err == HM_OK)
        err = read_start(n->c, now.size, &start);
    if (err == HM_OK)
        err = take_up(n, start, &now, &tree);
    if (err != HM_OK)
        return err;
    n->kept = now;
    n->kept_ms = n->alive_ms = hm_clock_mono_ms();
    cli_follow_begin(&n->f, &n->key, &tree);
    if (now.size > start)
        n->f.ahead = now;
    cli_note(n->c, "follows %s from record %" PRIu64 "; the log has %" PRIu64 " now", n->key.name,
             start, now.size);
    return HM_OK;
}

/* --- what comes --- */

static enum hm_err prove_by(struct run *n, const struct hm_checkpoint *ahead)
{
    struct hm_path path = {.count = 0};
    uint64_t size = n->f.tree.size;
    enum hm_err err = HM_OK;
    if (size > 0)
        err = cli_consistency_fetch(n->c, size, ahead->size, &path);
    return err == HM_OK ? cli_follow_prove(&n->f, ahead, &path, &n->c->why) : err;
}

/* Much waits, and the checkpoint that the stream will bring is far away: another proof. */
static enum hm_err prove_what_waits(struct run *n)
{
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX + 1};
    struct hm_checkpoint now = n->f.ahead;
    enum cli_follow_place place = CLI_FOLLOW_AHEAD;
    enum hm_err err = HM_OK;
    if (now.size <= n->f.tree.size) {
        err = cli_checkpoint_fetch(n->c, &n->key, &note, &now);
        if (err == HM_OK)
            err = cli_follow_note(&n->f, hm_buf_bytes(&note), &place, &now, &n->c->why);
    }
    if (err == HM_OK && place == CLI_FOLLOW_BEHIND)
        return hm_fail(&n->c->why, HM_E_HISTORY,
                       "the server sent %" PRIu64 " records and has a checkpoint over %" PRIu64,
                       n->f.tree.size, now.size);
    return err == HM_OK && place == CLI_FOLLOW_AHEAD ? prove_by(n, &now) : err;
}

/* A server that has less than it had: for a moment while it catches up, for longer never. */
static enum hm_err behind(struct run *n)
{
    int64_t now = hm_clock_mono_ms();
    if (n->f.server_size >= n->f.held.size) {
        n->behind_ms = 0;
        return HM_OK;
    }
    if (n->behind_ms == 0) {
        n->behind_ms = now;
        cli_note(n->c, "the server's log ends at %" PRIu64 ", it had %" PRIu64 " before: waiting",
                 n->f.server_size, n->f.held.size);
    }
    if (now - n->behind_ms < BEHIND_MS)
        return HM_OK;
    return hm_fail(&n->c->why, HM_E_HISTORY,
                   "the server shows a checkpoint of size %" PRIu64 ", one of size %" PRIu64
                   " was seen before",
                   n->f.server_size, n->f.held.size);
}

static enum hm_err take_note(struct run *n, struct hm_bytes note)
{
    enum cli_follow_place place;
    struct hm_checkpoint cp;
    enum hm_err err = cli_follow_note(&n->f, note, &place, &cp, &n->c->why);
    if (err == HM_OK && place == CLI_FOLLOW_AHEAD)
        err = prove_by(n, &cp);
    if (err == HM_OK)
        err = behind(n);
    return err;
}

static enum hm_err take(struct run *n, const struct cli_sse_event *e)
{
    enum hm_err err;
    n->alive_ms = hm_clock_mono_ms();
    n->failures = 0;
    if (n->away)
        cli_note(n->c, "connected again, at record %" PRIu64, n->f.tree.size);
    n->away = false;
    if (strcmp(e->name, "checkpoint") == 0)
        err = take_note(n, e->data);
    else
        err = cli_follow_record(&n->f, e->data, &n->c->why);
    if (err == HM_OK && n->f.proven < n->f.tree.size && n->f.pending.len > CLI_FOLLOW_PENDING)
        err = prove_what_waits(n);
    if (err == HM_OK)
        err = cli_follow_hand_out(&n->f, show, n, &n->c->why);
    if (fflush(stdout) != 0 && err == HM_OK)
        err = hm_fail(&n->c->why, HM_E_IO, "cannot write to stdout");
    return err == HM_OK ? keep(n, false) : err;
}

/* --- connections --- */

static bool comes_back(enum hm_err err)
{
    return err == HM_E_UNAVAILABLE || err == HM_E_TIMEOUT;
}

/* One connection. HM_OK: the server ended it, or somebody wants to stop (*stopped). */
static enum hm_err connection(struct run *n, unsigned *retry_ms, bool *stopped)
{
    struct cli_stream *s = NULL;
    char path[64];
    (void)snprintf(path, sizeof path, "/v1/log/follow?from=%" PRIu64, n->f.tree.size);
    enum hm_err err = cli_stream_open(n->c, path, n->stop_fd, &s);
    enum cli_stream_what what = CLI_STREAM_EVENT;
    while (err == HM_OK && what == CLI_STREAM_EVENT) {
        struct cli_sse_event e;
        err = cli_stream_next(s, &what, &e);
        if (err == HM_OK && what == CLI_STREAM_EVENT)
            err = take(n, &e);
    }
    if (s != NULL)
        *retry_ms = cli_stream_retry_ms(s);
    cli_stream_close(s);
    *stopped = err == HM_OK && what == CLI_STREAM_STOPPED;
    return err;
}

/* Twice as long after each failure, and not all clients at the same moment. */
static unsigned backoff_ms(const struct run *n, unsigned retry_ms)
{
    uint32_t r;
    unsigned ms = n->failures == 0 ? retry_ms : 500u << (n->failures < 7 ? n->failures : 7);
    if (ms > BACKOFF_MAX_MS)
        ms = BACKOFF_MAX_MS;
    hm_random(&r, sizeof r);
    return ms / 2 + r % (ms / 2 + 1);
}

/* True: somebody wants to stop. */
static bool wait_ms(const struct run *n, unsigned ms)
{
    struct pollfd p = {.fd = n->stop_fd, .events = POLLIN};
    return poll(&p, 1, (int)ms) > 0;
}

static enum hm_err follow(struct run *n)
{
    for (;;) {
        unsigned retry = 0;
        bool stopped = false;
        enum hm_err err = connection(n, &retry, &stopped);
        if (err == HM_E_NOT_FOUND && n->limit > 0 && n->shown == n->limit)
            return HM_OK;
        if (stopped || (err != HM_OK && !comes_back(err)))
            return err;
        int64_t away = hm_clock_mono_ms() - n->alive_ms;
        if (err != HM_OK && n->give_up_ms > 0 && away >= n->give_up_ms)
            return err;
        if (err != HM_OK && !n->away) {
            n->away = true;
            cli_note(n->c, "%.400s; trying again", n->c->why.text);
        }
        unsigned ms = backoff_ms(n, retry);
        n->failures += err != HM_OK ? 1 : 0;
        if (wait_ms(n, ms))
            return HM_OK;
    }
}

static enum hm_err watch_signals(struct run *n)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 ||
        (n->stop_fd = signalfd(-1, &set, SFD_CLOEXEC)) < 0)
        return hm_fail(&n->c->why, HM_E_IO, "cannot watch for signals");
    return HM_OK;
}

static enum hm_err run_all(struct run *n)
{
    uint64_t give_up_s = 0;
    struct cli *c = n->c;
    enum hm_err err = cli_filter_take(c, &n->filter);
    if (err == HM_OK)
        err = cli_args_uint(&c->args, "limit", 1, INT64_MAX, 0, &n->limit, &c->why);
    if (err == HM_OK)
        err = cli_args_uint(&c->args, "give-up", 1, 31536000, 0, &give_up_s, &c->why);
    if (err == HM_OK)
        err = cli_log_key(c, &n->key);
    if (err == HM_OK)
        err = begin(n);
    if (err == HM_OK)
        err = watch_signals(n);
    if (err != HM_OK)
        return err;
    c->set.retries = 0; /* from here on there is one way of trying again */
    n->give_up_ms = (int64_t)give_up_s * 1000;
    show_head(n);
    err = follow(n);
    enum hm_err kept = keep(n, true);
    return err == HM_OK ? kept : err;
}

static int run(struct cli *c)
{
    __attribute__((cleanup(free_run))) struct run n = {.c = c, .stop_fd = -1};
    enum hm_err err = run_all(&n);
    if (err == HM_OK)
        cli_note(c,
                 "%" PRIu64 " record%s shown; every record up to %" PRIu64
                 " stands under a signed checkpoint, and none was left out",
                 n.shown, CLI_S(n.shown), n.f.proven);
    else if (cli_exit_of(err) == CLI_EXIT_REFUSED && c->next[0] == '\0')
        cli_next(c, "keep what you have; hallmark log verify; tell the log's operator");
    return cli_end(c, err);
}

const struct cli_command cli_cmd_log_follow = {
    .name = "log follow",
    .summary = "show records as they come, each proven first",
    .usage = "[--from INDEX | --after INDEX] [FILTERS]",
    .example = "  hallmark log follow --event release.signed\n"
               "  hallmark log follow --after 1041 --json >> records.jsonl",
    .opts = opts,
    .operands_min = 0,
    .operands_max = 0,
    .run = run,
};
