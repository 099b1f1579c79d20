/* C2SP tlog-proof with the record in its extra line. Pure; any thread. */
#include "schema/log/hm_tlog_proof.h"

#include "schema/core/hm_text.h"
#include "schema/log/hm_note_priv.h"

#include <string.h>

static const char header[] = "c2sp.org/tlog-proof@v1";

void hm_tlog_proof_write(struct hm_bytes record, uint64_t index, const struct hm_path *path,
                         struct hm_bytes note, struct hm_buf *out)
{
    hm_buf_printf(out, "%s\nextra ", header);
    hm_base64(out, record);
    hm_buf_printf(out, "\nindex %llu\n", (unsigned long long)index);
    hm_path_write(path, out);
    hm_buf_putc(out, '\n');
    hm_buf_put(out, note.data, note.len);
}

/* The next line, which must begin with prefix; *value is what follows. */
static bool prefixed_line(struct hm_bytes *rest, const char *prefix, struct hm_bytes *value)
{
    struct hm_bytes line;
    size_t n = strlen(prefix);
    if (!hm_note_line(rest, &line) || line.len < n || memcmp(line.data, prefix, n) != 0)
        return false;
    *value = hm_bytes_of(line.data + n, line.len - n);
    return true;
}

static enum hm_err parse_head(struct hm_bytes *rest, struct hm_buf *record, uint64_t *index,
                              struct hm_why *why)
{
    struct hm_bytes line;
    struct hm_bytes extra;
    struct hm_bytes number;
    if (!hm_note_line(rest, &line) || !hm_bytes_eq_str(line, header))
        return hm_fail(why, HM_E_MALFORMED, "log proof: line 1: expected \"%s\"", header);
    if (!prefixed_line(rest, "extra ", &extra))
        return hm_fail(why, HM_E_MALFORMED, "log proof: line 2: expected \"extra \" and a record");
    enum hm_err e = hm_unbase64(extra, record);
    if (e != HM_OK)
        return hm_fail(why, e, "log proof: line 2: expected the base64 of at most %d bytes",
                       HM_RECORD_MAX);
    if (!prefixed_line(rest, "index ", &number) || hm_decimal(number, UINT64_MAX, index) != HM_OK)
        return hm_fail(why, HM_E_MALFORMED, "log proof: line 3: expected \"index \" and a decimal");
    return HM_OK;
}

enum hm_err hm_tlog_proof_open(struct hm_bytes proof, const struct hm_vkey *v,
                               struct hm_tlog_proof *out, struct hm_why *why)
{
    HM_BUF_AUTO record = {.limit = HM_RECORD_MAX};
    struct hm_tlog_proof p = {0};
    struct hm_bytes rest = proof;
    if (proof.len > HM_TLOG_PROOF_MAX)
        return hm_fail(why, HM_E_LIMIT, "log proof: more than %zu bytes", HM_TLOG_PROOF_MAX);
    enum hm_err e = parse_head(&rest, &record, &p.index, why);
    if (e == HM_OK)
        e = hm_path_read(&rest, "log proof", &p.path, why);
    if (e == HM_OK)
        e = hm_checkpoint_open(rest, v, &p.checkpoint, why);
    if (e != HM_OK)
        return e;
    struct hm_digest leaf = hm_merkle_leaf(hm_buf_bytes(&record));
    e = hm_merkle_check_inclusion(p.index, p.checkpoint.size, &leaf, &p.path, &p.checkpoint.root);
    if (e != HM_OK)
        return hm_fail(why, e, "log proof: entry %llu is not under the checkpoint of size %llu",
                       (unsigned long long)p.index, (unsigned long long)p.checkpoint.size);
    p.record = record;
    record = (struct hm_buf){0};
    *out = p;
    return HM_OK;
}
