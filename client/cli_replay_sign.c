/* One intention before each result, one result for each intention, over the same bytes. A release
 * has at most one intention that is open or whose result is unknown. */
#include "client/cli_replay_priv.h"

#include "client/cli_grow.h"

#include <inttypes.h>

#define NO_INDEX UINT64_MAX

/* A key and what it signs. */
static struct hm_digest key_of(const struct hm_record_key *k)
{
    return hm_sha256_3(hm_bytes_of(k->spki.b, HM_SHA256_LEN), hm_bytes_of(k->tbs.b, HM_SHA256_LEN),
                       hm_bytes_of(NULL, 0));
}

/* Whether the record's keys are among those intended, each once. Of several, fewer may have signed.
 */
static bool same_signing(const struct cli_replay_intent *i, const struct hm_record *rec)
{
    bool used[HM_SIGN_KEYS_MAX] = {false};
    bool same = i->release == rec->release && rec->key_count <= i->key_count &&
                (!rec->has_manifest || hm_digest_eq(&i->manifest, &rec->manifest));
    for (size_t n = 0; same && n < rec->key_count; n++) {
        struct hm_digest key = key_of(&rec->keys[n]);
        size_t at = 0;
        while (at < i->key_count && (used[at] || !hm_digest_eq(&i->keys[at], &key)))
            at++;
        same = at < i->key_count;
        if (same)
            used[at] = true;
    }
    return same;
}

static struct cli_replay_intent *intent_of(const struct cli_replay *r,
                                           const struct cli_replay_release *release)
{
    return release->intent != 0 ? &r->intents[release->intent - 1] : NULL;
}

/* The place is free for the next one: the last in the list moves into it. */
static void drop_intent(struct cli_replay *r, struct cli_replay_release *release)
{
    uint32_t place = release->intent - 1;
    const struct cli_replay_intent *last = &r->intents[--r->intent_count];
    r->releases[r->release_of[last->release] - 1].intent = place + 1;
    r->intents[place] = *last;
    release->intent = 0;
}

static enum hm_err keep_intent(struct cli_replay *r, const struct hm_record *rec,
                               struct cli_replay_release *release, struct hm_why *why)
{
    if (r->intent_count == UINT32_MAX)
        return hm_fail(why, HM_E_LIMIT, "too many signatures to check at once");
    if (cli_grow((void *)&r->intents, r->intent_count, &r->intent_cap, sizeof *r->intents, why) !=
        HM_OK)
        return HM_E_MEMORY;
    struct cli_replay_intent *n = &r->intents[r->intent_count++];
    *n = (struct cli_replay_intent){.idx = rec->idx,
                                    .unknown = NO_INDEX,
                                    .release = rec->release,
                                    .manifest = rec->manifest,
                                    .key_count = rec->key_count};
    for (size_t i = 0; i < rec->key_count; i++)
        n->keys[i] = key_of(&rec->keys[i]);
    release->intent = (uint32_t)r->intent_count;
    return HM_OK;
}

/* A retry repeats an intention whose result is unknown, with the same bytes; any other one is the
 * only one of its release. */
static enum hm_err check_intent(struct cli_replay *r, const struct hm_record *rec,
                                const struct cli_replay_release *release, struct hm_why *why)
{
    const struct cli_replay_intent *before = intent_of(r, release);
    char expected[96];
    if (!rec->has_manifest || rec->key_count == 0)
        return cli_fault(&r->fault, CLI_FAULT_INTENTION, rec->idx, "manifest and keys",
                         "an intention without manifest or keys", why);
    if (!rec->has_retry_of) {
        (void)snprintf(expected, sizeof expected, "one at a time for r%" PRIu64, rec->release);
        return before == NULL ? HM_OK
                              : cli_fault(&r->fault, CLI_FAULT_INTENTION, rec->idx, expected,
                                          "a second intention", why);
    }
    (void)snprintf(expected, sizeof expected,
                   "what the unknown result in record %" PRIu64 " was about", rec->retry_of);
    if (before == NULL || before->unknown != rec->retry_of)
        return cli_fault(&r->fault, CLI_FAULT_INTENTION, rec->idx, expected,
                         "a retry of what is no unknown result of this release", why);
    if (rec->key_count != before->key_count || !same_signing(before, rec))
        return cli_fault(&r->fault, CLI_FAULT_INTENTION, rec->idx, expected,
                         "a retry with other bytes", why);
    return HM_OK;
}

enum hm_err replay_intend(struct cli_replay *r, const struct hm_record *rec,
                          struct cli_replay_release *release, struct hm_why *why)
{
    enum hm_err err = check_intent(r, rec, release, why);
    if (err != HM_OK)
        return err;
    if (release->intent != 0)
        drop_intent(r, release);
    return keep_intent(r, rec, release, why);
}

/* Whether a checkpoint came between the intention and this record. */
static enum hm_err check_covered(struct cli_replay *r, const struct hm_record *rec,
                                 struct hm_why *why)
{
    char expected[96];
    char found[64];
    if (!r->has_covers || rec->event != HM_EV_RELEASE_SIGNED || r->covered > rec->intent)
        return HM_OK;
    (void)snprintf(expected, sizeof expected,
                   "a checkpoint of size %" PRIu64 " to %" PRIu64 " between the two",
                   rec->intent + 1, rec->idx);
    (void)snprintf(found, sizeof found, "the last one before is of size %" PRIu64, r->covered);
    return cli_fault(&r->fault, CLI_FAULT_EARLY_SIGNATURE, rec->idx, expected, found, why);
}

static enum hm_err check_result(struct cli_replay *r, const struct hm_record *rec,
                                const struct cli_replay_release *release, struct hm_why *why)
{
    const struct cli_replay_intent *n = intent_of(r, release);
    bool is_signed = rec->event == HM_EV_RELEASE_SIGNED;
    char expected[96];
    char found[96];
    if (!rec->has_intent || n == NULL || n->idx != rec->intent || n->unknown != NO_INDEX) {
        (void)snprintf(found, sizeof found, "a result (%s) without an intention before it",
                       hm_event_name(rec->event));
        return cli_fault(&r->fault, CLI_FAULT_RESULT, rec->idx,
                         "the index of an open intention of this release", found, why);
    }
    (void)snprintf(expected, sizeof expected, "what record %" PRIu64 " intended", rec->intent);
    if ((rec->key_count > 0 && !same_signing(n, rec)) ||
        (is_signed && (rec->key_count == 0 || !rec->has_manifest)))
        return cli_fault(&r->fault, CLI_FAULT_RESULT, rec->idx, expected,
                         "other bytes or keys: it is not the result", why);
    return check_covered(r, rec, why);
}

enum hm_err replay_result(struct cli_replay *r, const struct hm_record *rec,
                          struct cli_replay_release *release, struct hm_why *why)
{
    enum hm_err err = check_result(r, rec, release, why);
    if (err != HM_OK)
        return err;
    r->results++;
    if (rec->event == HM_EV_SIGN_UNKNOWN)
        intent_of(r, release)->unknown = rec->idx;
    else
        drop_intent(r, release);
    return HM_OK;
}

size_t cli_replay_open_intents(const struct cli_replay *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->intent_count; i++)
        n += r->intents[i].unknown == NO_INDEX;
    return n;
}
