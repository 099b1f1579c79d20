#include "client/cli_checkpoint.h"

#include "client/cli_http.h"
#include "schema/core/hm_text.h"
#include "schema/io/hm_file.h"
#include "schema/json/hm_json.h"
#include "schema/log/hm_merkle.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>

enum hm_err cli_checkpoint_fetch(struct cli *c, const struct hm_vkey *key, struct hm_buf *note,
                                 struct hm_checkpoint *out)
{
    CLI_ANSWER_AUTO a = {.status = 0};
    enum hm_err err = cli_http_get(c, "/v1/log/checkpoint", "text/plain", HM_CHECKPOINT_MAX, &a);
    if (err == HM_OK)
        err = hm_checkpoint_open(hm_buf_bytes(&a.body), key, out, &c->why);
    if (err != HM_OK)
        return hm_fail_in(&c->why, err, "checkpoint");
    hm_buf_put(note, a.body.data, a.body.len);
    return hm_buf_err(note);
}

enum hm_err cli_checkpoint_path(struct cli *c, const struct hm_vkey *key, char *out, size_t size)
{
    char hex[HM_SHA256_HEX];
    struct hm_digest d = hm_sha256(hm_bytes_str(key->name));
    if (c->set.state_dir[0] == '\0')
        return cli_need(c, "state_dir", c->set.state_dir);
    hm_digest_hex(&d, hex);
    if (snprintf(out, size, "%s/checkpoint-%.16s", c->set.state_dir, hex) >= (int)size)
        return hm_fail(&c->why, HM_E_CONFIG, "state_dir: path too long");
    return HM_OK;
}

enum hm_err cli_checkpoint_seen(struct cli *c, const struct hm_vkey *key, struct hm_checkpoint *out)
{
    char path[CLI_PATH_MAX + 64];
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX + 1};
    enum hm_err err = cli_checkpoint_path(c, key, path, sizeof path);
    if (err != HM_OK)
        return err;
    err = hm_file_read(path, HM_CHECKPOINT_MAX, &note, &c->why);
    if (err == HM_E_NOT_FOUND) {
        *out = (struct hm_checkpoint){.size = 0};
        return HM_OK;
    }
    if (err == HM_OK)
        err = hm_checkpoint_open(hm_buf_bytes(&note), key, out, &c->why);
    if (err == HM_E_SIGNATURE || err == HM_E_MALFORMED)
        cli_next(c, "if the log key was replaced on purpose, remove %.300s", path);
    return err == HM_OK ? HM_OK : hm_fail_in(&c->why, err, "the checkpoint kept in %.300s", path);
}

static enum hm_err add_hash(struct hm_path *p, struct hm_bytes text, struct hm_why *why)
{
    HM_BUF_AUTO raw = {.limit = 64};
    if (p->count == HM_PROOF_HASHES_MAX || hm_unbase64(text, &raw) != HM_OK ||
        raw.len != HM_SHA256_LEN)
        return hm_fail(why, HM_E_MALFORMED,
                       "consistency proof: expected at most %d base64 SHA-256 hashes",
                       HM_PROOF_HASHES_MAX);
    memcpy(p->hash[p->count++].b, raw.data, HM_SHA256_LEN);
    return HM_OK;
}

static enum hm_err consistency_json(struct hm_bytes body, struct hm_path *p, struct hm_why *why)
{
    HM_JSON_AUTO *doc = NULL;
    enum hm_err err = hm_json_parse(body, HM_JSON_FOREIGN(16384), &doc, why);
    if (err != HM_OK)
        return err;
    const json_t *list = json_is_array(doc) ? doc : json_object_get(doc, "hashes");
    if (!json_is_array(list))
        return hm_fail(why, HM_E_MALFORMED, "consistency proof: expected an array 'hashes'");
    for (size_t i = 0; err == HM_OK && i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        err = add_hash(p, hm_bytes_str(text != NULL ? text : ""), why);
    }
    return err;
}

enum hm_err cli_consistency_parse(struct hm_bytes body, struct hm_path *out, struct hm_why *why)
{
    struct hm_path p = {.count = 0};
    enum hm_err err = HM_OK;
    if (body.len > 0 && (body.data[0] == '{' || body.data[0] == '[')) {
        err = consistency_json(body, &p, why);
    } else {
        while (err == HM_OK && body.len > 0) {
            const uint8_t *lf = memchr(body.data, '\n', body.len);
            size_t len = lf != NULL ? (size_t)(lf - body.data) : body.len;
            err = add_hash(&p, hm_bytes_of(body.data, len), why);
            size_t used = lf != NULL ? len + 1 : len;
            body = hm_bytes_of(body.data + used, body.len - used);
        }
    }
    if (err == HM_OK)
        *out = p;
    return err;
}

enum hm_err cli_consistency_fetch(struct cli *c, uint64_t old, uint64_t size, struct hm_path *out)
{
    char path[128];
    CLI_ANSWER_AUTO a = {.status = 0};
    (void)snprintf(path, sizeof path, "/v1/log/consistency?old=%" PRIu64 "&size=%" PRIu64, old,
                   size);
    enum hm_err err = cli_http_get(c, path, NULL, 16384, &a);
    return err == HM_OK ? cli_consistency_parse(hm_buf_bytes(&a.body), out, &c->why) : err;
}

enum hm_err cli_checkpoint_extends(struct cli *c, const struct hm_checkpoint *seen,
                                   const struct hm_checkpoint *now)
{
    const struct hm_checkpoint *a = seen->size <= now->size ? seen : now;
    const struct hm_checkpoint *b = seen->size <= now->size ? now : seen;
    struct hm_path path = {.count = 0};
    enum hm_err err = HM_OK;
    if (a->size == 0)
        return HM_OK;
    if (a->size != b->size)
        err = cli_consistency_fetch(c, a->size, b->size, &path);
    /* A log that was cut or forked cannot answer: that is the finding, not an accident. */
    if (err != HM_OK && cli_exit_of(err) != CLI_EXIT_RETRY && cli_exit_of(err) != CLI_EXIT_LOCAL)
        err = HM_E_SIGNATURE;
    if (err == HM_OK)
        err = hm_merkle_check_consistency(a->size, &a->root, b->size, &b->root, &path);
    if (err != HM_E_SIGNATURE && err != HM_E_MALFORMED)
        return err;
    cli_next(c, "keep both checkpoints; tell the log's operator and the other auditors");
    return hm_fail(&c->why, HM_E_HISTORY,
                   "the checkpoint of size %" PRIu64 " does not extend the one of size %" PRIu64
                   " that was seen before: the log was forked, rewritten or cut",
                   now->size, seen->size);
}

enum hm_err cli_checkpoint_keep(struct cli *c, const struct hm_checkpoint *seen,
                                const struct hm_checkpoint *now, struct hm_bytes note)
{
    char path[CLI_PATH_MAX + 64];
    struct hm_vkey key;
    if (seen->size >= now->size)
        return HM_OK;
    enum hm_err err = cli_log_key(c, &key);
    if (err == HM_OK)
        err = cli_checkpoint_path(c, &key, path, sizeof path);
    if (err == HM_OK)
        err = cli_local(hm_dir_make(c->set.state_dir, 0700, &c->why));
    if (err != HM_OK)
        return err;
    /* Another run may have kept a newer one since this one looked. */
    struct hm_checkpoint kept;
    HM_FD_AUTO dir = open(c->set.state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || flock(dir, LOCK_EX) != 0)
        return cli_local(hm_fail_errno(&c->why, errno, "%.300s: cannot lock", c->set.state_dir));
    err = cli_checkpoint_seen(c, &key, &kept);
    return err != HM_OK || kept.size >= now->size ? err
                                                  : hm_file_write_atomic(path, note, 0600, &c->why);
}

enum hm_err cli_checkpoint_renew(struct cli *c, const struct hm_vkey *key, struct hm_buf *note,
                                 struct hm_checkpoint *now, struct hm_checkpoint *seen)
{
    enum hm_err err = cli_checkpoint_seen(c, key, seen);
    if (err == HM_OK)
        err = cli_checkpoint_fetch(c, key, note, now);
    if (err == HM_OK)
        err = cli_checkpoint_extends(c, seen, now);
    if (err == HM_OK && now->size < seen->size)
        err = hm_fail(&c->why, HM_E_HISTORY,
                      "the server shows a checkpoint of size %" PRIu64 ", one of size %" PRIu64
                      " was seen before",
                      now->size, seen->size);
    return err == HM_OK ? cli_checkpoint_keep(c, seen, now, hm_buf_bytes(note)) : err;
}
