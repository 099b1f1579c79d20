/* How the facts of a case are read, part by part. */
#ifndef CLIENT_CLI_CASE_PRIV_H
#define CLIENT_CLI_CASE_PRIV_H

#include "client/cli_case.h"
#include "schema/core/hm_time.h"
#include "schema/json/hm_json.h"

/* Where facts are read into, and what they are about. */
struct case_reader {
    const struct policy *p;
    struct cli_case_facts *f;
    struct hm_why *why;
};

/* HM_E_MALFORMED with "<path of element i>: "text": expected …". text NULL: left out. */
enum hm_err case_at(const struct hm_json_in *in, const char *member, size_t i, struct hm_why *why,
                    const char *text, const char *expected);
/* "firmware.bin" or "sha256:<hex>". */
bool case_digest(const json_t *v, struct hm_digest *out);
enum hm_err HM_MUST_USE case_digests(const struct hm_json_in *in, const char *member,
                                     const json_t *list, struct hm_digest *out, struct hm_why *why);
/* An optional time; latches an error. */
void case_time(struct hm_json_in *in, const char *member, int64_t *out);

/* Somebody of the policy, or {"stranger": name}; i < 0: no index. NULL with the error set. */
const char *case_person(struct case_reader *r, const struct hm_json_in *in, const char *member,
                        long i, const json_t *v);

/* cli_case_history.c */
enum hm_err HM_MUST_USE case_read_history(struct case_reader *r, struct hm_json_in *in);
/* cli_case_evidence.c */
enum hm_err HM_MUST_USE case_read_evidence(struct case_reader *r, struct hm_json_in *in);

#endif
