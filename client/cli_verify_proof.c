/* One proof, offline: the checkpoint in it, then the path, then the record. */
#include "client/cli_proof.h"
#include "client/cli_verify_http.h"

#include "schema/core/hm_text.h"

#include <string.h>

/* The checkpoint is what stands behind the first blank line. */
static bool find_note(struct hm_bytes proof, struct hm_bytes *note)
{
    const uint8_t *at = proof.len > 0 ? memmem(proof.data, proof.len, "\n\n", 2) : NULL;
    if (at == NULL)
        return false;
    size_t before = (size_t)(at - proof.data) + 2;
    *note = hm_bytes_of(at + 2, proof.len - before);
    return true;
}

/* What the third line says the index is; 0 where it says none. */
static uint64_t index_of(struct hm_bytes proof)
{
    static const char name[] = "\nindex ";
    const uint8_t *at = proof.len > 0 ? memmem(proof.data, proof.len, name, strlen(name)) : NULL;
    uint64_t index = 0;
    if (at == NULL)
        return 0;
    at += strlen(name);
    size_t left = proof.len - (size_t)(at - proof.data);
    const uint8_t *end = memchr(at, '\n', left);
    return end != NULL &&
                   hm_decimal(hm_bytes_of(at, (size_t)(end - at)), UINT64_MAX, &index) == HM_OK
               ? index
               : 0;
}

static enum hm_err check_note(struct hm_bytes note, const struct cli_verify_input *in,
                              size_t *cosigned, struct cli_fault *f, struct hm_why *why)
{
    struct hm_checkpoint c;
    enum hm_err err = cli_note_read(note, in->keys.log->name, CLI_NOTE_ANY, &c, f, why);
    return err == HM_OK
               ? cli_note_signatures(note, &in->keys, in->witnesses_required, cosigned, f, why)
               : err;
}

/* The checkpoint holds, so what is left is the path or the form of the file. */
static enum hm_err check_path(struct hm_bytes proof, const struct hm_vkey *key,
                              struct hm_tlog_proof *out, struct cli_fault *f, struct hm_why *why)
{
    struct hm_why inner = {""};
    enum hm_err err = hm_tlog_proof_open(proof, key, out, &inner);
    if (err == HM_OK || err == HM_E_MEMORY)
        return err;
    if (err == HM_E_SIGNATURE)
        return cli_fault(f, CLI_FAULT_INCLUSION, index_of(proof),
                         "a path from the record to the root", inner.text, why);
    return cli_fault(f, CLI_FAULT_PROOF_MALFORMED, index_of(proof),
                     "a proof of docs/formats/log-proof.md", inner.text, why);
}

static enum hm_err check_record(const struct hm_tlog_proof *p, struct cli_record *r,
                                struct cli_fault *f, struct hm_why *why)
{
    struct hm_why inner = {""};
    r->bytes = p->record;
    r->checkpoint = p->checkpoint;
    r->leaf = hm_merkle_leaf(hm_buf_bytes(&r->bytes));
    if (hm_record_parse(hm_buf_bytes(&r->bytes), &r->record, &inner) != HM_OK)
        return cli_fault(f, CLI_FAULT_MALFORMED, p->index, "a record of docs/formats/record.md",
                         inner.text, why);
    if (r->record.idx != p->index)
        return cli_fault_number(f, CLI_FAULT_IDX, p->index, p->index, r->record.idx, why);
    return HM_OK;
}

enum hm_err cli_verify_proof(struct hm_bytes proof, const struct cli_verify_input *in,
                             struct cli_record *out, size_t *cosigned, struct cli_fault *f,
                             struct hm_why *why)
{
    struct hm_bytes note = {NULL, 0};
    struct hm_tlog_proof p = {.index = 0};
    struct cli_record r = {.text = {.limit = HM_TLOG_PROOF_MAX + 1}};
    *f = (struct cli_fault){.kind = CLI_FAULT_NONE};
    enum hm_err err = find_note(proof, &note)
                          ? check_note(note, in, cosigned, f, why)
                          : cli_fault(f, CLI_FAULT_PROOF_MALFORMED, 0,
                                      "a blank line before the checkpoint", "none", why);
    if (err == HM_OK)
        err = check_path(proof, in->keys.log, &p, f, why);
    if (err == HM_OK)
        err = check_record(&p, &r, f, why);
    if (err == HM_OK) {
        hm_buf_put(&r.text, proof.data, proof.len);
        *out = r;
        return hm_buf_err(&r.text);
    }
    cli_record_free(&r);
    return f->kind != CLI_FAULT_NONE ? cli_fault_place(f, why) : err;
}
