/* The writer's authorizer: after the set-up a statement may read, append to the log's tables, and
 * change the decision tables. Everything else (DROP, ALTER, ATTACH, PRAGMA, CREATE, UPDATE or
 * DELETE of log rows) does not compile. */
#include "db/log/db_log_priv.h"

#include <string.h>

static bool listed(const char *name, const char *const *list)
{
    for (; name != NULL && *list != NULL; list++)
        if (strcmp(name, *list) == 0)
            return true;
    return false;
}

static const char *const all_tables[] = {
    "record",   "evidence", "checkpoint",     "cosigned", "head",    "detail", "release",
    "approval", "artifact", "class",          "counter",  "request", "answer", "meta",
    "latest",   "signed",   "artifact_again", "progress", "open",    NULL};
static const char *const no_insert[] = {"head", "counter", NULL};
static const char *const updatable[] = {"head", "progress", "class", "counter",
                                        "meta", "latest",   NULL};
static const char *const deletable[] = {"detail", "request", "answer", "open", NULL};
static const char *const columns[] = {"table_info", "table_xinfo", NULL};
static const char *const functions[] = {"max", "coalesce", "count", "sum", NULL};

static bool allowed(int action, const char *a, const char *b)
{
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_TRANSACTION:
        return true;
    case SQLITE_READ:
        return listed(a, all_tables);
    case SQLITE_INSERT:
        return listed(a, all_tables) && !listed(a, no_insert);
    case SQLITE_UPDATE:
        return (listed(a, updatable) && !(strcmp(a, "head") == 0 && strcmp(b, "origin") == 0)) ||
               (strcmp(a, "release") == 0 && strcmp(b, "dead") == 0);
    case SQLITE_DELETE:
        return listed(a, deletable);
    case SQLITE_PRAGMA: /* the mirror's session looks at columns */
        return listed(a, columns);
    case SQLITE_SAVEPOINT: /* and reads what it has changed */
        return strcmp(b, "changeset") == 0;
    case SQLITE_FUNCTION:
        return listed(b, functions);
    default:
        return false;
    }
}

static int authorize(void *ctx, int action, const char *a, const char *b, const char *database,
                     const char *trigger)
{
    (void)ctx;
    (void)trigger;
    bool main_only = database == NULL || strcmp(database, "main") == 0;
    return main_only && allowed(action, a, b) ? SQLITE_OK : SQLITE_DENY;
}

enum hm_err db_log_guard(struct db_log *log, bool on, struct hm_why *why)
{
    int rc = sqlite3_set_authorizer(log->sql.db, on ? authorize : NULL, NULL);
    return rc == SQLITE_OK ? HM_OK : db_sql_fail(log->sql.db, rc, why, "cannot set the authorizer");
}
