/* Start in order, the three operations, and the log line for each refusal. */
#include "server/signer/signer_serve.h"

#include "schema/core/hm_text.h"
#include "schema/io/hm_clock.h"
#include "schema/io/hm_file.h"
#include "server/ipc/ipc_ops.h"
#include "server/ipc/ipc_server.h"
#include "server/ipc/proc_log.h"
#include "server/ipc/proc_sandbox.h"
#include "server/ipc/proc_signal.h"
#include "server/ipc/proc_thread.h"
#include "server/ipc/proc_user.h"
#include "server/signer/signer_guards.h"
#include "server/signer/signer_item.h"
#include "server/signer/signer_priv.h"
#include "server/signer/signer_rules.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/prctl.h>

#define CONNECTIONS_MAX 16
#define STACK_BYTES ((size_t)512 * 1024)

static void put_vkey(struct hm_buf *b, const struct hm_vkey *v)
{
    HM_BUF_AUTO line = {.limit = 512};
    hm_vkey_write(v, &line);
    ipc_put_bytes(b, hm_buf_bytes(&line));
}

static enum hm_err on_hello(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    const struct signer *s = ctx;
    struct signer_last last;
    struct ipc_in in;
    ipc_in_begin(&in, r->body);
    uint64_t protocol = ipc_get_u64(&in);
    enum hm_err err = ipc_in_end(&in, why);
    if (err != HM_OK)
        return err;
    if (protocol != IPC_PROTOCOL)
        return hm_fail(why, HM_E_UNSUPPORTED, "protocol %" PRIu64 ", expected %u", protocol,
                       IPC_PROTOCOL);
    signer_history_last(s->history, &last);
    ipc_put_str(r->reply, s->guards.origin);
    put_vkey(r->reply, &s->guards.log_key);
    ipc_put_str(r->reply, hsm_token_serial(s->hsm, 0));
    ipc_put_u64(r->reply, last.size);
    ipc_put_digest(r->reply, &last.root);
    ipc_put_bytes(r->reply, hm_bytes_of(last.note, last.note_len));
    ipc_put_bytes(r->reply, hm_buf_bytes(&s->guards_doc));
    ipc_put_u64(r->reply, s->key_count);
    for (size_t i = 0; i < s->key_count; i++) {
        const struct hsm_key_info *k = hsm_key_at(s->hsm, s->keys[i].hsm_key);
        uint8_t spki[HM_KEY_SPKI_MAX];
        ipc_put_digest(r->reply, &s->keys[i].id);
        ipc_put_bytes(r->reply, hm_key_spki(&k->key, spki));
        ipc_put_str(r->reply, hsm_token_serial(s->hsm, k->token));
    }
    return HM_OK;
}

static enum hm_err on_checkpoint(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    const struct signer *s = ctx;
    struct signer_growth g = {.size = 0};
    HM_BUF_AUTO note = {.limit = SIGNER_NOTE_MAX};
    struct ipc_in in;
    ipc_in_begin(&in, r->body);
    g.size = ipc_get_u64(&in);
    ipc_get_digest(&in, &g.root);
    g.old = ipc_get_u64(&in);
    g.proof.count = ipc_get_digests(&in, g.proof.hash, HM_PROOF_HASHES_MAX);
    enum hm_err err = ipc_in_end(&in, why);
    if (err == HM_OK)
        err = signer_history_extend(s->history, &g, &note, why);
    if (err == HM_OK) {
        ipc_put_bytes(r->reply, hm_buf_bytes(&note));
        return HM_OK;
    }
    proc_log(SIGNER_PROGRAM, PROC_WARNING, "checkpoint refused: %s", why->text);
    return err;
}

static enum hm_err sign_item(const struct signer *s, const struct signer_item *it,
                             uint8_t sig[static HSM_SIG_LEN], struct hm_why *why)
{
    struct hm_digest root;
    struct signer_facts f = {
        .guards = &s->guards, .rosters = s->rosters, .root = NULL, .now_s = hm_clock_unix_s()};
    const struct signer_key *k = signer_key_find(s, &it->key);
    if (k == NULL)
        return hm_fail(why, HM_E_NOT_FOUND, "this signer has no such key");
    if (signer_history_root(s->history, it->size, &root))
        f.root = &root;
    enum hm_err err = signer_rules_check(&f, it, why);
    if (err == HM_OK)
        err = hsm_sign(s->hsm, k->hsm_key, it->tbs, sig, s->config->sign_timeout_ms, why);
    return err;
}

static void log_refusal(const struct signer_item *it, const char *text)
{
    char hex[HM_SHA256_HEX];
    hm_digest_hex(&it->key, hex);
    proc_log(SIGNER_PROGRAM, PROC_WARNING, "signature by key %s for record %" PRIu64 " refused: %s",
             hex, it->index, text);
}

static enum hm_err on_sign(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    const struct signer *s = ctx;
    HM_FREE struct signer_item *items = NULL;
    size_t count = 0;
    proc_thread_gives_way(); /* checkpoints come on connections of their own */
    enum hm_err err = signer_items_read(r->body, &items, &count, why);
    if (err != HM_OK) {
        proc_log(SIGNER_PROGRAM, PROC_WARNING, "request to sign refused: %s", why->text);
        return err;
    }
    ipc_put_u64(r->reply, count);
    for (size_t i = 0; i < count; i++) {
        struct hm_why inner = {""};
        uint8_t sig[HSM_SIG_LEN];
        err = sign_item(s, &items[i], sig, &inner);
        ipc_put_u64(r->reply, (uint64_t)err);
        if (err == HM_OK) {
            ipc_put_bytes(r->reply, hm_bytes_of(sig, sizeof sig));
        } else {
            ipc_put_str(r->reply, inner.text);
            log_refusal(&items[i], inner.text);
        }
    }
    return HM_OK;
}

static enum hm_err on_roster(void *ctx, struct ipc_request *r, struct hm_why *why)
{
    const struct signer *s = ctx;
    HM_FREE struct signer_roster_item *item = calloc(1, sizeof *item);
    struct hm_digest root;
    if (item == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for a roster");
    enum hm_err err = signer_roster_read(r->body, item, why);
    if (err == HM_OK) {
        bool known = signer_history_root(s->history, item->size, &root);
        err = signer_rosters_take(s->rosters, item, known ? &root : NULL, why);
    }
    proc_log(SIGNER_PROGRAM, err == HM_OK ? PROC_INFO : PROC_WARNING, "list of approvers %s%s",
             err == HM_OK ? "taken" : "refused: ", err == HM_OK ? "" : why->text);
    return err;
}

static void on_refused(void *ctx, const char *text)
{
    (void)ctx;
    proc_log(SIGNER_PROGRAM, PROC_WARNING, "turned away: %s", text);
}

static const struct ipc_op ops[] = {
    {SIGNER_HELLO, on_hello, "hello"},
    {SIGNER_CHECKPOINT, on_checkpoint, "checkpoint"},
    {SIGNER_SIGN, on_sign, "sign"},
    {SIGNER_ROSTER, on_roster, "roster"},
};

static enum hm_err open_history(struct signer *s, struct hm_why *why)
{
    bool torn = false;
    struct signer_history_config c = {.state_dir = s->config->state_dir,
                                      .log_key = &s->guards.log_key,
                                      .hsm = s->hsm,
                                      .key = s->log_key,
                                      .timeout_ms = s->config->sign_timeout_ms};
    enum hm_err err = signer_history_open(&c, &s->history, &torn, why);
    if (err == HM_OK && torn)
        proc_log(SIGNER_PROGRAM, PROC_WARNING,
                 "one slot of the state file is damaged; a crash while it was written explains "
                 "that, and the other one is whole");
    return err;
}

static void log_ready(const struct signer *s)
{
    struct signer_last last;
    signer_history_last(s->history, &last);
    proc_log(SIGNER_PROGRAM, PROC_INFO,
             "ready for %s: last checkpoint signed has size %" PRIu64 ", %zu release keys",
             s->guards.origin, last.size, s->key_count);
}

/* Filter first, socket second: nobody is answered before the process is shut in. */
static enum hm_err serve(struct signer *s, int stop, uid_t peer, struct hm_why *why)
{
    struct ipc_server *server = NULL;
    struct ipc_server_config c = {.path = s->config->socket,
                                  .peer = peer,
                                  .max_connections = CONNECTIONS_MAX,
                                  .stack_bytes = STACK_BYTES,
                                  .ops = ops,
                                  .op_count = sizeof ops / sizeof ops[0],
                                  .ctx = s,
                                  .on_refused = on_refused};
    enum hm_err err = proc_sandbox_enter(PROC_SANDBOX_SIGNER, s->config->pkcs11_network, why);
    if (err == HM_OK)
        err = ipc_server_open(&c, &server, why);
    if (err != HM_OK)
        return err;
    log_ready(s);
    err = ipc_server_run(server, stop, why);
    ipc_server_close(server);
    return err;
}

static void close_signer(struct signer *s)
{
    signer_rosters_close(s->rosters);
    signer_history_close(s->history);
    hsm_close(s->hsm);
    hm_guards_free(&s->guards);
    hm_buf_free(&s->guards_doc);
}

enum hm_err signer_serve(const struct signer_config *c, struct hm_why *why)
{
    __attribute__((cleanup(close_signer))) struct signer s = {
        .config = c, .guards_doc = {.limit = HM_GUARDS_MAX}};
    HM_FD_AUTO stop = -1;
    uid_t peer = 0;
    enum hm_err err = proc_stop_fd(&stop, why);
    if (err == HM_OK)
        err = proc_become(c->user, why);
    if (err == HM_OK)
        err = proc_uid_of(c->peer_user, &peer, why);
#ifndef HALLMARK_SANITIZED
    /* No core file and no debugger from the moment a PIN is in memory. */
    if (err == HM_OK && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        err = hm_fail(why, HM_E_INTERNAL, "cannot forbid core files");
#endif
    if (err == HM_OK)
        err = signer_guards_read(c, &s.guards_doc, &s.guards, why);
    if (err == HM_OK)
        err = signer_guards_remember(c->state_dir, &s.guards, hm_buf_bytes(&s.guards_doc), why);
    if (err == HM_OK)
        err = signer_keys_open(&s, why);
    if (err == HM_OK)
        err = open_history(&s, why);
    if (err == HM_OK)
        err = signer_rosters_open(&s.guards, hm_buf_bytes(&s.guards_doc), c->state_dir, &s.rosters,
                                  why);
    return err == HM_OK ? serve(&s, stop, peer, why) : err;
}

enum hm_err signer_init(const struct signer_config *c, struct hm_why *why)
{
    HM_BUF_AUTO doc = {.limit = HM_GUARDS_MAX};
    HM_BUF_AUTO line = {.limit = 512};
    __attribute__((cleanup(hm_guards_free))) struct hm_guards guards = {.count = 0};
    enum hm_err err = proc_become(c->user, why);
    if (err == HM_OK)
        err = signer_guards_read(c, &doc, &guards, why);
    if (err != HM_OK)
        return err;
    hm_vkey_write(&guards.log_key, &line);
    struct hm_digest id = hm_sha256(hm_buf_bytes(&line));
    return signer_state_init(c->state_dir, &id, why);
}

enum hm_err signer_check(const struct signer_config *c, struct hm_why *why)
{
    HM_BUF_AUTO doc = {.limit = HM_GUARDS_MAX};
    __attribute__((cleanup(hm_guards_free))) struct hm_guards guards = {.count = 0};
    uid_t uid = 0;
    enum hm_err err = proc_uid_of(c->user, &uid, why);
    if (err == HM_OK)
        err = proc_uid_of(c->peer_user, &uid, why);
    return err == HM_OK ? signer_guards_read(c, &doc, &guards, why) : err;
}
