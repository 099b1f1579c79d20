/* in-toto Statement v1 with SLSA provenance v1 (payloadType application/vnd.in-toto+json). Unknown
 * members are ignored. */
#ifndef SCHEMA_ATTEST_HM_PROVENANCE_H
#define SCHEMA_ATTEST_HM_PROVENANCE_H

#include "schema/core/hm_hash.h"
#include "schema/core/hm_limits.h"

#define HM_INTOTO_PAYLOAD_TYPE "application/vnd.in-toto+json"
#define HM_PROVENANCE_SUBJECTS_MAX 64
#define HM_PROVENANCE_SOURCES_MAX 8

/* From a uri "git+REPOSITORY[@REF]". The ref begins behind the first '@' of the path: refs hold
 * slashes and may hold
 * '@', and a user name (ssh://git@host/…) stands in the authority, before the path. */
struct hm_source {
    char repository[HM_URI_MAX + 1]; /* without "git+" and without "@ref" */
    char ref[HM_URI_MAX + 1];        /* "" if the uri names none */
    char commit[65];                 /* gitCommit or sha1 hex, "" if none */
};
struct hm_provenance {
    char builder[HM_URI_MAX + 1];
    struct hm_digest subjects[HM_PROVENANCE_SUBJECTS_MAX];
    size_t subject_count;
    struct hm_source
        sources[HM_PROVENANCE_SOURCES_MAX]; /* resolvedDependencies whose uri begins with "git+" */
    size_t source_count;
};
enum hm_statement_type {
    HM_STATEMENT_OTHER = 0, /* well-formed in-toto statement with another predicate */
    HM_STATEMENT_SLSA_V1,
};
/* payload: the verified DSSE payload. Every subject must have a sha256. out is filled for
 * HM_STATEMENT_SLSA_V1 only. HM_E_MALFORMED with the path of what is wrong, HM_E_LIMIT. */
enum hm_err HM_MUST_USE hm_provenance_parse(struct hm_bytes payload, enum hm_statement_type *type,
                                            struct hm_provenance *out, struct hm_why *why);

#endif
