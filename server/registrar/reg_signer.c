#include "server/registrar/reg_signer.h"

#include "schema/io/hm_file.h"
#include "server/ipc/ipc_msg.h"

#include <stdlib.h>
#include <string.h>

#define IDLE_CONNECTIONS 4

struct reg_signer {
    struct ipc_pool *pool;
    struct ipc_pool *bulk; /* signatures: the signer serves these connections behind the others */
    int64_t timeout_ms;
};

enum hm_err reg_signer_open(const char *socket, uint64_t timeout_ms, struct reg_signer **out,
                            struct hm_why *why)
{
    struct reg_signer *s = calloc(1, sizeof *s);
    if (s == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    s->timeout_ms = (int64_t)timeout_ms;
    enum hm_err err = ipc_pool_open(socket, IDLE_CONNECTIONS, &s->pool, why);
    if (err == HM_OK)
        err = ipc_pool_open(socket, IDLE_CONNECTIONS, &s->bulk, why);
    if (err != HM_OK) {
        reg_signer_close(s);
        return err;
    }
    *out = s;
    return HM_OK;
}

void reg_signer_close(struct reg_signer *s)
{
    if (s == NULL)
        return;
    ipc_pool_close(s->pool);
    ipc_pool_close(s->bulk);
    free(s);
}

static enum hm_err call(struct reg_signer *s, uint16_t op, const struct hm_buf *request,
                        struct hm_buf *reply, struct hm_why *why)
{
    enum hm_err err = hm_buf_err(request);
    if (err != HM_OK)
        return hm_fail(why, err, "request to the signer: %s", hm_err_name(err));
    err = ipc_pool_call(op == SIGNER_SIGN ? s->bulk : s->pool, op, hm_buf_bytes(request), -1, reply,
                        NULL, s->timeout_ms, why);
    return err == HM_OK ? HM_OK : hm_fail_in(why, err, "signer");
}

static void read_keys(struct ipc_in *in, struct reg_signer_hello *out, struct hm_why *why)
{
    out->key_count = ipc_get_count(in, REG_SIGNER_KEYS_MAX);
    for (size_t i = 0; i < out->key_count && in->err == HM_OK; i++) {
        struct reg_signer_key *k = &out->keys[i];
        ipc_get_digest(in, &k->id);
        struct hm_bytes spki = ipc_get_bytes(in, HM_KEY_SPKI_MAX);
        ipc_get_str(in, k->token, sizeof k->token);
        if (in->err == HM_OK)
            in->err = hm_key_from_spki(spki, &k->key, why);
        struct hm_digest id = hm_key_id(&k->key);
        if (in->err == HM_OK && !hm_digest_eq(&id, &k->id))
            in->err = HM_E_MALFORMED;
    }
}

enum hm_err reg_signer_hello(struct reg_signer *s, struct reg_signer_hello *out, struct hm_why *why)
{
    HM_BUF_AUTO request = {0};
    HM_BUF_AUTO reply = {0};
    struct ipc_in in;
    char vkey[2 * HM_ORIGIN_MAX + 128];
    memset(out, 0, sizeof *out);
    ipc_put_u64(&request, IPC_PROTOCOL);
    enum hm_err err = call(s, SIGNER_HELLO, &request, &reply, why);
    if (err != HM_OK)
        return err;
    ipc_in_begin(&in, hm_buf_bytes(&reply));
    ipc_get_str(&in, out->origin, sizeof out->origin);
    ipc_get_str(&in, vkey, sizeof vkey);
    ipc_get_str(&in, out->log_token, sizeof out->log_token);
    out->last_size = ipc_get_u64(&in);
    ipc_get_digest(&in, &out->last_root);
    struct hm_bytes note = ipc_get_bytes(&in, HM_CHECKPOINT_MAX);
    (void)ipc_get_bytes(&in, HM_GUARDS_MAX);
    read_keys(&in, out, why);
    err = ipc_in_end(&in, why);
    if (err == HM_OK)
        err = hm_vkey_parse(hm_bytes_str(vkey), &out->vkey, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "signer's hello");
    hm_buf_put(&out->last_note, note.data, note.len);
    return hm_buf_err(&out->last_note);
}

static enum hm_err check_note(const struct hm_vkey *v, struct hm_bytes note, uint64_t size,
                              const struct hm_digest *root, struct hm_why *why)
{
    struct hm_checkpoint c;
    enum hm_err err = hm_checkpoint_open(note, v, &c, why);
    if (err == HM_OK && (c.size != size || !hm_digest_eq(&c.root, root)))
        err = hm_fail(why, HM_E_SIGNATURE,
                      "the signer signed another checkpoint than it was asked for");
    return err;
}

enum hm_err reg_signer_ask(struct reg_signer *s, uint64_t size, const struct hm_digest *root,
                           uint64_t old, const struct hm_path *path, struct reg_signer_asked *asked,
                           struct hm_why *why)
{
    HM_BUF_AUTO request = {0};
    asked->size = size;
    asked->root = *root;
    ipc_put_u64(&request, size);
    ipc_put_digest(&request, root);
    ipc_put_u64(&request, old);
    ipc_put_digests(&request, path->hash, path->count);
    enum hm_err err = hm_buf_err(&request);
    if (err == HM_OK)
        err = ipc_pool_ask(s->pool, SIGNER_CHECKPOINT, hm_buf_bytes(&request), s->timeout_ms,
                           &asked->call, why);
    return err == HM_OK ? HM_OK : hm_fail_in(why, err, "signer");
}

enum hm_err reg_signer_take(struct reg_signer *s, struct reg_signer_asked *asked,
                            const struct hm_vkey *v, struct hm_buf *note, struct hm_why *why)
{
    HM_BUF_AUTO reply = {0};
    struct ipc_in in;
    enum hm_err err = ipc_pool_take(s->pool, &asked->call, &reply, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "signer");
    ipc_in_begin(&in, hm_buf_bytes(&reply));
    struct hm_bytes got = ipc_get_bytes(&in, HM_CHECKPOINT_MAX);
    err = ipc_in_end(&in, why);
    if (err == HM_OK)
        err = check_note(v, got, asked->size, &asked->root, why);
    if (err == HM_OK)
        hm_buf_put(note, got.data, got.len);
    return err != HM_OK ? err : hm_buf_err(note);
}

static void put_item(struct hm_buf *b, const struct reg_sign_item *i)
{
    ipc_put_digest(b, &i->key);
    ipc_put_bytes(b, i->tbs);
    ipc_put_bytes(b, i->record);
    ipc_put_u64(b, i->index);
    ipc_put_u64(b, i->size);
    ipc_put_digests(b, i->path->hash, i->path->count);
    ipc_put_bytes(b, i->statement);
    ipc_put_u64(b, i->approval_count);
    for (size_t k = 0; k < i->approval_count; k++)
        ipc_put_bytes(b, i->approvals[k]);
}

static void get_result(struct ipc_in *in, struct reg_sign_item *i)
{
    uint64_t code = ipc_get_u64(in);
    struct hm_bytes v = ipc_get_bytes(in, HM_WHY_MAX);
    if (in->err != HM_OK)
        return;
    if (code == 0 && v.len == sizeof i->sig) {
        memcpy(i->sig, v.data, sizeof i->sig);
        i->err = HM_OK;
    } else if (code == 0 || code > HM_E_INTERNAL) {
        in->err = HM_E_MALFORMED;
    } else {
        i->err =
            hm_fail(&i->why, (enum hm_err)code, "signer: %.*s", (int)v.len, (const char *)v.data);
    }
}

enum hm_err reg_signer_sign(struct reg_signer *s, struct reg_sign_item *const *items, size_t count,
                            bool *maybe, struct hm_why *why)
{
    HM_BUF_AUTO request = {0};
    HM_BUF_AUTO reply = {0};
    struct ipc_in in;
    *maybe = false;
    ipc_put_u64(&request, count);
    for (size_t i = 0; i < count; i++)
        put_item(&request, items[i]);
    /* From here on only an answer says what the signer did. An error reply of the signer itself is
     * such an answer. */
    enum hm_err err = call(s, SIGNER_SIGN, &request, &reply, why);
    if (err == HM_E_UNAVAILABLE || err == HM_E_TIMEOUT)
        *maybe = true;
    if (err != HM_OK)
        return err;
    ipc_in_begin(&in, hm_buf_bytes(&reply));
    if (ipc_get_count(&in, SIGNER_SIGN_MAX) != count)
        in.err = HM_E_MALFORMED;
    for (size_t i = 0; i < count; i++)
        get_result(&in, items[i]);
    err = ipc_in_end(&in, why);
    *maybe = err != HM_OK;
    return err;
}
