/* Putting a copy of the log into place. Nothing is ever written over, and what the signer would
 * refuse is refused here. */
#include "server/registrar/reg_restore.h"

#include "db/log/db_state.h"
#include "server/registrar/reg_signer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ULL(v) ((unsigned long long)(v))

/* The file and what belongs to it. */
static void discard(const char *path)
{
    static const char *const suffix[] = {"", "-wal", "-shm", "-journal", "-reserve"};
    char name[4200];
    for (size_t i = 0; i < sizeof suffix / sizeof suffix[0]; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, suffix[i]);
        (void)unlink(name);
    }
}

static enum hm_err check_free(const char *path, struct hm_why *why)
{
    static const char *const suffix[] = {"", "-wal", "-journal"};
    char name[4200];
    for (size_t i = 0; i < sizeof suffix / sizeof suffix[0]; i++) {
        (void)snprintf(name, sizeof name, "%.4096s%s", path, suffix[i]);
        if (access(name, F_OK) == 0)
            return hm_fail(why, HM_E_CONFLICT,
                           "%s is there: nothing is restored over a log. Stop the registrar, move "
                           "this file and all that begin with its name away, and keep them",
                           name);
    }
    return HM_OK;
}

/* Does the copy hold what the signer signed last? */
static enum hm_err compare(const struct reg_signer_hello *h, struct db_log *log, struct hm_why *why)
{
    struct hm_frontier f;
    uint64_t size = db_log_size(log);
    if (h->last_size > size)
        return hm_fail(why, HM_E_HISTORY,
                       "this copy has %llu records, and the signer has signed a checkpoint over "
                       "%llu: it would refuse to go on from here, and so would everybody who has "
                       "seen more. Restore a newer copy: the mirror, a later backup, the database "
                       "that was moved away (docs/operations.md, \"The log is lost or was cut\")",
                       ULL(size), ULL(h->last_size));
    if (h->last_size == 0)
        return HM_OK;
    enum hm_err err = hm_merkle_frontier(h->last_size, db_log_node, log, &f, why);
    if (err != HM_OK)
        return err;
    struct hm_digest root = hm_frontier_root(&f);
    if (hm_digest_eq(&root, &h->last_root))
        return HM_OK;
    return hm_fail(why, HM_E_HISTORY,
                   "in its first %llu records this copy is another log than the one that the "
                   "signer signed: a fork. Keep both (docs/operations.md, \"The signer refuses\")",
                   ULL(h->last_size));
}

static enum hm_err ask_signer(const struct reg_config *c, const struct reg_world *w,
                              struct db_log *log, struct hm_why *why)
{
    struct reg_signer *s = NULL;
    struct hm_why said = {""};
    struct reg_signer_hello *h = calloc(1, sizeof *h);
    enum hm_err err = h != NULL ? reg_signer_open(c->signer_socket, c->signer_timeout_ms, &s, why)
                                : hm_fail(why, HM_E_MEMORY, "no memory");
    enum hm_err met = err == HM_OK ? reg_signer_hello(s, h, &said) : err;
    if (err == HM_OK && met != HM_OK) {
        (void)printf("the signer does not answer (%s): what it has signed is compared when the "
                     "registrar starts\n",
                     said.text);
    } else if (err == HM_OK && strcmp(h->origin, w->genesis.origin) != 0) {
        err = hm_fail(why, HM_E_CONFIG, "the signer holds the key of another log (%s)", h->origin);
    } else if (err == HM_OK) {
        err = compare(h, log, why);
        if (err == HM_OK)
            (void)printf("the signer's last checkpoint is over %llu records: it will go on from "
                         "here\n",
                         ULL(h->last_size));
    }
    reg_signer_close(s);
    if (h != NULL)
        hm_buf_free(&h->last_note);
    free(h);
    return err;
}

static enum hm_err judge(const struct reg_config *c, const struct reg_world *w, const char *file,
                         const char *vkey, const char *verifier, uint64_t *size, struct hm_why *why)
{
    struct db_log *log = NULL;
    enum hm_err err = reg_verify_file(file, vkey, verifier, why);
    if (err == HM_OK)
        err = db_log_open(file, w->genesis.origin, &log, why); /* one of an older version changes */
    if (err == HM_OK)
        err = db_state_check(file, why);
    if (err == HM_OK) {
        *size = db_log_size(log);
        err = ask_signer(c, w, log, why);
    }
    db_log_close(log);
    return err;
}

enum hm_err reg_restore(const struct reg_config *c, const struct reg_world *w, const char *from,
                        const char *vkey, const char *verifier, struct hm_why *why)
{
    char file[4096];
    uint64_t size = 0;
    int n = snprintf(file, sizeof file, "%s.restore", c->database);
    if (n < 0 || (size_t)n >= sizeof file)
        return hm_fail(why, HM_E_LIMIT, "%.200s: path too long", c->database);
    if (access(from, R_OK) != 0)
        return hm_fail(why, HM_E_NOT_FOUND, "%s: %s", from, strerror(errno));
    enum hm_err err = check_free(c->database, why);
    if (err != HM_OK)
        return err;
    discard(file);
    err = db_log_copy_file(from, file, why);
    if (err == HM_OK)
        err = judge(c, w, file, vkey, verifier, &size, why);
    if (err == HM_OK)
        err = db_log_place(file, c->database, why);
    discard(file);
    if (err == HM_OK)
        (void)printf("restored: %s, %llu records. Start the registrar\n", c->database, ULL(size));
    return err;
}
