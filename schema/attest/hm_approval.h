/* Approval statement, release-approval/v1 (docs/formats/approval-statement.md). */
#ifndef SCHEMA_ATTEST_HM_APPROVAL_H
#define SCHEMA_ATTEST_HM_APPROVAL_H

#include "schema/attest/hm_provenance.h"
#include "schema/attest/hm_request.h"

struct hm_sign_entry {
    struct hm_digest key; /* key id */
    char mechanism[16];   /* "ESP256" */
    struct hm_digest tbs; /* SHA-256 of the bytes that the key will sign */
};
struct hm_approval {
    char origin[HM_ORIGIN_MAX + 1];
    struct hm_digest submitted; /* leaf hash of the release.submitted record */
    uint64_t release;           /* its index */
    char product[HM_NAME_MAX + 1];
    char version[HM_NAME_MAX + 1];
    char channel[HM_NAME_MAX + 1];
    char environment[HM_NAME_MAX + 1];
    char break_glass[HM_REASON_MAX + 1]; /* "": no such line */
    struct hm_hardware hardware[HM_HARDWARE_MAX];
    size_t hardware_count;
    char regions[HM_REGIONS_MAX][HM_NAME_MAX + 1];
    size_t region_count;
    struct hm_dependency dependencies[HM_DEPENDENCIES_MAX];
    size_t dependency_count;
    uint64_t sequence;
    struct hm_source source; /* empty strings are written as "-" */
    char builder[HM_URI_MAX + 1];
    struct hm_artifact artifacts[HM_ARTIFACTS_MAX]; /* digest, size, name */
    size_t artifact_count;
    struct hm_digest manifest;
    struct hm_digest policy;
    struct hm_sign_entry sign[HM_SIGN_KEYS_MAX];
    size_t sign_count;
    int64_t expires_s;
};
/* Fills what the statement takes over from the request as it stands there. */
void hm_approval_of_request(const struct hm_request *r, struct hm_approval *a);
/* Appends the statement. The same values give the same bytes. */
enum hm_err HM_MUST_USE hm_approval_write(const struct hm_approval *a, struct hm_buf *out,
                                          struct hm_why *why);
/* Strict: what it accepts, hm_approval_write writes again byte for byte. HM_E_MALFORMED names the
 * line. */
enum hm_err HM_MUST_USE hm_approval_parse(struct hm_bytes text, struct hm_approval *out,
                                          struct hm_why *why);

#endif
