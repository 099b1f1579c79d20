#include "server/registrar/reg_cosign.h"

#include "policy/policy_witness.h"
#include "server/ipc/ipc_msg.h"
#include "server/ipc/ipc_ops.h"
#include "server/registrar/reg_answer.h"

#include <string.h>

#define TROUBLE_MAX 1024 /* bytes that the door may say about a witness */

static enum hm_err recall(const struct reg_desk *d, struct reg_witness *w, struct hm_why *why)
{
    struct db_reader *reader = NULL;
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX};
    uint64_t size = 0;
    enum hm_err err = reg_readers_take(d->readers, &reader, why);
    if (err != HM_OK)
        return err;
    err = db_reader_last_cosigned(reader, &size, &note, why);
    reg_readers_give(d->readers, reader);
    if (err == HM_OK)
        reg_witness_recall(w, size, hm_buf_bytes(&note));
    return err == HM_E_NOT_FOUND ? HM_OK : err;
}

enum hm_err reg_cosign_open(const struct reg_desk *d, struct reg_witness **out, struct hm_why *why)
{
    struct reg_status st;
    reg_seq_status(d->seq, &st);
    /* The start itself is a record. */
    enum hm_err err = reg_witness_open(d->world, st.committed + 1, out, why);
    return err == HM_OK ? recall(d, *out, why) : err;
}

struct said {
    char name[HM_ORIGIN_MAX + 1];
    char trouble[TROUBLE_MAX];
    uint64_t size;  /* of the checkpoint */
    uint64_t their; /* of the log as the witness knows it */
    struct hm_bytes lines;
};

static enum hm_err read_said(const struct ipc_request *r, struct said *out, struct hm_why *why)
{
    struct ipc_in in;
    ipc_in_begin(&in, r->body);
    ipc_get_str(&in, out->name, sizeof out->name);
    out->size = ipc_get_u64(&in);
    out->lines = ipc_get_bytes(&in, HM_COSIGNED_MAX);
    ipc_get_str(&in, out->trouble, sizeof out->trouble);
    out->their = ipc_get_u64(&in);
    enum hm_err err = ipc_in_end(&in, why);
    if (err == HM_OK && (out->lines.len == 0) != (out->trouble[0] != '\0'))
        err = hm_fail(why, HM_E_MALFORMED, "either signature lines or what is wrong");
    return err;
}

/* The log's own note of that size. */
static enum hm_err find_note(struct reg_conn *c, uint64_t size, struct hm_buf *out,
                             struct hm_why *why)
{
    struct reg_head head;
    struct db_reader *reader;
    uint64_t found = 0;
    enum hm_err err = reg_seq_head(c->desk->seq, &head, why);
    if (err == HM_OK && head.size == size) {
        hm_buf_put(out, head.note, head.note_len);
        return hm_buf_err(out);
    }
    if (err == HM_OK)
        err = reg_conn_reader(c, &reader, why);
    if (err == HM_OK)
        err = db_reader_checkpoint(reader, size, &found, out, why);
    if (err == HM_OK && found != size)
        err = hm_fail(why, HM_E_NOT_FOUND, "this log has no checkpoint of %llu records",
                      (unsigned long long)size);
    return err;
}

/* On the sequencer. Kept once for each size, when the quorum of the policy is there. */
static enum hm_err store(struct reg_tx *tx, void *arg, struct reg_result *out, struct hm_why *why)
{
    const struct reg_cosigned *c = arg;
    HM_BUF_AUTO last = {.limit = HM_CHECKPOINT_MAX};
    uint64_t size = 0;
    (void)out;
    enum hm_err err = db_log_cosigned(tx->log, &size, &last, why);
    if (err != HM_OK && err != HM_E_NOT_FOUND)
        return err;
    if (err == HM_OK && c->size <= size)
        return HM_OK;
    return db_log_put_cosigned(tx->log, c->size, hm_bytes_of(c->note, c->note_len), why);
}

static enum hm_err use(struct reg_conn *c, struct reg_cosigned *w, struct hm_why *why)
{
    struct reg_result none;
    unsigned worth =
        policy_witnesses(c->desk->world->policy) != NULL ? REG_WITNESS_POLICY : UINT32_MAX;
    enum hm_err err = HM_OK;
    if ((w->holds & worth) != 0)
        err = reg_conn_decide(c, store, w, &none, why);
    if (err == HM_OK)
        reg_witness_publish(c->desk->witness, w);
    return err;
}

void reg_cosign_put(const struct reg_conn *c, struct hm_buf *reply)
{
    struct reg_cosigned w = {.note_len = 0};
    (void)reg_witness_best(c->desk->witness, 0, &w);
    ipc_put_bytes(reply, hm_bytes_of(w.note, w.note_len));
}

/* What a witness that somebody asks for signed has to be signed by its key. One that is asked
 * before the policy names it is no reason for worry: its lines are left aside. */
static enum hm_err take(const struct reg_desk *d, const struct said *said, struct hm_bytes note,
                        struct reg_cosigned *out, struct hm_why *why)
{
    enum hm_err err = reg_witness_take(d->witness, note, said->lines, out, why);
    if (err != HM_E_NOT_FOUND)
        return err;
    if (reg_witness_knows(d->witness, said->name))
        return hm_fail(
            why, HM_E_SIGNATURE,
            "answers with a cosignature by another key than the one that the policy or a "
            "trust store has for it");
    return hm_fail(why, err,
                   "cosigns, and counts for nobody: neither the policy in force nor a trust store "
                   "names it");
}

enum hm_err reg_op_cosign(void *desk, struct ipc_request *r, struct hm_why *why)
{
    const struct reg_desk *d = desk;
    struct said said = {.size = 0};
    struct reg_cosigned w;
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX};
    struct reg_conn *c = r->conn_state;
    if (c == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for the connection");
    enum hm_err err = read_said(r, &said, why);
    if (err != HM_OK)
        return err;
    if (said.lines.len == 0) {
        reg_witness_say(d->witness, said.name, said.trouble, said.their);
        reg_cosign_put(c, r->reply);
        return HM_OK;
    }
    err = find_note(c, said.size, &note, why);
    if (err == HM_OK)
        err = take(d, &said, hm_buf_bytes(&note), &w, why);
    if (err == HM_OK && w.holds != 0)
        err = use(c, &w, why);
    reg_witness_say(d->witness, said.name, err == HM_OK ? "" : why->text, said.their);
    if (err != HM_OK)
        return err;
    reg_cosign_put(c, r->reply);
    return HM_OK;
}

/* What the policy of submission says, and what the one in force says: as for the signature itself.
 */
static unsigned demands(const struct reg_conn *c, const struct reg_known *k)
{
    const struct policy_subject subject = reg_known_subject(k);
    const struct policy_rule *now = policy_match(c->desk->world->policy, &subject);
    return reg_witness_demands(c->desk->witness,
                               k->rule->witnessed || (now != NULL && now->witnessed),
                               k->submitted.environment);
}

enum hm_err reg_cosign_hold(struct reg_conn *c, const struct hm_record *r, struct hm_why *why)
{
    REG_DOSSIER_AUTO *d = NULL;
    struct reg_cosigned w;
    if (r->event != HM_EV_RELEASE_SIGNED || !r->has_release ||
        reg_witness_all(c->desk->witness) == 0)
        return HM_OK;
    enum hm_err err = reg_dossier_open(c, r->release, &d, why);
    if (err != HM_OK)
        return err;
    unsigned asked = demands(c, d->known);
    if (asked == 0 || reg_witness_find(c->desk->witness, r->idx, asked, &w))
        return HM_OK;
    return reg_witness_missing(
        c->desk->witness, "this release leaves only with the cosignatures of the witnesses", why);
}

static unsigned demanded(struct reg_conn *c, uint64_t idx)
{
    struct hm_record r;
    REG_DOSSIER_AUTO *d = NULL;
    HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
    if (reg_conn_record(c, idx, &bytes, NULL) != HM_OK ||
        hm_record_parse(hm_buf_bytes(&bytes), &r, NULL) != HM_OK ||
        r.event != HM_EV_RELEASE_SIGNED || !r.has_release ||
        reg_dossier_open(c, r.release, &d, NULL) != HM_OK)
        return 0;
    return demands(c, d->known);
}

bool reg_cosign_pick(struct reg_conn *c, uint64_t idx, struct reg_cosigned *out)
{
    struct reg_witness *w = c->desk->witness;
    unsigned asked = reg_witness_all(w) != 0 ? demanded(c, idx) : 0;
    return (asked != 0 && reg_witness_find(w, idx, asked, out)) || reg_witness_best(w, idx, out);
}

enum hm_err reg_cosign_await(struct reg_conn *c, const struct reg_dossier *d, uint64_t idx,
                             struct hm_why *why)
{
    struct reg_witness *x = c->desk->witness;
    struct reg_cosigned w;
    unsigned asked = demands(c, d->known);
    if (asked == 0)
        return HM_OK;
    reg_conn_rest(c);
    enum hm_err err = reg_witness_wait(x, idx, asked, reg_witness_timeout_ms(x), &w, why);
    return err == HM_OK ? reg_proof_under(c, idx, w.size, hm_bytes_of(w.note, w.note_len), why)
                        : err;
}
