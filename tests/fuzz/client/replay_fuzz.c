/* Histories of any kind, chained as they should be: the replay goes on over broken rules (as with
 * --deep), and what it keeps of releases and intentions stays in order. Five bytes are a record. */
#include "client/cli_replay.h"

#include <stdlib.h>

#define STEP 5
#define RECORDS_MAX 400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum hm_err go_on(void *ctx, const struct hm_record *r, const char *text, struct hm_why *why)
{
    (void)r;
    (void)text;
    (void)why;
    ++*(size_t *)ctx;
    return HM_OK;
}

static struct hm_record compose(const uint8_t *d, const struct cli_replay *at)
{
    uint64_t idx = at->frontier.size;
    struct hm_record r = {.idx = idx,
                          .prev = at->prev,
                          .t_ms = idx,
                          .event = idx == 0 ? HM_EV_LOG_CREATED
                                            : (enum hm_event)(2 + d[0] % HM_EVENT_LAST),
                          .state = (enum hm_release_state)(d[1] % HM_RELEASE_STATE_COUNT),
                          .has_release = (d[1] & 0x10) == 0,
                          .sequence = d[1] & 0x20 ? idx + 1 : d[4] % 4,
                          .has_manifest = (d[1] & 0x40) == 0,
                          .has_intent = (d[3] & 0x80) != 0,
                          .has_retry_of = (d[3] & 0x40) != 0,
                          .key_count = d[4] % (HM_SIGN_KEYS_MAX + 1)};
    if (r.event > HM_EVENT_LAST)
        r.event = HM_EV_SIGN_INTENDED;
    r.release = !r.has_release ? 0 : r.event == HM_EV_RELEASE_SUBMITTED ? idx - d[2] % 2 : d[2];
    r.intent = r.has_intent ? idx - d[3] % 32 % (idx + 1) : 0;
    r.retry_of = r.has_retry_of ? idx - d[3] % 32 % (idx + 1) : 0;
    for (size_t i = 0; i < r.key_count; i++) {
        r.keys[i].spki.b[0] = (uint8_t)(d[4] >> 5) + (uint8_t)i;
        r.keys[i].mechanism[0] = 'E';
    }
    return r;
}

/* Every intention is the one of its release, and no release has another. */
static void look(const struct cli_replay *r)
{
    size_t open = 0;
    for (size_t i = 0; i < r->release_count; i++) {
        const struct cli_replay_release *rel = &r->releases[i];
        if (r->release_of[rel->id] != i + 1)
            abort();
        if (rel->intent == 0)
            continue;
        if (rel->intent > r->intent_count || r->intents[rel->intent - 1].release != rel->id)
            abort();
        open++;
    }
    if (open != r->intent_count || cli_replay_open_intents(r) > r->intent_count)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLI_REPLAY_AUTO r;
    HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
    size_t broken = 0;
    cli_replay_begin(&r, "hallmark.example/fuzz");
    r.broken = go_on;
    r.ctx = &broken;
    for (size_t n = 0; n < RECORDS_MAX && (n + 1) * STEP <= size; n++) {
        struct hm_record rec = compose(data + n * STEP, &r);
        hm_buf_reset(&bytes);
        if (hm_record_write(&rec, &bytes, NULL) != HM_OK)
            continue;
        /* The chain is in order; the second log.created cannot be. */
        enum hm_err err = cli_replay_add(&r, hm_buf_bytes(&bytes), NULL);
        if (err != HM_OK)
            abort();
        if (r.frontier.size != rec.idx + 1 || r.fault.kind != CLI_FAULT_NONE)
            abort();
    }
    look(&r);
    return 0;
}
