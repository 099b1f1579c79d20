/* Watches the log as it stands in the read model, and what stands beside it, and keeps the alerts
 * (alert.h). One thread; everybody may ask. New ones go to the journal, once. */
#ifndef SERVER_DOOR_DOOR_ALERTS_H
#define SERVER_DOOR_DOOR_ALERTS_H

#include "server/door/alert.h"
#include "server/door/door_model.h"
#include "server/ident/ident_crl.h"
#include "server/ipc/ipc_pool.h"

struct door_alerts;
struct door_alerts_config {
    const struct alert_config *thresholds;
    struct door_model *model;
    struct ipc_pool *registrar;
    int64_t registrar_timeout_ms;
    const char *query_db;
    struct ident_crl *crl;       /* NULL: no lists are configured */
    struct hm_bytes certificate; /* the door's own, PEM */
};
/* Everything is borrowed. HM_E_MEMORY; HM_E_MALFORMED where its file beside query.db is damaged. */
enum hm_err HM_MUST_USE door_alerts_start(const struct door_alerts_config *c,
                                          struct door_alerts **out, struct hm_why *why);
/* After door_model_wake, before door_model_stop. NULL allowed. */
void door_alerts_stop(struct door_alerts *d);

/* --- facts that others have --- */

/* A client certificate that was verified just now. */
void door_alerts_saw(struct door_alerts *d, const struct hm_digest *fingerprint, const char *who,
                     int64_t not_after_s);
/* The last word of a witness about this log. text: what it has seen, where it disagrees. */
void door_alerts_witness(struct door_alerts *d, const char *name, bool disagrees, const char *text);

/* --- alerts --- */

struct door_alerts_filter {
    bool has_kind, has_severity; /* severity: that or worse */
    enum alert_kind kind;
    enum alert_severity severity;
    bool current;
    uint64_t before_ms; /* keyset cursor: those that began before; UINT64_MAX: all */
    char before_id[17]; /* and at the same moment, those with a smaller id */
    size_t limit;
};
/* Appends alerts as a JSON array's items, newest first; *more with the cursor behind the last one.
 */
enum hm_err HM_MUST_USE door_alerts_write(struct door_alerts *d, const struct door_alerts_filter *f,
                                          struct hm_buf *out, bool *more, uint64_t *next_ms,
                                          char next_id[static 17]);
/* The first alert behind seq; false where there is none. *taken: so many records were looked at,
 * and whatever those before raised is there. */
bool door_alerts_next(struct door_alerts *d, uint64_t seq, struct alert *out, uint64_t *taken);
/* Appends one as JSON, as of now. */
void door_alerts_one(struct door_alerts *d, const struct alert *x, struct hm_buf *out);
/* For /metrics. */
void door_alerts_metrics(struct door_alerts *d, struct hm_buf *out);

#endif
