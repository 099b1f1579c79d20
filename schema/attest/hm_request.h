/* Release request, release-request/v1 (docs/formats/release-request.md). */
#ifndef SCHEMA_ATTEST_HM_REQUEST_H
#define SCHEMA_ATTEST_HM_REQUEST_H

#include "schema/core/hm_hash.h"
#include "schema/core/hm_limits.h"

struct hm_hardware {
    char model[HM_NAME_MAX + 1];
    char revision[HM_NAME_MAX + 1];
};
struct hm_dependency {
    char product[HM_NAME_MAX + 1];
    char version[HM_NAME_MAX + 1];
};
struct hm_artifact {
    char name[HM_NAME_MAX + 1];
    struct hm_digest digest;
    uint64_t size;
    char uri[HM_URI_MAX + 1];
    int slot; /* -1: none given */
};
struct hm_request {
    char origin[HM_ORIGIN_MAX + 1];
    uint8_t nonce[16];
    int64_t expires_s;
    char product[HM_NAME_MAX + 1];
    char version[HM_NAME_MAX + 1];
    char channel[HM_NAME_MAX + 1];
    const char *environment; /* only its rules shall decide; static (hm_environment), NULL = any */
    struct hm_hardware hardware[HM_HARDWARE_MAX];
    size_t hardware_count;
    char regions[HM_REGIONS_MAX][HM_NAME_MAX + 1];
    size_t region_count;
    struct hm_dependency dependencies[HM_DEPENDENCIES_MAX];
    size_t dependency_count;
    struct hm_artifact artifacts[HM_ARTIFACTS_MAX];
    size_t artifact_count;
    struct hm_digest attestations[HM_ATTESTATIONS_MAX];
    size_t attestation_count;
    int64_t use_before_s;    /* 0 = none */
    uint64_t rollback_floor; /* 0 = none */
    uint32_t at_least[4];
    size_t at_least_count; /* 0 = none */
    char break_glass[HM_REASON_MAX +
                     1]; /* why break-glass rules shall decide; "" = they shall not */
};
/* Strict: type exact, everything in docs/formats/release-request.md. HM_E_MALFORMED, HM_E_LIMIT
 * with a path. */
enum hm_err HM_MUST_USE hm_request_parse(struct hm_bytes json, struct hm_request *out,
                                         struct hm_why *why);
/* Canonical JSON of a request, for clients and tests. */
enum hm_err HM_MUST_USE hm_request_write(const struct hm_request *r, struct hm_buf *out,
                                         struct hm_why *why);
/* Dotted decimals at the start of a version ("2.1.0-rc1" -> 2,1,0): 1 to 4 numbers below 2^32. */
enum hm_err HM_MUST_USE hm_version_numbers(const char *version, uint32_t out[static 4],
                                           size_t *count);

#endif
