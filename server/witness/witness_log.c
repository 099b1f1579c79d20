#include "server/witness/witness_log.h"

#include "schema/log/hm_merkle.h"

#include <stdio.h>
#include <string.h>

#define PATH_LIMIT 4096

static const struct hm_state_form form = {{'H', 'M', 'W', 'I', 'T', 'N', 'S', '1'}, 8192};

void witness_log_name(struct witness_log *l, const struct witness_log_config *config)
{
    l->config = config;
    l->id = hm_sha256(hm_bytes_str(config->origin));
    hm_digest_hex(&l->id, l->hex);
}

enum hm_err witness_log_path(const char *state_dir, const struct witness_log *l, const char *suffix,
                             struct hm_buf *out, struct hm_why *why)
{
    hm_buf_printf(out, "%s/%s%s", state_dir, l->hex, suffix);
    return hm_buf_str(out) != NULL ? HM_OK
                                   : hm_fail(why, HM_E_MEMORY, "%s: path too long", state_dir);
}

void witness_note(struct hm_bytes body, struct hm_bytes log_lines, struct hm_bytes cosignature,
                  struct hm_buf *out)
{
    hm_buf_put(out, body.data, body.len);
    hm_buf_putc(out, '\n');
    hm_buf_put(out, log_lines.data, log_lines.len);
    hm_buf_put(out, cosignature.data, cosignature.len);
}

/* A checkpoint of this log, signed by it: what the state will hold of it. */
static enum hm_err content_of(const struct witness_log_config *config, struct hm_bytes checkpoint,
                              struct hm_buf *out, struct hm_why *why)
{
    HM_BUF_AUTO lines = {.limit = HM_NOTE_MAX};
    struct hm_checkpoint_parts p;
    enum hm_err err = hm_checkpoint_split(checkpoint, true, &p, why);
    if (err == HM_OK && strcmp(p.checkpoint.origin, config->origin) != 0)
        err = hm_fail(why, HM_E_SIGNATURE, "checkpoint: of %s, expected %s", p.checkpoint.origin,
                      config->origin);
    if (err == HM_OK && p.body.len > WITNESS_BODY_MAX)
        err =
            hm_fail(why, HM_E_LIMIT, "checkpoint: a text of more than %d bytes", WITNESS_BODY_MAX);
    if (err == HM_OK)
        err = hm_checkpoint_verify(&p, config->keys, config->key_count, &lines, why);
    if (err != HM_OK)
        return err;
    witness_note(p.body, hm_buf_bytes(&lines), hm_bytes_of(NULL, 0), out);
    return hm_buf_err(out);
}

enum hm_err witness_log_init(const char *state_dir, const struct witness_log_config *config,
                             struct hm_bytes checkpoint, struct hm_why *why)
{
    HM_BUF_AUTO path = {.limit = PATH_LIMIT};
    HM_BUF_AUTO content = {.limit = HM_NOTE_MAX};
    struct witness_log l = {.config = NULL};
    witness_log_name(&l, config);
    enum hm_err err = witness_log_path(state_dir, &l, "", &path, why);
    if (err == HM_OK && checkpoint.len > 0)
        err = content_of(config, checkpoint, &content, why);
    if (err == HM_OK)
        err = hm_state_file_create(hm_buf_str(&path), &form, &l.id, hm_buf_bytes(&content), why);
    if (err == HM_E_CONFLICT)
        return hm_fail(why, err,
                       "%s: exists already; a log is initialised once, and never again while it "
                       "lives",
                       hm_buf_str(&path));
    return err;
}

/* What the state says. */
static enum hm_err read_note(struct witness_log *l, const struct witness_key *key,
                             struct hm_why *why)
{
    struct hm_checkpoint_parts p;
    struct hm_cosigners own = {.of = {*witness_key_cosigner(key)}, .count = 1};
    struct hm_cosignatures found = {0};
    l->last = (struct hm_checkpoint){.size = 0, .root = hm_merkle_empty()};
    l->last_time_s = 0;
    if (l->note.len == 0)
        return HM_OK;
    enum hm_err err = hm_checkpoint_split(hm_buf_bytes(&l->note), true, &p, why);
    if (err == HM_OK)
        err = hm_cosignatures_take(&found, &own, p.body, p.signatures, UINT64_MAX, why);
    if (err == HM_OK && strcmp(p.checkpoint.origin, l->config->origin) != 0)
        err = hm_fail(why, HM_E_MALFORMED, "checkpoint: of %s", p.checkpoint.origin);
    if (err != HM_OK)
        return hm_fail_in(why, HM_E_MALFORMED, "the state of %s", l->config->origin);
    l->last = p.checkpoint;
    l->last_time_s = found.of[0].time_s;
    return HM_OK;
}

static enum hm_err explain(enum hm_err err, const struct witness_log *l, struct hm_why *why)
{
    const char *origin = l->config->origin;
    if (err == HM_E_NOT_FOUND)
        return hm_fail_in(why, err,
                          "%s: without its state the witness cannot know what it cosigned. A log "
                          "it has never seen: run `hallmark-witness init %s` once. Any other: "
                          "docs/witness.md",
                          origin, origin);
    if (err == HM_E_MALFORMED || err == HM_E_DENIED)
        return hm_fail_in(why, err, "%s: what was cosigned last is unknown (docs/witness.md)",
                          origin);
    return err == HM_OK ? HM_OK : hm_fail_in(why, err, "%s", origin);
}

enum hm_err witness_log_open(const char *state_dir, const struct witness_log_config *config,
                             const struct witness_key *key, struct witness_log *out, bool *mended,
                             struct hm_why *why)
{
    HM_BUF_AUTO path = {.limit = PATH_LIMIT};
    witness_log_name(out, config);
    (void)pthread_mutex_init(&out->lock, NULL);
    enum hm_err err = witness_log_path(state_dir, out, "", &path, why);
    if (err == HM_OK)
        err = hm_state_file_open(hm_buf_str(&path), &form, &out->id, &out->state, &out->note,
                                 mended, why);
    return err == HM_OK ? read_note(out, key, why) : explain(err, out, why);
}

enum hm_err witness_log_peek(const char *state_dir, const struct witness_log_config *config,
                             const struct witness_key *key, struct witness_log *out,
                             struct hm_why *why)
{
    HM_BUF_AUTO path = {.limit = PATH_LIMIT};
    witness_log_name(out, config);
    (void)pthread_mutex_init(&out->lock, NULL);
    enum hm_err err = witness_log_path(state_dir, out, "", &path, why);
    if (err == HM_OK)
        err = hm_state_file_peek(hm_buf_str(&path), &form, &out->id, &out->note, why);
    return err == HM_OK ? read_note(out, key, why) : explain(err, out, why);
}

void witness_log_close(struct witness_log *l)
{
    if (l->config != NULL)
        (void)pthread_mutex_destroy(&l->lock);
    hm_state_file_close(l->state);
    hm_buf_free(&l->note);
    l->config = NULL;
    l->state = NULL;
}

enum hm_err witness_log_save(struct witness_log *l, const struct hm_checkpoint *c, uint64_t time_s,
                             struct hm_bytes note, struct hm_why *why)
{
    struct hm_buf kept = {.limit = HM_NOTE_MAX};
    hm_buf_put(&kept, note.data, note.len);
    enum hm_err err = hm_buf_err(&kept);
    /* The same checkpoint again is only a later time: whoever asks for that can ask as often as
     * they like, and the disk need not hear of it. */
    if (err == HM_OK && (c->size > l->last.size || l->last_time_s == 0))
        err = hm_state_file_save(l->state, note, why);
    if (err != HM_OK) {
        hm_buf_free(&kept);
        return err;
    }
    hm_buf_free(&l->note);
    l->note = kept;
    l->last = *c;
    l->last_time_s = time_s;
    return HM_OK;
}
