#include "db_query_test_util.h"

#include <stdlib.h>

/* Releases begin at every index that 8 divides; the seven records after it are about it, with
 * varying events. */
static struct hm_record event(unsigned i)
{
    static const enum hm_event kind[8] = {HM_EV_RELEASE_SUBMITTED, HM_EV_APPROVAL_RECORDED,
                                          HM_EV_APPROVAL_REFUSED,  HM_EV_APPROVAL_RECORDED,
                                          HM_EV_SIGN_INTENDED,     HM_EV_RELEASE_SIGNED,
                                          HM_EV_REQUEST_REFUSED,   HM_EV_REGISTRAR_STARTED};
    static const enum hm_release_state after[8] = {
        HM_RELEASE_SUBMITTED, HM_RELEASE_SUBMITTED, HM_RELEASE_NONE, HM_RELEASE_APPROVED,
        HM_RELEASE_SIGNING,   HM_RELEASE_SIGNED,    HM_RELEASE_NONE, HM_RELEASE_NONE};
    unsigned step = i % 8;
    unsigned id = i - step;
    struct hm_record r = {.event = kind[step], .t_ms = 10000 + 100 * (i / 4)};
    if (step == 7) {
        r.has_random = true;
        return r;
    }
    r.has_release = true;
    r.release = id;
    r.state = after[step];
    if (id % 40 == 8 && step >= 4 && step < 6) { /* some are cancelled instead */
        r.event = HM_EV_RELEASE_CANCELLED;
        r.state = step == 4 ? HM_RELEASE_CANCELLED : HM_RELEASE_NONE;
    }
    (void)snprintf(r.req, sizeof r.req, "%032x", i);
    (void)snprintf(r.actor, sizeof r.actor, "actor-%u", step == 0 ? id / 8 % 4 : i % 5);
    (void)snprintf(r.product, sizeof r.product, "product-%u", id / 8 % 3);
    (void)snprintf(r.version, sizeof r.version, "1.0.%u", id / 24);
    (void)snprintf(r.channel, sizeof r.channel, id % 16 == 0 ? "stable" : "beta");
    (void)snprintf(r.environment, sizeof r.environment, id % 32 == 0 ? "production" : "rehearsal");
    r.sequence = step == 0 || r.event == HM_EV_RELEASE_SIGNED ? id + 1 : 0;
    r.expires_s = step == 0 ? 5000 + id : 0;
    r.has_manifest = step == 0;
    r.manifest = hm_sha256(hm_bytes_of(&id, sizeof id));
    if (r.event == HM_EV_APPROVAL_RECORDED) {
        r.has_approver_key = true;
        r.approver_key = t_digest(r.actor);
    }
    if (step == 0 || r.event == HM_EV_RELEASE_SIGNED) {
        r.artifact_count = 2;
        r.artifacts[0] = hm_sha256(hm_bytes_of(&id, sizeof id));
        r.artifacts[1] = t_digest("common");
    }
    if (r.event == HM_EV_SIGN_INTENDED || r.event == HM_EV_RELEASE_SIGNED) {
        r.key_count = 1;
        r.keys[0] = (struct hm_record_key){.spki = t_digest(id % 16 == 0 ? "hsm-1" : "hsm-2"),
                                           .mechanism = "ESP256"};
    }
    if (r.event == HM_EV_APPROVAL_REFUSED || r.event == HM_EV_REQUEST_REFUSED ||
        r.event == HM_EV_RELEASE_SIGNED)
        (void)snprintf(r.outcome, sizeof r.outcome,
                       r.event == HM_EV_RELEASE_SIGNED ? "ok" : "quorum");
    return r;
}

static void make_history(struct t_query *t)
{
    struct hm_digest prev = hm_sha256(hm_bytes_str(T_ORIGIN));
    size_t end[T_HISTORY];
    for (unsigned i = 0; i < T_HISTORY; i++) {
        size_t before = t->bytes.len;
        struct hm_record r = event(i);
        r.idx = i;
        r.prev = prev;
        T_OK(hm_record_write(&r, &t->bytes, why));
        t->parsed[i] = r;
        end[i] = t->bytes.len;
        prev = hm_merkle_leaf(hm_bytes_of(t->bytes.data + before, end[i] - before));
    }
    for (unsigned i = 0; i < T_HISTORY; i++) {
        size_t from = i == 0 ? 0 : end[i - 1];
        t->record[i] = hm_bytes_of(t->bytes.data + from, end[i] - from);
    }
}

int t_query_setup_empty(void **state)
{
    struct t_query *t = calloc(1, sizeof *t);
    if (t == NULL)
        return -1;
    t_dir_make(&t->d, "query.db");
    make_history(t);
    T_OK(db_query_writer_open(t->d.path, T_ORIGIN, &t->w, why));
    *state = t;
    return 0;
}

int t_query_setup(void **state)
{
    if (t_query_setup_empty(state) != 0)
        return -1;
    struct t_query *t = *state;
    T_OK(t_query_apply(t->w, t->record, T_HISTORY / 3, why));
    T_OK(t_query_apply(t->w, t->record + T_HISTORY / 3, T_HISTORY - T_HISTORY / 3, why));
    T_OK(db_query_open(t->d.path, &t->q, why));
    return 0;
}

int t_query_teardown(void **state)
{
    struct t_query *t = *state;
    db_query_close(t->q);
    db_query_writer_close(t->w);
    t_dir_remove(&t->d);
    hm_buf_free(&t->bytes);
    free(t);
    return 0;
}

void t_query_next(const struct db_query_writer *w, struct hm_record r, struct hm_buf *out)
{
    r.idx = w->frontier.size;
    r.prev = w->leaf;
    r.t_ms = w->t_ms;
    T_OK(hm_record_write(&r, out, why));
}
