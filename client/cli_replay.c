#include "client/cli_replay.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void cli_replay_begin(struct cli_replay *r, const char *origin)
{
    *r = (struct cli_replay){.prev = hm_sha256(hm_bytes_str(origin))};
}

void cli_replay_free(struct cli_replay *r)
{
    free(r->releases);
    free(r->intents);
    r->releases = NULL;
    r->intents = NULL;
}

void cli_replay_expect(struct cli_replay *r, const struct hm_checkpoint *seen)
{
    r->seen = *seen;
}

static void *grow(void *list, size_t count, size_t *cap, size_t one)
{
    if (count < *cap)
        return list;
    size_t more = *cap == 0 ? 64 : *cap * 2;
    void *bigger = reallocarray(list, more, one);
    if (bigger != NULL)
        *cap = more;
    return bigger;
}

/* Releases are appended with ascending ids, so they can be searched. */
static struct cli_replay_release *find_release(const struct cli_replay *r, uint64_t id)
{
    size_t lo = 0, hi = r->release_count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (r->releases[mid].id == id)
            return &r->releases[mid];
        if (r->releases[mid].id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

static enum hm_err add_release(struct cli_replay *r, const struct hm_record *rec,
                               struct hm_why *why)
{
    void *list = grow(r->releases, r->release_count, &r->release_cap, sizeof *r->releases);
    if (list == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    r->releases = list;
    r->releases[r->release_count++] = (struct cli_replay_release){rec->idx, HM_RELEASE_NONE};
    return HM_OK;
}

static enum hm_err check_state(struct cli_replay *r, const struct hm_record *rec,
                               struct hm_why *why)
{
    bool first = rec->event == HM_EV_RELEASE_SUBMITTED || rec->event == HM_EV_RELEASE_REFUSED;
    if (!rec->has_release || (rec->event == HM_EV_RELEASE_REFUSED && rec->release != rec->idx))
        return HM_OK;
    if (first && rec->release == rec->idx) {
        enum hm_err err = add_release(r, rec, why);
        if (err != HM_OK)
            return err;
    }
    struct cli_replay_release *known = find_release(r, rec->release);
    if (known == NULL)
        return hm_fail(why, HM_E_DENIED, "about r%" PRIu64 ", which was never submitted",
                       rec->release);
    if (rec->state == HM_RELEASE_NONE || rec->state == known->state)
        return HM_OK;
    if (!hm_release_may(known->state, rec->state))
        return hm_fail(why, HM_E_DENIED, "r%" PRIu64 " goes from %s to %s, which is no legal step",
                       rec->release, hm_release_state_name(known->state),
                       hm_release_state_name(rec->state));
    known->state = rec->state;
    return HM_OK;
}

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

static void drop_intent(struct cli_replay *r, size_t i)
{
    r->intents[i] = r->intents[--r->intent_count];
}

/* A repetition signs the very same bytes, and only after the first try was declared unknown. */
static enum hm_err check_retry(struct cli_replay *r, const struct hm_record *rec,
                               struct hm_why *why)
{
    for (size_t i = 0; i < r->intent_count; i++) {
        if (r->intents[i].unknown != rec->retry_of)
            continue;
        if (rec->key_count != r->intents[i].key_count || !same_signing(&r->intents[i], rec))
            return hm_fail(why, HM_E_DENIED, "repeats record %" PRIu64 " with other bytes",
                           rec->retry_of);
        drop_intent(r, i);
        return HM_OK;
    }
    return hm_fail(why, HM_E_DENIED, "repeats record %" PRIu64 ", which is no unknown result",
                   rec->retry_of);
}

static enum hm_err add_intent(struct cli_replay *r, const struct hm_record *rec, struct hm_why *why)
{
    if (!rec->has_release || !rec->has_manifest || rec->key_count == 0)
        return hm_fail(why, HM_E_DENIED, "an intention without release, manifest or keys");
    for (size_t i = 0; !rec->has_retry_of && i < r->intent_count; i++)
        if (r->intents[i].release == rec->release)
            return hm_fail(why, HM_E_DENIED, "a second intention for r%" PRIu64, rec->release);
    enum hm_err err = rec->has_retry_of ? check_retry(r, rec, why) : HM_OK;
    if (err != HM_OK)
        return err;
    void *list = grow(r->intents, r->intent_count, &r->intent_cap, sizeof *r->intents);
    if (list == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    r->intents = list;
    struct cli_replay_intent *n = &r->intents[r->intent_count++];
    *n = (struct cli_replay_intent){.idx = rec->idx,
                                    .unknown = UINT64_MAX,
                                    .release = rec->release,
                                    .manifest = rec->manifest,
                                    .key_count = rec->key_count};
    for (size_t i = 0; i < rec->key_count; i++)
        n->keys[i] = key_of(&rec->keys[i]);
    return HM_OK;
}

static enum hm_err add_result(struct cli_replay *r, const struct hm_record *rec, struct hm_why *why)
{
    for (size_t i = 0; rec->has_intent && i < r->intent_count; i++) {
        struct cli_replay_intent *n = &r->intents[i];
        if (n->idx != rec->intent || n->unknown != UINT64_MAX)
            continue;
        bool same = rec->key_count > 0 ? same_signing(n, rec) : n->release == rec->release;
        if (!same ||
            (rec->event == HM_EV_RELEASE_SIGNED && (rec->key_count == 0 || !rec->has_manifest)))
            return hm_fail(why, HM_E_DENIED,
                           "is not the result of what record %" PRIu64 " intended", rec->intent);
        r->results++;
        if (rec->event == HM_EV_SIGN_UNKNOWN)
            n->unknown = rec->idx;
        else
            drop_intent(r, i);
        return HM_OK;
    }
    return hm_fail(why, HM_E_DENIED, "a result (%s) without an intention before it",
                   hm_event_name(rec->event));
}

static enum hm_err check_rules(struct cli_replay *r, const struct hm_record *rec,
                               struct hm_why *why)
{
    enum hm_err err = check_state(r, rec, why);
    if (err != HM_OK)
        return err;
    if (rec->event == HM_EV_RELEASE_SUBMITTED) {
        if (rec->sequence <= r->sequence)
            return hm_fail(why, HM_E_DENIED, "sequence number %" PRIu64 " after %" PRIu64,
                           rec->sequence, r->sequence);
        r->sequence = rec->sequence;
    }
    if (rec->event == HM_EV_SIGN_INTENDED)
        return add_intent(r, rec, why);
    if (rec->event == HM_EV_RELEASE_SIGNED || rec->event == HM_EV_SIGN_FAILED ||
        rec->event == HM_EV_SIGN_UNKNOWN)
        return add_result(r, rec, why);
    return HM_OK;
}

static enum hm_err check_chain(const struct cli_replay *r, const struct hm_record *rec,
                               struct hm_why *why)
{
    if (rec->idx != r->frontier.size)
        return hm_fail(why, HM_E_HISTORY, "its own index is %" PRIu64, rec->idx);
    if (!hm_digest_eq(&rec->prev, &r->prev))
        return hm_fail(why, HM_E_HISTORY, "'prev' is not the leaf hash of the record before");
    if (rec->t_ms < r->t_ms)
        return hm_fail(why, HM_E_HISTORY, "its time is before the one of the record before");
    if ((rec->idx == 0) != (rec->event == HM_EV_LOG_CREATED))
        return hm_fail(why, HM_E_HISTORY, "log.created stands at index 0 and nowhere else");
    return HM_OK;
}

static enum hm_err check_seen(struct cli_replay *r, struct hm_why *why)
{
    if (r->seen.size == 0 || r->frontier.size != r->seen.size)
        return HM_OK;
    struct hm_digest root = hm_frontier_root(&r->frontier);
    if (!hm_digest_eq(&root, &r->seen.root))
        return hm_fail(why, HM_E_HISTORY,
                       "up to here the log is another one than in the checkpoint of size %" PRIu64
                       " that was seen before: it was forked or rewritten",
                       r->seen.size);
    r->seen_held = true;
    return HM_OK;
}

enum hm_err cli_replay_add(struct cli_replay *r, struct hm_bytes record, struct hm_why *why)
{
    struct hm_record rec;
    uint64_t at = r->frontier.size;
    enum hm_err err = hm_record_parse(record, &rec, why);
    if (err == HM_OK)
        err = check_chain(r, &rec, why);
    if (err == HM_OK)
        err = check_rules(r, &rec, why);
    if (err == HM_E_DENIED && r->broken != NULL) {
        struct hm_why found = {""};
        if (why != NULL)
            found = *why;
        err = r->broken(r->ctx, &rec, found.text, why);
    }
    if (err == HM_OK) {
        struct hm_digest leaf = hm_merkle_leaf(record);
        (void)hm_frontier_add(&r->frontier, &leaf, NULL);
        r->prev = leaf;
        r->t_ms = rec.t_ms;
        err = check_seen(r, why);
    }
    return err == HM_OK ? HM_OK : hm_fail_in(why, err, "record %" PRIu64, at);
}

enum hm_err cli_replay_end(const struct cli_replay *r, const struct hm_checkpoint *c,
                           struct hm_why *why)
{
    struct hm_digest root = hm_frontier_root(&r->frontier);
    if (r->frontier.size != c->size)
        return hm_fail(why, HM_E_HISTORY,
                       "the checkpoint covers %" PRIu64 " records, found %" PRIu64, c->size,
                       r->frontier.size);
    if (!hm_digest_eq(&root, &c->root))
        return hm_fail(why, HM_E_HISTORY, "the records do not make the checkpoint's root");
    if (r->seen.size != 0 && !r->seen_held)
        return hm_fail(why, HM_E_HISTORY,
                       "the log has %" PRIu64 " records, a checkpoint seen before had %" PRIu64
                       ": its tail was cut",
                       c->size, r->seen.size);
    return HM_OK;
}

size_t cli_replay_open_intents(const struct cli_replay *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->intent_count; i++)
        n += r->intents[i].unknown == UINT64_MAX;
    return n;
}
