#include "server/ident/ident_crl.h"

#include "schema/attest/hm_crl.h"
#include "schema/core/hm_time.h"
#include "server/ident/ident_file.h"
#include "server/ipc/proc_log.h"

#include <pthread.h>
#include <stdlib.h>

/* One reading of the file; whoever checks by it holds a reference. */
struct reading {
    atomic_uint refs;
    struct hm_crls *crls;
};
struct ident_crl {
    const char *program;
    struct hm_bytes ca;
    pthread_mutex_t lock; /* file, now */
    struct ident_file file;
    struct reading *now;
    _Atomic uint64_t generation;
    _Atomic int64_t until_s;
};

static void drop(struct reading *r)
{
    if (r == NULL || atomic_fetch_sub(&r->refs, 1) != 1)
        return;
    hm_crls_close(r->crls);
    free(r);
}

/* Under the lock. */
static enum hm_err read_again(struct ident_crl *c, bool *fresh, struct hm_why *why)
{
    HM_BUF_AUTO text = {.limit = HM_CRL_FILE_MAX};
    struct hm_crls *crls = NULL;
    enum hm_err err = ident_file_look(&c->file, fresh, &text, why);
    if (err != HM_OK || !*fresh)
        return err;
    err = hm_crls_open(hm_buf_bytes(&text), c->ca, &crls, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "%s", c->file.path);
    struct reading *r = calloc(1, sizeof *r);
    if (r == NULL) {
        hm_crls_close(crls);
        return hm_fail(why, HM_E_MEMORY, "no memory for the revocation lists");
    }
    atomic_init(&r->refs, 1);
    r->crls = crls;
    drop(c->now);
    c->now = r;
    atomic_store(&c->until_s, hm_crls_until(crls));
    atomic_fetch_add(&c->generation, 1);
    return HM_OK;
}

enum hm_err ident_crl_open(const char *program, const char *path, struct hm_bytes ca_pem,
                           struct ident_crl **out, struct hm_why *why)
{
    bool fresh = false;
    struct ident_crl *c = calloc(1, sizeof *c);
    if (c == NULL || pthread_mutex_init(&c->lock, NULL) != 0) {
        free(c);
        return hm_fail(why, HM_E_MEMORY, "no memory for the revocation lists");
    }
    c->program = program;
    c->ca = ca_pem;
    ident_file_init(&c->file, path, HM_CRL_FILE_MAX);
    if (read_again(c, &fresh, why) != HM_OK) {
        ident_crl_close(c);
        return hm_fail_in(why, HM_E_CONFIG, "client_crl");
    }
    *out = c;
    return HM_OK;
}

void ident_crl_close(struct ident_crl *c)
{
    if (c == NULL)
        return;
    drop(c->now);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

uint64_t ident_crl_generation(struct ident_crl *c)
{
    struct hm_why why = {""};
    bool fresh = false;
    /* Whoever comes while another one reads goes by what was there. */
    if (ident_file_due(&c->file) && pthread_mutex_trylock(&c->lock) == 0) {
        enum hm_err err = read_again(c, &fresh, &why);
        (void)pthread_mutex_unlock(&c->lock);
        if (err != HM_OK)
            proc_log(c->program, PROC_WARNING, "%s; the lists read before stay in force", why.text);
        else if (fresh)
            proc_log(c->program, PROC_INFO, "%s: revocation lists read", c->file.path);
    }
    return atomic_load(&c->generation);
}

int64_t ident_crl_until(struct ident_crl *c)
{
    return atomic_load_explicit(&c->until_s, memory_order_relaxed);
}

enum hm_err ident_crl_fresh(struct ident_crl *c, int64_t now_s, struct hm_why *why)
{
    char until[HM_TIME_TEXT];
    int64_t until_s = ident_crl_until(c);
    if (now_s <= until_s)
        return HM_OK;
    hm_time_format(until_s, until);
    return hm_fail(why, HM_E_DENIED,
                   "the revocation list is stale (its next update was due %s): without a fresh one "
                   "no certificate is accepted",
                   until);
}

static struct reading *borrow(struct ident_crl *c)
{
    (void)pthread_mutex_lock(&c->lock);
    struct reading *r = c->now;
    atomic_fetch_add(&r->refs, 1);
    (void)pthread_mutex_unlock(&c->lock);
    return r;
}

enum hm_err ident_crl_check_der(struct ident_crl *c, const struct hm_bytes *chain, size_t count,
                                int64_t now_s, struct hm_why *why)
{
    enum hm_err err = ident_crl_fresh(c, now_s, why);
    if (err != HM_OK)
        return err;
    struct reading *r = borrow(c);
    err = hm_crls_check_der(r->crls, chain, count, now_s, why);
    drop(r);
    return err;
}

enum hm_err ident_crl_check_pem(struct ident_crl *c, struct hm_bytes pem, int64_t now_s,
                                struct hm_why *why)
{
    enum hm_err err = ident_crl_fresh(c, now_s, why);
    if (err != HM_OK)
        return err;
    struct reading *r = borrow(c);
    err = hm_crls_check_pem(r->crls, pem, now_s, why);
    drop(r);
    return err;
}
