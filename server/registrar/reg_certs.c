#include "server/registrar/reg_certs.h"

#include <pthread.h>
#include <stdlib.h>

#define ENTRIES 256u

struct entry {
    bool used;
    struct hm_digest pem;
    int64_t from_s, to_s; /* found valid at both */
    uint64_t generation;  /* of the revocation lists that it does not stand on; 0: not looked */
    struct hm_cert cert;
};
struct reg_certs {
    pthread_mutex_t lock;
    struct hm_bytes ca;
    struct ident_crl *crl;
    struct entry entry[ENTRIES];
};

enum hm_err reg_certs_open(struct hm_bytes ca_pem, struct ident_crl *crl, struct reg_certs **out,
                           struct hm_why *why)
{
    struct reg_certs *c = calloc(1, sizeof *c);
    if (c == NULL || pthread_mutex_init(&c->lock, NULL) != 0) {
        free(c);
        return hm_fail(why, HM_E_MEMORY, "no memory for the table of certificates");
    }
    c->ca = ca_pem;
    c->crl = crl;
    *out = c;
    return HM_OK;
}

void reg_certs_close(struct reg_certs *c)
{
    if (c == NULL)
        return;
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

static bool find(struct reg_certs *c, const struct hm_digest *pem, int64_t at_s,
                 struct hm_cert *out)
{
    struct entry *e = &c->entry[pem->b[0] % ENTRIES];
    (void)pthread_mutex_lock(&c->lock);
    bool found = e->used && hm_digest_eq(&e->pem, pem) && at_s >= e->from_s && at_s <= e->to_s;
    if (found)
        *out = e->cert;
    (void)pthread_mutex_unlock(&c->lock);
    return found;
}

static void keep(struct reg_certs *c, const struct hm_digest *pem, int64_t at_s,
                 const struct hm_cert *cert)
{
    struct entry *e = &c->entry[pem->b[0] % ENTRIES];
    (void)pthread_mutex_lock(&c->lock);
    if (!e->used || !hm_digest_eq(&e->pem, pem))
        *e = (struct entry){.used = true, .pem = *pem, .from_s = at_s, .to_s = at_s, .cert = *cert};
    if (at_s < e->from_s)
        e->from_s = at_s;
    if (at_s > e->to_s)
        e->to_s = at_s;
    (void)pthread_mutex_unlock(&c->lock);
}

enum hm_err reg_certs_get(struct reg_certs *c, struct hm_bytes pem, int64_t at_s,
                          struct hm_cert *out, struct hm_why *why)
{
    struct hm_digest d = hm_sha256(pem);
    if (c->ca.len == 0)
        return hm_fail(why, HM_E_DENIED, "signed by a certificate, but no client CA is configured");
    if (find(c, &d, at_s, out))
        return HM_OK;
    struct hm_cert cert;
    enum hm_err err = hm_cert_verify_chain(pem, c->ca, at_s, why);
    if (err == HM_OK)
        err = hm_cert_parse_pem(pem, &cert, why);
    if (err != HM_OK)
        return err;
    keep(c, &d, at_s, &cert);
    *out = cert;
    return HM_OK;
}

/* Reads (set 0) or writes the generation that an entry was last found good under. */
static bool found_under(struct reg_certs *c, const struct hm_digest *pem, uint64_t generation,
                        bool set)
{
    struct entry *e = &c->entry[pem->b[0] % ENTRIES];
    (void)pthread_mutex_lock(&c->lock);
    bool mine = e->used && hm_digest_eq(&e->pem, pem);
    if (mine && set)
        e->generation = generation;
    bool found = mine && e->generation == generation;
    (void)pthread_mutex_unlock(&c->lock);
    return found;
}

enum hm_err reg_certs_current(struct reg_certs *c, struct hm_bytes pem, int64_t now_s,
                              struct hm_why *why)
{
    if (c->crl == NULL)
        return HM_OK;
    struct hm_digest d = hm_sha256(pem);
    uint64_t generation = ident_crl_generation(c->crl);
    if (found_under(c, &d, generation, false))
        return ident_crl_fresh(c->crl, now_s, why);
    enum hm_err err = ident_crl_check_pem(c->crl, pem, now_s, why);
    if (err == HM_OK)
        (void)found_under(c, &d, generation, true);
    return err;
}
