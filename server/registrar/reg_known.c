#include "server/registrar/reg_known.h"

#include "server/ipc/ipc_msg.h"
#include "server/registrar/reg_facts.h"
#include "server/registrar/reg_format.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 16384u                 /* about 4 KiB each when full */
#define KEPT_MAX ((size_t)16 * 1024) /* bytes of one; a longer one is verified again each time */

struct reg_knowns {
    pthread_mutex_t lock;
    struct reg_known *slot[SLOTS];
};

void reg_known_drop(struct reg_known *k)
{
    if (k == NULL || atomic_fetch_sub(&k->refs, 1) != 1)
        return;
    hm_buf_free(&k->manifest);
    hm_buf_free(&k->statement);
    hm_buf_free(&k->provenance);
    free(k->classes);
    free(k->hardware);
    free(k->break_glass);
    free(k->others);
    free(k->attestations);
    free(k);
}

struct policy_subject reg_known_subject(const struct reg_known *k)
{
    return (struct policy_subject){
        .product = k->submitted.product,
        .channel = k->submitted.channel,
        .environment = k->environment,
        .hardware = k->hardware,
        .hardware_count = k->hardware_count,
        .break_glass = k->break_glass != NULL,
    };
}

static void pack(struct hm_buf *b, const struct reg_claim *c)
{
    ipc_put_u64(b, c->provenance_count);
    for (size_t i = 0; i < c->provenance_count; i++) {
        const struct hm_provenance *p = c->provenance[i].statement;
        ipc_put_str(b, p->builder);
        ipc_put_digests(b, p->subjects, p->subject_count);
        ipc_put_u64(b, p->source_count);
        for (size_t n = 0; n < p->source_count; n++) {
            ipc_put_str(b, p->sources[n].repository);
            ipc_put_str(b, p->sources[n].ref);
            ipc_put_str(b, p->sources[n].commit);
        }
        ipc_put_u64(b, (uint64_t)p->finished_s);
        ipc_put_digests(b, p->marks, p->mark_count);
    }
}

static void unpack_statement(struct ipc_in *in, struct hm_provenance *p)
{
    ipc_get_str(in, p->builder, sizeof p->builder);
    p->subject_count = ipc_get_digests(in, p->subjects, HM_PROVENANCE_SUBJECTS_MAX);
    p->source_count = ipc_get_count(in, HM_PROVENANCE_SOURCES_MAX);
    for (size_t n = 0; n < p->source_count; n++) {
        ipc_get_str(in, p->sources[n].repository, sizeof p->sources[n].repository);
        ipc_get_str(in, p->sources[n].ref, sizeof p->sources[n].ref);
        ipc_get_str(in, p->sources[n].commit, sizeof p->sources[n].commit);
    }
    p->finished_s = (int64_t)ipc_get_u64(in);
    p->mark_count = ipc_get_digests(in, p->marks, HM_PROVENANCE_MARKS_MAX);
}

enum hm_err reg_known_provenance(const struct reg_known *k, struct hm_provenance **statements,
                                 struct policy_fact_provenance facts[static HM_ATTESTATIONS_MAX],
                                 size_t *count, struct hm_why *why)
{
    struct ipc_in in;
    ipc_in_begin(&in, hm_buf_bytes(&k->provenance));
    size_t n = ipc_get_count(&in, HM_ATTESTATIONS_MAX);
    struct hm_provenance *list = malloc((n > 0 ? n : 1) * sizeof *list);
    if (list == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    for (size_t i = 0; i < n && in.err == HM_OK; i++) {
        facts[i].statement = &list[i];
        facts[i].key = k->provenance_keys[i];
        unpack_statement(&in, &list[i]);
    }
    enum hm_err err = ipc_in_end(&in, why);
    if (err != HM_OK) {
        free(list);
        return err;
    }
    *statements = list;
    *count = n;
    return HM_OK;
}

static void write_version(const struct hm_request *r, char *out, size_t cap)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < r->at_least_count && n < cap; i++)
        n += (size_t)snprintf(out + n, cap - n, "%s%u", i > 0 ? "." : "", r->at_least[i]);
}

static bool copy_attestations(struct reg_known *k, const struct reg_claim *claim)
{
    size_t n = claim->attestation_count;
    k->others = malloc((n + 1) * sizeof *k->others);
    k->attestations = malloc((n + 1) * sizeof *k->attestations);
    for (size_t i = 0; k->others != NULL && k->attestations != NULL && i < n; i++) {
        k->others[i] = *claim->attestations[i].statement;
        k->attestations[i] =
            (struct policy_fact_attestation){&k->others[i], claim->attestations[i].key};
    }
    k->attestation_count = n;
    return k->others != NULL && k->attestations != NULL;
}

enum hm_err reg_known_make(const struct reg_outcome *from, struct reg_known **out,
                           struct hm_why *why)
{
    const struct reg_claim *claim = from->claim;
    struct hm_uuid classes[HM_CLASSES_MAX];
    size_t count = reg_format_classes(from->world, &claim->request, classes);
    struct reg_known *k =
        calloc(1, sizeof *k + claim->provenance_count * sizeof k->provenance_keys[0]);
    if (k == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    atomic_init(&k->refs, 1);
    k->classes = malloc((count + 1) * sizeof *k->classes);
    k->hardware = malloc((claim->request.hardware_count + 1) * sizeof *k->hardware);
    if (claim->request.break_glass[0] != '\0')
        k->break_glass = strdup(claim->request.break_glass);
    if (k->classes == NULL || k->hardware == NULL || !copy_attestations(k, claim) ||
        (k->break_glass == NULL && claim->request.break_glass[0] != '\0')) {
        reg_known_drop(k);
        return hm_fail(why, HM_E_MEMORY, "no memory");
    }
    k->id = from->submitted->idx;
    k->submitted = *from->submitted;
    for (size_t i = 0; i < k->submitted.key_count; i++)
        k->key_ids[i] = k->submitted.keys[i].spki;
    k->leaf = *from->leaf;
    k->policy = from->policy;
    k->rule = from->rule;
    k->hardware_count = claim->request.hardware_count;
    k->environment = claim->request.environment;
    k->size = reg_facts_size(&claim->request);
    k->rollback_floor = claim->request.rollback_floor;
    memcpy(k->hardware, claim->request.hardware, k->hardware_count * sizeof *k->hardware);
    k->submitter = claim->submitter;
    k->class_count = count;
    memcpy(k->classes, classes, count * sizeof *k->classes);
    write_version(&claim->request, k->at_least, sizeof k->at_least);
    hm_buf_put(&k->manifest, from->manifest.data, from->manifest.len);
    hm_buf_put(&k->statement, from->statement.data, from->statement.len);
    pack(&k->provenance, claim);
    for (size_t i = 0; i < claim->provenance_count; i++)
        k->provenance_keys[i] = claim->provenance[i].key;
    if (hm_buf_err(&k->manifest) != HM_OK || hm_buf_err(&k->statement) != HM_OK ||
        hm_buf_err(&k->provenance) != HM_OK) {
        reg_known_drop(k);
        return hm_fail(why, HM_E_MEMORY, "no memory");
    }
    *out = k;
    return HM_OK;
}

enum hm_err reg_knowns_open(struct reg_knowns **out, struct hm_why *why)
{
    struct reg_knowns *c = calloc(1, sizeof *c);
    if (c == NULL || pthread_mutex_init(&c->lock, NULL) != 0) {
        free(c);
        return hm_fail(why, HM_E_MEMORY, "no memory for the table of releases");
    }
    *out = c;
    return HM_OK;
}

void reg_knowns_close(struct reg_knowns *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        reg_known_drop(c->slot[i]);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

/* Ids are indexes of records: neighbours lie in different slots, so the newest ones are all there.
 */
static struct reg_known **slot_of(struct reg_knowns *c, uint64_t id)
{
    return &c->slot[id % SLOTS];
}

struct reg_known *reg_knowns_get(struct reg_knowns *c, uint64_t id)
{
    struct reg_known **slot = slot_of(c, id);
    (void)pthread_mutex_lock(&c->lock);
    struct reg_known *k = *slot;
    if (k != NULL && k->id == id)
        atomic_fetch_add(&k->refs, 1);
    else
        k = NULL;
    (void)pthread_mutex_unlock(&c->lock);
    return k;
}

void reg_knowns_put(struct reg_knowns *c, struct reg_known *k)
{
    struct reg_known **slot = slot_of(c, k->id);
    if (k->manifest.len + k->statement.len + k->provenance.len +
            k->attestation_count * (sizeof *k->others + sizeof *k->attestations) >
        KEPT_MAX)
        return;
    atomic_fetch_add(&k->refs, 1);
    (void)pthread_mutex_lock(&c->lock);
    struct reg_known *old = *slot;
    *slot = k;
    (void)pthread_mutex_unlock(&c->lock);
    reg_known_drop(old);
}
