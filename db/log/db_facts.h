/* What policies ask about earlier releases: derived from the records as they are appended, in the
 * same transaction, and asked only where a rule wants it. Writer's thread. */
#ifndef DB_LOG_DB_FACTS_H
#define DB_LOG_DB_FACTS_H

#include "db/log/db_log.h"

#define DB_FACTS_EARLIER_MAX 16

/* The last release that was signed for this product and channel. HM_E_NOT_FOUND. */
enum hm_err HM_MUST_USE db_facts_last(struct db_log *log, const char *product, const char *channel,
                                      uint64_t *release, struct hm_why *why);
/* Unix seconds of the latest signatures by a key, after since_s, newest first, at most max. */
enum hm_err HM_MUST_USE db_facts_signed_at(struct db_log *log, const struct hm_digest *key,
                                           int64_t since_s, size_t max, int64_t *out, size_t *count,
                                           struct hm_why *why);
/* Signed releases of an environment that hold this artifact, the oldest DB_FACTS_EARLIER_MAX. */
enum hm_err HM_MUST_USE db_facts_earlier(struct db_log *log, const struct hm_digest *artifact,
                                         const char *environment,
                                         uint64_t out[static DB_FACTS_EARLIER_MAX], size_t *count,
                                         struct hm_why *why);
/* A record's bytes, and evidence n of it, appended: as the writer sees them, in its transaction. */
enum hm_err HM_MUST_USE db_facts_record(struct db_log *log, uint64_t idx, struct hm_buf *out,
                                        struct hm_why *why);
enum hm_err HM_MUST_USE db_facts_evidence(struct db_log *log, uint64_t idx, unsigned n,
                                          struct hm_buf *out, struct hm_why *why);

#endif
