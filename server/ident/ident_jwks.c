#include "server/ident/ident_jwks.h"

#include "server/ident/ident_file.h"
#include "server/ipc/proc_log.h"

#include <pthread.h>
#include <stdlib.h>

/* One reading of the file; whoever verifies by it holds a reference. */
struct reading {
    atomic_uint refs;
    struct hm_jwks *keys;
};
struct ident_jwks {
    const char *program;
    pthread_mutex_t lock;
    struct ident_file file;
    struct reading *now;
};

static void drop(struct reading *r)
{
    if (r == NULL || atomic_fetch_sub(&r->refs, 1) != 1)
        return;
    hm_jwks_close(r->keys);
    free(r);
}

/* Under the lock. */
static enum hm_err read_again(struct ident_jwks *j, bool *fresh, struct hm_why *why)
{
    HM_BUF_AUTO text = {.limit = HM_JWKS_MAX};
    struct hm_jwks *keys = NULL;
    enum hm_err err = ident_file_look(&j->file, fresh, &text, why);
    if (err != HM_OK || !*fresh)
        return err;
    err = hm_jwks_open(hm_buf_bytes(&text), &keys, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "%s", j->file.path);
    struct reading *r = calloc(1, sizeof *r);
    if (r == NULL) {
        hm_jwks_close(keys);
        return hm_fail(why, HM_E_MEMORY, "no memory for the keys of an issuer");
    }
    atomic_init(&r->refs, 1);
    r->keys = keys;
    drop(j->now);
    j->now = r;
    return HM_OK;
}

enum hm_err ident_jwks_open(const char *program, const char *path, struct ident_jwks **out,
                            struct hm_why *why)
{
    bool fresh = false;
    struct ident_jwks *j = calloc(1, sizeof *j);
    if (j == NULL || pthread_mutex_init(&j->lock, NULL) != 0) {
        free(j);
        return hm_fail(why, HM_E_MEMORY, "no memory for the keys of an issuer");
    }
    j->program = program;
    ident_file_init(&j->file, path, HM_JWKS_MAX);
    if (read_again(j, &fresh, why) != HM_OK) {
        ident_jwks_close(j);
        return hm_fail_in(why, HM_E_CONFIG, "jwks");
    }
    *out = j;
    return HM_OK;
}

void ident_jwks_close(struct ident_jwks *j)
{
    if (j == NULL)
        return;
    drop(j->now);
    (void)pthread_mutex_destroy(&j->lock);
    free(j);
}

static struct reading *borrow(struct ident_jwks *j)
{
    struct hm_why why = {""};
    bool fresh = false;
    enum hm_err err = HM_OK;
    (void)pthread_mutex_lock(&j->lock);
    if (ident_file_due(&j->file))
        err = read_again(j, &fresh, &why);
    struct reading *r = j->now;
    atomic_fetch_add(&r->refs, 1);
    (void)pthread_mutex_unlock(&j->lock);
    if (err != HM_OK)
        proc_log(j->program, PROC_WARNING, "%s; the keys read before stay in force", why.text);
    else if (fresh)
        proc_log(j->program, PROC_INFO, "%s: keys read", j->file.path);
    return r;
}

enum hm_err ident_jwks_verify(struct ident_jwks *j, const struct hm_oidc_token *t, unsigned algs,
                              struct hm_buf *jwk, struct hm_why *why)
{
    struct reading *r = borrow(j);
    const struct hm_jwk *key = hm_jwks_find(r->keys, t->kid);
    enum hm_err err =
        key != NULL
            ? hm_oidc_verify(t, key, algs, why)
            : hm_fail(why, HM_E_DENIED,
                      "token: its issuer has no key %.64s, says the operator's file", t->kid);
    if (err == HM_OK && jwk != NULL) {
        struct hm_bytes text = hm_jwk_text(key);
        hm_buf_put(jwk, text.data, text.len);
        err = hm_buf_err(jwk);
    }
    drop(r);
    return err;
}
