#include "client/cli_fault.h"

#include "schema/json/hm_json_canon.h"

#include <inttypes.h>

enum place { RECORD, CHECKPOINT, READ, PROVEN };

static const struct {
    const char *name;
    const char *what;
    enum hm_err err;
    enum place place;
} kinds[CLI_FAULT_KINDS] = {
    [CLI_FAULT_NONE] = {"none", "nothing is wrong", HM_E_INTERNAL, READ},
    [CLI_FAULT_RECORD_MISSING] = {"record-missing", "it is not there", HM_E_HISTORY, RECORD},
    [CLI_FAULT_MALFORMED] = {"malformed", "no record in its one strict form", HM_E_MALFORMED,
                             RECORD},
    [CLI_FAULT_IDX] = {"idx", "its own index is another one", HM_E_HISTORY, RECORD},
    [CLI_FAULT_PREV] = {"prev", "'prev' is not the leaf hash of the record before", HM_E_HISTORY,
                        RECORD},
    [CLI_FAULT_T_MS] = {"t_ms", "its time is before the one of the record before", HM_E_HISTORY,
                        RECORD},
    [CLI_FAULT_CREATED] = {"created", "log.created stands at index 0 and nowhere else",
                           HM_E_HISTORY, RECORD},
    [CLI_FAULT_HASHES] = {"hashes", "the stored tree is not the one that the records make",
                          HM_E_HISTORY, RECORD},
    [CLI_FAULT_RELEASE] = {"release", "not about a release that was submitted", HM_E_DENIED,
                           RECORD},
    [CLI_FAULT_INTENTION] = {"intention", "an intention that may not stand here", HM_E_DENIED,
                             RECORD},
    [CLI_FAULT_RESULT] = {"result", "not the result of an intention", HM_E_DENIED, RECORD},
    [CLI_FAULT_STATE] = {"state", "no legal step of a release", HM_E_DENIED, RECORD},
    [CLI_FAULT_SEQUENCE] = {"sequence", "the sequence number is not the one to come", HM_E_DENIED,
                            RECORD},
    [CLI_FAULT_EARLY_SIGNATURE] = {"early-signature",
                                   "signed before its intention was under a checkpoint",
                                   HM_E_DENIED, RECORD},
    [CLI_FAULT_EVIDENCE_MISSING] = {"evidence-missing", "evidence that it names is not there",
                                    HM_E_HISTORY, RECORD},
    [CLI_FAULT_EVIDENCE] = {"evidence", "evidence is not what it names", HM_E_SIGNATURE, RECORD},
    [CLI_FAULT_EVIDENCE_EXTRA] = {"evidence-extra", "evidence that it does not name", HM_E_HISTORY,
                                  RECORD},
    [CLI_FAULT_DETAIL] = {"detail", "the private detail is not what it names", HM_E_SIGNATURE,
                          RECORD},
    [CLI_FAULT_DETAIL_EXTRA] = {"detail-extra", "private detail that it does not name",
                                HM_E_HISTORY, RECORD},
    [CLI_FAULT_DETAIL_MISSING] = {"detail-missing",
                                  "its private detail is gone, and no record says who erased it",
                                  HM_E_HISTORY, RECORD},
    [CLI_FAULT_DETAIL_KEPT] = {"detail-kept", "its private detail was to be erased", HM_E_DENIED,
                               RECORD},
    [CLI_FAULT_ERASURE] = {"erasure", "not what can be said about erased detail", HM_E_DENIED,
                           RECORD},
    [CLI_FAULT_UNCOVERED] = {"uncovered", "no checkpoint covers it: nobody has signed for it",
                             HM_E_HISTORY, RECORD},
    [CLI_FAULT_CHECKPOINT_MISSING] = {"checkpoint-missing", "there is none", HM_E_HISTORY,
                                      CHECKPOINT},
    [CLI_FAULT_CHECKPOINT_MALFORMED] = {"checkpoint-malformed", "no signed checkpoint",
                                        HM_E_MALFORMED, CHECKPOINT},
    [CLI_FAULT_CHECKPOINT_ORIGIN] = {"checkpoint-origin", "of another log", HM_E_SIGNATURE,
                                     CHECKPOINT},
    [CLI_FAULT_CHECKPOINT_SIZE] = {"checkpoint-size", "it names another size", HM_E_HISTORY,
                                   CHECKPOINT},
    [CLI_FAULT_CHECKPOINT_ROOT] = {"checkpoint-root", "the records do not make its root",
                                   HM_E_HISTORY, CHECKPOINT},
    [CLI_FAULT_CHECKPOINT_SIGNATURE] = {"checkpoint-signature", "the log's key did not sign it",
                                        HM_E_SIGNATURE, CHECKPOINT},
    [CLI_FAULT_COSIGNED] = {"cosigned", "what witnesses cosigned is not the stored checkpoint",
                            HM_E_HISTORY, CHECKPOINT},
    [CLI_FAULT_COSIGNATURE] = {"cosignature", "a witness's cosignature does not hold",
                               HM_E_SIGNATURE, CHECKPOINT},
    [CLI_FAULT_WITNESSES] = {"witnesses", "too few witnesses have cosigned it", HM_E_DENIED,
                             CHECKPOINT},
    [CLI_FAULT_FORK] = {"fork",
                        "up to here the log is another one than in the checkpoint that was seen "
                        "before: it was forked or rewritten",
                        HM_E_HISTORY, CHECKPOINT},
    [CLI_FAULT_ROLLBACK] = {"rollback",
                            "it was seen before, and the log has become shorter: its "
                            "tail was cut",
                            HM_E_HISTORY, CHECKPOINT},
    [CLI_FAULT_HEAD] = {"head", "the head does not tell where the records end", HM_E_HISTORY, READ},
    [CLI_FAULT_DATABASE] = {"database", "the file is damaged", HM_E_HISTORY, READ},
    [CLI_FAULT_PROOF_MALFORMED] = {"proof-malformed", "no proof of a record", HM_E_MALFORMED,
                                   PROVEN},
    [CLI_FAULT_INCLUSION] = {"inclusion", "the record is not under the checkpoint", HM_E_SIGNATURE,
                             PROVEN},
};

const char *cli_fault_name(enum cli_fault_kind k)
{
    return (unsigned)k < CLI_FAULT_KINDS ? kinds[k].name : "?";
}

enum hm_err cli_fault(struct cli_fault *f, enum cli_fault_kind kind, uint64_t index,
                      const char *expected, const char *found, struct hm_why *why)
{
    *f = (struct cli_fault){.kind = kind, .index = index};
    (void)snprintf(f->expected, sizeof f->expected, "%s", expected);
    (void)snprintf(f->found, sizeof f->found, "%s", found);
    return hm_fail(why, kinds[kind].err, "%s: expected %s, found %s", kinds[kind].what, f->expected,
                   f->found);
}

enum hm_err cli_fault_digest(struct cli_fault *f, enum cli_fault_kind kind, uint64_t index,
                             const struct hm_digest *expected, const struct hm_digest *found,
                             struct hm_why *why)
{
    char e[HM_SHA256_HEX];
    char g[HM_SHA256_HEX];
    hm_digest_hex(expected, e);
    hm_digest_hex(found, g);
    return cli_fault(f, kind, index, e, g, why);
}

enum hm_err cli_fault_number(struct cli_fault *f, enum cli_fault_kind kind, uint64_t index,
                             uint64_t expected, uint64_t found, struct hm_why *why)
{
    char e[24];
    char g[24];
    (void)snprintf(e, sizeof e, "%" PRIu64, expected);
    (void)snprintf(g, sizeof g, "%" PRIu64, found);
    return cli_fault(f, kind, index, e, g, why);
}

enum hm_err cli_fault_place(const struct cli_fault *f, struct hm_why *why)
{
    enum hm_err err = kinds[f->kind].err;
    switch (kinds[f->kind].place) {
    case RECORD:
        return hm_fail_in(why, err, "record %" PRIu64, f->index);
    case CHECKPOINT:
        return hm_fail_in(why, err, "checkpoint of size %" PRIu64, f->index);
    case PROVEN:
        return hm_fail_in(why, err, "proof of record %" PRIu64, f->index);
    case READ:
        break;
    }
    return hm_fail_in(why, err, "after %" PRIu64 " records", f->index);
}

void cli_fault_json(const struct cli_fault *f, FILE *out)
{
    HM_BUF_AUTO b = {.limit = 4096};
    hm_buf_printf(&b, "{\"index\":%" PRIu64 ",\"kind\":\"%s\",\"expected\":", f->index,
                  cli_fault_name(f->kind));
    hm_json_canon_str(&b, hm_bytes_str(f->expected));
    hm_buf_puts(&b, ",\"found\":");
    hm_json_canon_str(&b, hm_bytes_str(f->found));
    hm_buf_putc(&b, '}');
    if (hm_buf_err(&b) == HM_OK)
        (void)fwrite(b.data, 1, b.len, out);
}
