#include "server/signer/signer_roster.h"

#include "schema/io/hm_file.h"
#include "schema/log/hm_record.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_LIMIT 4096
#define FILE_MAX ((size_t)1024 * 1024)

static const char magic[8] = {'H', 'M', 'S', 'R', 'O', 'S', 'T', '1'};

/* Immutable once published; chained so that it can be freed at the end. */
struct list {
    struct list *before;
    struct hm_roster roster;
};
struct signer_rosters {
    const struct hm_guards *guards;
    struct hm_digest guards_sha256;
    const char *state_dir;
    pthread_mutex_t taking;
    _Atomic(struct list *) now[]; /* of guard i; NULL: its own list holds */
};

/* One file for each guard of each guards document: another document begins anew, and the old one,
 * should it come back, goes on where it was. */
static enum hm_err path_of(const struct signer_rosters *r, const struct hm_digest *key,
                           char out[static PATH_LIMIT], struct hm_why *why)
{
    char guards[HM_SHA256_HEX];
    char id[HM_SHA256_HEX];
    hm_digest_hex(&r->guards_sha256, guards);
    hm_digest_hex(key, id);
    int n = snprintf(out, PATH_LIMIT, "%s/roster-%.16s-%.32s", r->state_dir, guards, id);
    return n < PATH_LIMIT ? HM_OK : hm_fail(why, HM_E_LIMIT, "%s: path too long", r->state_dir);
}

static enum hm_err now_of(const struct signer_rosters *r, size_t i, struct hm_roster_now *out,
                          struct hm_why *why)
{
    const struct list *l = r->now[i];
    if (l == NULL)
        return hm_roster_begin(&r->guards->guards[i], out, why);
    out->serial = l->roster.serial;
    return hm_roster_digest(l->roster.approvers, l->roster.count, &out->list, why);
}

static void publish(struct signer_rosters *r, size_t i, struct list *l)
{
    l->before = r->now[i];
    atomic_store(&r->now[i], l);
}

/* --- the file: magic, key id, statement, signed documents, SHA-256 of all before --- */

static enum hm_err encode(const struct signer_roster_item *item, struct hm_buf *out)
{
    hm_buf_put(out, magic, sizeof magic);
    ipc_put_digest(out, &item->key);
    ipc_put_bytes(out, item->update.statement);
    ipc_put_u64(out, item->update.document_count);
    for (size_t i = 0; i < item->update.document_count; i++)
        ipc_put_bytes(out, item->update.documents[i]);
    struct hm_digest sum = hm_sha256(hm_buf_bytes(out));
    hm_buf_put(out, sum.b, sizeof sum.b);
    return hm_buf_err(out);
}

static void read_update(struct ipc_in *in, struct signer_roster_item *out)
{
    out->update.statement = ipc_get_bytes(in, HM_STATEMENT_MAX);
    out->update.document_count = ipc_get_count(in, HM_GUARD_ROSTER_MAX);
    for (size_t i = 0; i < out->update.document_count; i++)
        out->documents[i] = ipc_get_bytes(in, HM_SIGNED_MAX);
    out->update.documents = out->documents;
}

static enum hm_err decode(struct hm_bytes file, struct signer_roster_item *out, struct hm_why *why)
{
    struct ipc_in in;
    size_t head = sizeof magic + HM_SHA256_LEN;
    if (file.len < head || memcmp(file.data, magic, sizeof magic) != 0)
        return hm_fail(why, HM_E_MALFORMED, "not a roster file");
    struct hm_digest sum = hm_sha256(hm_bytes_of(file.data, file.len - HM_SHA256_LEN));
    if (memcmp(sum.b, file.data + file.len - HM_SHA256_LEN, sizeof sum.b) != 0)
        return hm_fail(why, HM_E_MALFORMED, "damaged: its checksum does not hold");
    ipc_in_begin(&in, hm_bytes_of(file.data + sizeof magic, file.len - head));
    ipc_get_digest(&in, &out->key);
    read_update(&in, out);
    return ipc_in_end(&in, why);
}

static enum hm_err load_one(struct signer_rosters *r, size_t i, struct hm_why *why)
{
    char path[PATH_LIMIT];
    HM_BUF_AUTO file = {.limit = FILE_MAX};
    HM_FREE struct signer_roster_item *item = calloc(1, sizeof *item);
    HM_FREE struct list *l = calloc(1, sizeof *l);
    const struct hm_digest *key = &r->guards->guards[i].key;
    if (item == NULL || l == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for a roster");
    enum hm_err err = path_of(r, key, path, why);
    if (err != HM_OK)
        return err;
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return HM_OK; /* none was ever taken; what cannot be looked at is an error below */
    err = hm_file_read(path, FILE_MAX, &file, why);
    if (err == HM_OK)
        err = decode(hm_buf_bytes(&file), item, why);
    if (err == HM_OK)
        err = hm_roster_verify(r->guards, &r->guards_sha256, key, &item->update, &l->roster, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "%s", path);
    publish(r, i, l);
    l = NULL;
    return HM_OK;
}

enum hm_err signer_rosters_open(const struct hm_guards *guards, struct hm_bytes document,
                                const char *state_dir, struct signer_rosters **out,
                                struct hm_why *why)
{
    struct signer_rosters *r = calloc(1, sizeof *r + guards->count * sizeof r->now[0]);
    if (r == NULL || pthread_mutex_init(&r->taking, NULL) != 0) {
        free(r);
        return hm_fail(why, HM_E_MEMORY, "no memory for rosters");
    }
    r->guards = guards;
    r->guards_sha256 = hm_sha256(document);
    r->state_dir = state_dir;
    for (size_t i = 0; i < guards->count; i++)
        atomic_init(&r->now[i], NULL);
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < guards->count; i++)
        if (guards->guards[i].roster_threshold > 0)
            err = load_one(r, i, why);
    if (err != HM_OK) {
        signer_rosters_close(r);
        return err;
    }
    *out = r;
    return HM_OK;
}

void signer_rosters_close(struct signer_rosters *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->guards->count; i++) {
        struct list *l = r->now[i];
        while (l != NULL) {
            struct list *before = l->before;
            free(l);
            l = before;
        }
    }
    (void)pthread_mutex_destroy(&r->taking);
    free(r);
}

struct signer_list signer_rosters_list(const struct signer_rosters *r, const struct hm_guards *g,
                                       const struct hm_guard *guard)
{
    const struct list *l = r != NULL ? r->now[guard - g->guards] : NULL;
    if (l != NULL)
        return (struct signer_list){l->roster.approvers, l->roster.count, l->roster.serial};
    return (struct signer_list){guard->approvers, guard->approver_count, 0};
}

enum hm_err signer_roster_read(struct hm_bytes body, struct signer_roster_item *out,
                               struct hm_why *why)
{
    struct ipc_in in;
    ipc_in_begin(&in, body);
    ipc_get_digest(&in, &out->key);
    out->record = ipc_get_bytes(&in, HM_RECORD_MAX);
    out->index = ipc_get_u64(&in);
    out->size = ipc_get_u64(&in);
    out->path.count = ipc_get_digests(&in, out->path.hash, HM_PROOF_HASHES_MAX);
    read_update(&in, out);
    return ipc_in_end(&in, why);
}

/* Included first; only then is the record looked at. */
static enum hm_err check_record(const struct signer_roster_item *it, const struct hm_digest *root,
                                struct hm_why *why)
{
    struct hm_record rec;
    struct hm_digest leaf = hm_merkle_leaf(it->record);
    struct hm_digest statement = hm_sha256(it->update.statement);
    if (root == NULL)
        return hm_fail(why, HM_E_HISTORY,
                       "roster: no checkpoint of size %" PRIu64 " was signed here since start",
                       it->size);
    if (hm_merkle_check_inclusion(it->index, it->size, &leaf, &it->path, root) != HM_OK)
        return hm_fail(why, HM_E_HISTORY,
                       "roster: record %" PRIu64 " is not under the checkpoint of size %" PRIu64
                       " that was signed here",
                       it->index, it->size);
    enum hm_err err = hm_record_parse(it->record, &rec, why);
    if (err != HM_OK)
        return err;
    if (rec.event != HM_EV_ROSTER_CHANGED || rec.idx != it->index || !rec.has_guard ||
        !hm_digest_eq(&rec.guard, &it->key) || !rec.has_statement ||
        !hm_digest_eq(&rec.statement, &statement))
        return hm_fail(why, HM_E_DENIED,
                       "roster: record %" PRIu64 " is no roster.changed about this list",
                       it->index);
    return HM_OK;
}

/* Durable first, then in use. */
static enum hm_err keep(struct signer_rosters *r, size_t i, const struct signer_roster_item *it,
                        struct list **l, struct hm_why *why)
{
    char path[PATH_LIMIT];
    HM_BUF_AUTO file = {.limit = FILE_MAX};
    enum hm_err err = path_of(r, &it->key, path, why);
    if (err == HM_OK)
        err = encode(it, &file);
    if (err == HM_OK)
        err = hm_file_write_atomic(path, hm_buf_bytes(&file), 0600, why);
    if (err != HM_OK)
        return err;
    publish(r, i, *l);
    *l = NULL;
    return HM_OK;
}

static enum hm_err take(struct signer_rosters *r, size_t i, const struct signer_roster_item *it,
                        struct list **l, struct hm_why *why)
{
    struct hm_roster_now now;
    struct hm_digest list;
    enum hm_err err = now_of(r, i, &now, why);
    if (err == HM_OK)
        err = hm_roster_digest((*l)->roster.approvers, (*l)->roster.count, &list, why);
    if (err != HM_OK)
        return err;
    if ((*l)->roster.serial == now.serial && hm_digest_eq(&list, &now.list))
        return HM_OK; /* asked twice */
    err = hm_roster_follows(&(*l)->roster, &now, why);
    return err == HM_OK ? keep(r, i, it, l, why) : err;
}

enum hm_err signer_rosters_take(struct signer_rosters *r, const struct signer_roster_item *item,
                                const struct hm_digest *root, struct hm_why *why)
{
    HM_FREE struct list *l = calloc(1, sizeof *l);
    if (l == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for a roster");
    enum hm_err err = check_record(item, root, why);
    if (err == HM_OK)
        err = hm_roster_verify(r->guards, &r->guards_sha256, &item->key, &item->update, &l->roster,
                               why);
    if (err != HM_OK)
        return err;
    const struct hm_guard *g = hm_guards_find(r->guards, &item->key);
    (void)pthread_mutex_lock(&r->taking);
    err = take(r, (size_t)(g - r->guards->guards), item, &l, why);
    (void)pthread_mutex_unlock(&r->taking);
    return err;
}
