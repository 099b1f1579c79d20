/* in-toto Statement v1 with SLSA provenance v1 (payloadType application/vnd.in-toto+json). Unknown
 * members are ignored. */
#ifndef SCHEMA_ATTEST_HM_PROVENANCE_H
#define SCHEMA_ATTEST_HM_PROVENANCE_H

#include "schema/core/hm_hash.h"
#include "schema/core/hm_limits.h"

#include <jansson.h>

#define HM_INTOTO_PAYLOAD_TYPE "application/vnd.in-toto+json"
#define HM_PROVENANCE_SUBJECTS_MAX 64
#define HM_PROVENANCE_SOURCES_MAX 8
#define HM_PROVENANCE_MARKS_MAX 512   /* what stands behind them is not looked at */
#define HM_PROVENANCE_POINTER_MAX 256 /* bytes of a JSON Pointer to an external parameter */
#define HM_PROVENANCE_VALUE_MAX 512   /* bytes of a parameter's text */
#define HM_RESULT_MAX 64              /* bytes of a predicate's `result` */

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
    int64_t finished_s; /* runDetails.metadata.finishedOn, 0: not said */
    /* One for each external parameter (text, integer or boolean), one or two for each resolved
     * dependency: they say whether something stands there, not what does. */
    struct hm_digest marks[HM_PROVENANCE_MARKS_MAX];
    size_t mark_count;
};
/* The mark of an external parameter: JSON Pointer (RFC 6901) and value. False: no mark (another
 * kind of value, or too long). */
bool hm_provenance_parameter(const char *pointer, const json_t *value, struct hm_digest *out);
/* The mark of a resolved dependency; sha256 NULL: whatever its digest. */
struct hm_digest hm_provenance_dependency(const char *uri, const struct hm_digest *sha256);
/* Any in-toto Statement v1: what it is about, and of which kind. */
struct hm_statement {
    char predicate[HM_URI_MAX + 1];
    char result[HM_RESULT_MAX + 1]; /* the predicate's member of that name, "" if it has no text */
    struct hm_digest subjects[HM_PROVENANCE_SUBJECTS_MAX];
    size_t subject_count;
};
/* payload: the verified DSSE payload. HM_E_MALFORMED with the path of what is wrong, HM_E_LIMIT. */
enum hm_err HM_MUST_USE hm_statement_parse(struct hm_bytes payload, struct hm_statement *out,
                                           struct hm_why *why);
enum hm_statement_type {
    HM_STATEMENT_OTHER = 0, /* well-formed in-toto statement with another predicate */
    HM_STATEMENT_SLSA_V1,
};
/* payload: the verified DSSE payload. Every subject must have a sha256. out is filled for
 * HM_STATEMENT_SLSA_V1 only. HM_E_MALFORMED with the path of what is wrong, HM_E_LIMIT. */
enum hm_err HM_MUST_USE hm_provenance_parse(struct hm_bytes payload, enum hm_statement_type *type,
                                            struct hm_provenance *out, struct hm_why *why);

#endif
