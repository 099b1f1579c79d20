#include "server/registrar/reg_approval.h"

#include <string.h>

enum hm_err reg_approval_read(struct db_reader *reader, enum hm_event event, uint64_t about,
                              const struct db_approval *a, struct hm_buf *document,
                              struct hm_why *why)
{
    HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
    struct hm_record r;
    enum hm_err err = db_reader_record(reader, a->record, &bytes, why);
    if (err == HM_OK)
        err = hm_record_parse(hm_buf_bytes(&bytes), &r, why);
    if (err != HM_OK)
        return err;
    bool policy = event == HM_EV_POLICY_APPROVED;
    bool same =
        policy ? r.has_proposal && r.proposal == about : r.has_release && r.release == about;
    if (r.event != event || !same || !r.has_approver_key ||
        !hm_digest_eq(&r.approver_key, &a->key) || strcmp(r.actor, a->principal) != 0)
        return hm_fail(why, HM_E_HISTORY,
                       "record %llu is no approval of %s %s%llu by %s with this key",
                       (unsigned long long)a->record, policy ? "proposal" : "release",
                       policy ? "" : "r", (unsigned long long)about, a->principal);
    return db_reader_evidence(reader, a->record, 0, HM_SIGNED_MAX, document, why);
}
