#include "server/door/door_tls.h"

#include "schema/attest/hm_cert.h"
#include "schema/io/hm_clock.h"
#include "server/ipc/ipc_msg.h"

#include <gnutls/x509.h>

#define CHAIN_MAX 16

static enum hm_err verify(gnutls_session_t session, struct hm_why *why)
{
    unsigned char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st want = {
        .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = purpose, .size = sizeof purpose - 1};
    unsigned status = 0;
    int rc = gnutls_certificate_verify_peers(session, &want, 1, &status);
    if (rc == GNUTLS_E_NO_CERTIFICATE_FOUND)
        return hm_fail(why, HM_E_DENIED, "a client certificate is required");
    if (rc != 0)
        return hm_fail(why, HM_E_DENIED, "the client certificate cannot be verified: %s",
                       gnutls_strerror(rc));
    if (status == 0)
        return HM_OK;
    gnutls_datum_t text = {NULL, 0};
    if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) == 0) {
        (void)hm_fail(why, HM_E_DENIED, "%.*s", (int)text.size, (const char *)text.data);
        gnutls_free(text.data);
    } else {
        (void)hm_fail(why, HM_E_DENIED, "the client certificate does not verify");
    }
    return HM_E_DENIED;
}

static enum hm_err read_facts(struct door_client *c, gnutls_session_t session, struct hm_why *why)
{
    unsigned count = 0;
    struct hm_cert cert;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
    if (chain == NULL || count == 0)
        return hm_fail(why, HM_E_DENIED, "a client certificate is required");
    if (hm_cert_parse_der(hm_bytes_of(chain[0].data, chain[0].size), &cert, why) != HM_OK)
        return HM_E_DENIED;
    hm_buf_reset(&c->caller);
    ipc_put_digest(&c->caller, &cert.fingerprint);
    ipc_put_u64(&c->caller, cert.uri_count);
    for (size_t i = 0; i < cert.uri_count; i++)
        ipc_put_str(&c->caller, cert.uris[i]);
    if (hm_buf_err(&c->caller) != HM_OK)
        return hm_fail(why, HM_E_MEMORY, "no memory for the client's identity");
    c->fingerprint = cert.fingerprint;
    c->not_after_s = cert.not_after_s;
    c->known = true;
    return HM_OK;
}

static enum hm_err not_revoked(struct door_client *c, gnutls_session_t session,
                               struct ident_crl *crl, int64_t now_s, struct hm_why *why)
{
    unsigned count = 0;
    struct hm_bytes chain[CHAIN_MAX];
    uint64_t generation = ident_crl_generation(crl);
    if (c->crl_generation == generation)
        return ident_crl_fresh(crl, now_s, why);
    const gnutls_datum_t *peers = gnutls_certificate_get_peers(session, &count);
    if (peers == NULL || count == 0 || count > CHAIN_MAX)
        return hm_fail(why, HM_E_DENIED, "expected a chain of 1 to %d certificates", CHAIN_MAX);
    for (unsigned i = 0; i < count; i++)
        chain[i] = hm_bytes_of(peers[i].data, peers[i].size);
    enum hm_err err = ident_crl_check_der(crl, chain, count, now_s, why);
    if (err == HM_OK)
        c->crl_generation = generation;
    return err;
}

enum hm_err door_client_check(struct door_client *c, gnutls_session_t session,
                              struct ident_crl *crl, struct hm_why *why)
{
    if (!c->known) {
        enum hm_err err = verify(session, why);
        if (err == HM_OK)
            err = read_facts(c, session, why);
        if (err != HM_OK)
            return err;
    }
    int64_t now_s = hm_clock_unix_s();
    if (now_s > c->not_after_s)
        return hm_fail(why, HM_E_DENIED, "the client certificate has expired");
    return crl != NULL ? not_revoked(c, session, crl, now_s, why) : HM_OK;
}
