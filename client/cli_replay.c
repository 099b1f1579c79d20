/* The chain, the tree, and what becomes of a release. Intentions and results are in
 * cli_replay_sign.c. */
#include "client/cli_replay_priv.h"

#include "client/cli_grow.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void cli_replay_begin(struct cli_replay *r, const char *origin)
{
    *r = (struct cli_replay){.prev = hm_sha256(hm_bytes_str(origin))};
}

void cli_replay_free(struct cli_replay *r)
{
    free(r->release_of);
    free(r->releases);
    free(r->intents);
    r->release_of = NULL;
    r->releases = NULL;
    r->intents = NULL;
}

void cli_replay_expect(struct cli_replay *r, const struct hm_checkpoint *seen)
{
    r->seen = *seen;
}

/* ---- what a record says ---- */

static struct cli_replay_release *find_release(const struct cli_replay *r, uint64_t id)
{
    uint32_t place = id < r->frontier.size ? r->release_of[id] : 0;
    return place != 0 ? &r->releases[place - 1] : NULL;
}

/* The record that stands at the end begins a release. */
static enum hm_err begin_release(struct cli_replay *r, const struct hm_record *rec,
                                 struct hm_why *why)
{
    if (r->release_count == UINT32_MAX)
        return hm_fail(why, HM_E_LIMIT, "too many releases to check at once");
    if (cli_grow((void *)&r->releases, r->release_count, &r->release_cap, sizeof *r->releases,
                 why) != HM_OK)
        return HM_E_MEMORY;
    r->releases[r->release_count++] = (struct cli_replay_release){.id = rec->idx};
    r->release_of[rec->idx] = (uint32_t)r->release_count;
    return HM_OK;
}

#define TO(state) (1u << (unsigned)(state))

/* Bit set of the states that a record of this event may name; TO(HM_RELEASE_NONE): it may name none
 * (docs/formats/record.md). */
static unsigned states_of(enum hm_event event)
{
    static const unsigned states[] = {
        [HM_EV_RELEASE_SUBMITTED] = TO(HM_RELEASE_SUBMITTED) | TO(HM_RELEASE_APPROVED),
        [HM_EV_RELEASE_REFUSED] = TO(HM_RELEASE_REFUSED),
        [HM_EV_APPROVAL_RECORDED] =
            TO(HM_RELEASE_NONE) | TO(HM_RELEASE_SUBMITTED) | TO(HM_RELEASE_APPROVED),
        [HM_EV_RELEASE_REJECTED] = TO(HM_RELEASE_REJECTED),
        [HM_EV_RELEASE_CANCELLED] = TO(HM_RELEASE_CANCELLED),
        [HM_EV_RELEASE_EXPIRED] = TO(HM_RELEASE_EXPIRED),
        [HM_EV_RELEASE_SUPERSEDED] = TO(HM_RELEASE_SUPERSEDED),
        [HM_EV_SIGN_INTENDED] = TO(HM_RELEASE_SIGNING),
        [HM_EV_RELEASE_SIGNED] = TO(HM_RELEASE_SIGNED),
        [HM_EV_SIGN_FAILED] = TO(HM_RELEASE_APPROVED),
        [HM_EV_SIGN_UNKNOWN] = TO(HM_RELEASE_APPROVED),
    };
    unsigned known = (unsigned)event < sizeof states / sizeof states[0] ? states[event] : 0;
    return known != 0 ? known : TO(HM_RELEASE_NONE);
}

static enum hm_err check_state(struct cli_replay *r, const struct hm_record *rec,
                               struct cli_replay_release *release, struct hm_why *why)
{
    char expected[64];
    char found[96];
    enum hm_release_state from = release != NULL ? release->state : HM_RELEASE_NONE;
    bool named = (states_of(rec->event) & TO(rec->state)) != 0;
    bool stays = rec->state == HM_RELEASE_NONE || rec->state == from;
    if (named && (release == NULL || stays || hm_release_may(from, rec->state))) {
        if (release != NULL && !stays)
            release->state = rec->state;
        return HM_OK;
    }
    (void)snprintf(expected, sizeof expected,
                   named ? "a step out of %s" : "the state that %s leads to",
                   named ? hm_release_state_name(from) : hm_event_name(rec->event));
    (void)snprintf(found, sizeof found, "r%" PRIu64 " from %s to %s", rec->release,
                   hm_release_state_name(from), hm_release_state_name(rec->state));
    return cli_fault(&r->fault, CLI_FAULT_STATE, rec->idx, expected, found, why);
}

static enum hm_err check_sequence(struct cli_replay *r, const struct hm_record *rec,
                                  struct cli_replay_release *release, struct hm_why *why)
{
    char expected[32];
    char found[32];
    if (rec->event == HM_EV_RELEASE_SUBMITTED && rec->sequence > r->sequence) {
        r->sequence = rec->sequence;
        if (release != NULL)
            release->sequence = rec->sequence;
        return HM_OK;
    }
    if (rec->event != HM_EV_RELEASE_SUBMITTED &&
        (release == NULL || rec->sequence == 0 || rec->sequence == release->sequence))
        return HM_OK;
    if (rec->event == HM_EV_RELEASE_SUBMITTED)
        (void)snprintf(expected, sizeof expected, "more than %" PRIu64, r->sequence);
    else
        (void)snprintf(expected, sizeof expected, "%" PRIu64, release->sequence);
    (void)snprintf(found, sizeof found, "%" PRIu64, rec->sequence);
    return cli_fault(&r->fault, CLI_FAULT_SEQUENCE, rec->idx, expected, found, why);
}

/* The release that the record is about; NULL where it is about none. A release is called after the
 * record that began it. */
static enum hm_err which_release(struct cli_replay *r, const struct hm_record *rec,
                                 struct cli_replay_release **out, struct hm_why *why)
{
    char expected[64] = "a release that was submitted before";
    char found[64] = "none";
    bool begins = rec->event == HM_EV_RELEASE_SUBMITTED;
    bool needed = (states_of(rec->event) & ~TO(HM_RELEASE_NONE)) != 0;
    enum hm_err err = HM_OK;
    *out = NULL;
    if (rec->event == HM_EV_RELEASE_REFUSED || (!rec->has_release && !needed))
        return HM_OK;
    if (begins && rec->has_release && rec->release == rec->idx)
        err = begin_release(r, rec, why);
    if (rec->has_release && (!begins || rec->release == rec->idx))
        *out = find_release(r, rec->release);
    if (err != HM_OK || *out != NULL)
        return err;
    if (begins)
        (void)snprintf(expected, sizeof expected, "r%" PRIu64, rec->idx);
    if (rec->has_release)
        (void)snprintf(found, sizeof found, "r%" PRIu64 "%s", rec->release,
                       begins ? "" : ", which was never submitted");
    return cli_fault(&r->fault, CLI_FAULT_RELEASE, rec->idx, expected, found, why);
}

static enum hm_err check_rules(struct cli_replay *r, const struct hm_record *rec,
                               struct hm_why *why)
{
    struct cli_replay_release *release;
    enum hm_err err = which_release(r, rec, &release, why);
    if (err == HM_OK && rec->event == HM_EV_SIGN_INTENDED)
        err = replay_intend(r, rec, release, why);
    if (err == HM_OK && (rec->event == HM_EV_RELEASE_SIGNED || rec->event == HM_EV_SIGN_FAILED ||
                         rec->event == HM_EV_SIGN_UNKNOWN))
        err = replay_result(r, rec, release, why);
    if (err == HM_OK)
        err = check_state(r, rec, release, why);
    return err == HM_OK ? check_sequence(r, rec, release, why) : err;
}

enum hm_err cli_replay_rules(struct cli_replay *r, struct hm_why *why)
{
    enum hm_err err = check_rules(r, &r->record, why);
    if (err != HM_E_DENIED || r->broken == NULL)
        return err;
    struct hm_why found = {""};
    if (why != NULL)
        found = *why;
    r->fault = (struct cli_fault){.kind = CLI_FAULT_NONE};
    return r->broken(r->ctx, &r->record, found.text, why);
}

/* ---- where it stands ---- */

static enum hm_err check_place(struct cli_replay *r, const struct hm_record *rec,
                               struct hm_why *why)
{
    uint64_t at = r->frontier.size;
    if (rec->idx != at)
        return cli_fault_number(&r->fault, CLI_FAULT_IDX, at, at, rec->idx, why);
    if (!hm_digest_eq(&rec->prev, &r->prev))
        return cli_fault_digest(&r->fault, CLI_FAULT_PREV, at, &r->prev, &rec->prev, why);
    if (rec->t_ms < r->t_ms)
        return cli_fault_number(&r->fault, CLI_FAULT_T_MS, at, r->t_ms, rec->t_ms, why);
    if ((at == 0) != (rec->event == HM_EV_LOG_CREATED))
        return cli_fault(&r->fault, CLI_FAULT_CREATED, at,
                         at == 0 ? "log.created" : "another event", hm_event_name(rec->event), why);
    return HM_OK;
}

static enum hm_err parse(struct cli_replay *r, struct hm_bytes record, struct hm_why *why)
{
    char found[32];
    struct hm_why inner = {""};
    enum hm_err err = hm_record_parse(record, &r->record, &inner);
    if (err == HM_OK)
        return HM_OK;
    (void)snprintf(found, sizeof found, "%zu bytes that are none", record.len);
    return cli_fault(&r->fault, CLI_FAULT_MALFORMED, r->frontier.size,
                     "a record of docs/formats/record.md",
                     inner.text[0] != '\0' ? inner.text : found, why);
}

static enum hm_err check_seen(struct cli_replay *r, struct hm_why *why)
{
    if (r->seen.size == 0 || r->frontier.size != r->seen.size)
        return HM_OK;
    struct hm_digest root = hm_frontier_root(&r->frontier);
    if (!hm_digest_eq(&root, &r->seen.root))
        return cli_fault_digest(&r->fault, CLI_FAULT_FORK, r->seen.size, &r->seen.root, &root, why);
    r->seen_held = true;
    return HM_OK;
}

enum hm_err cli_replay_chain(struct cli_replay *r, struct hm_bytes record, struct hm_why *why)
{
    uint64_t at = r->frontier.size;
    enum hm_err err = parse(r, record, why);
    if (err == HM_OK)
        err = check_place(r, &r->record, why);
    if (err != HM_OK)
        return err;
    err = cli_grow((void *)&r->release_of, at, &r->record_cap, sizeof *r->release_of, why);
    if (err != HM_OK)
        return err;
    r->release_of[at] = 0;
    r->prev = hm_merkle_leaf(record);
    r->t_ms = r->record.t_ms;
    r->completed_count = hm_frontier_add(&r->frontier, &r->prev, r->completed);
    return check_seen(r, why);
}

enum hm_err cli_replay_add(struct cli_replay *r, struct hm_bytes record, struct hm_why *why)
{
    uint64_t at = r->frontier.size;
    enum hm_err err = cli_replay_chain(r, record, why);
    if (err == HM_OK)
        err = cli_replay_rules(r, why);
    if (err == HM_OK)
        return HM_OK;
    return r->fault.kind != CLI_FAULT_NONE ? cli_fault_place(&r->fault, why)
                                           : hm_fail_in(why, err, "record %" PRIu64, at);
}

static enum hm_err check_end(struct cli_replay *r, const struct hm_checkpoint *c,
                             struct hm_why *why)
{
    struct hm_digest root = hm_frontier_root(&r->frontier);
    uint64_t size = r->frontier.size;
    char expected[64];
    char found[32];
    (void)snprintf(expected, sizeof expected, "the %" PRIu64 " records that the checkpoint covers",
                   c->size);
    (void)snprintf(found, sizeof found, "%" PRIu64, size);
    if (size < c->size)
        return cli_fault(&r->fault, CLI_FAULT_RECORD_MISSING, size, expected, found, why);
    if (size > c->size)
        return cli_fault(&r->fault, CLI_FAULT_UNCOVERED, c->size, expected, found, why);
    if (!hm_digest_eq(&root, &c->root))
        return cli_fault_digest(&r->fault, CLI_FAULT_CHECKPOINT_ROOT, size, &root, &c->root, why);
    if (r->seen.size != 0 && !r->seen_held)
        return cli_fault_number(&r->fault, CLI_FAULT_ROLLBACK, r->seen.size, r->seen.size, size,
                                why);
    return HM_OK;
}

enum hm_err cli_replay_end(struct cli_replay *r, const struct hm_checkpoint *c, struct hm_why *why)
{
    enum hm_err err = check_end(r, c, why);
    return err == HM_OK ? HM_OK : cli_fault_place(&r->fault, why);
}
