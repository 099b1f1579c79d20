#include "client/cli_sign.h"

#include "client/cli_env.h"
#include "client/cli_agent.h"
#include "client/cli_key.h"
#include "schema/attest/hm_cert.h"

#define CLI_CERTIFICATE_MAX ((size_t)24 * 1024) /* bytes of PEM that travel with a document */

enum hm_err cli_sign_request_with(struct cli *c, struct cli_sign_with *out)
{
    if (c->set.ssh_key[0] != '\0') {
        *out = (struct cli_sign_with){CLI_SIGN_SSH, c->set.ssh_key, NULL};
        return HM_OK;
    }
    enum hm_err err = cli_need(c, "certificate", c->set.certificate);
    if (err == HM_OK)
        err = cli_need(c, "key", c->set.key);
    if (err == HM_OK)
        *out = (struct cli_sign_with){CLI_SIGN_CERTIFICATE, c->set.key, c->set.certificate};
    return err;
}

/* The certificate must belong to the key, or the registrar would refuse what we send. */
static enum hm_err read_certificate(const char *path, const struct hm_key *key, struct hm_buf *pem,
                                    struct hm_why *why)
{
    struct hm_cert cert;
    enum hm_err err = cli_read(path, CLI_CERTIFICATE_MAX, pem, why);
    if (err == HM_OK)
        err = hm_cert_parse_pem(hm_buf_bytes(pem), &cert, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "certificate %.200s", path);
    if (!hm_key_eq(&cert.key, key))
        return hm_fail(why, HM_E_CONFIG, "%.200s: the certificate is for another key", path);
    return HM_OK;
}

static enum hm_err sign_dsse(const struct cli_sign_with *with, enum hm_signed_kind kind,
                             struct hm_bytes payload, struct hm_buf *document, struct hm_key *key,
                             struct hm_why *why)
{
    CLI_KEY_AUTO *k = NULL;
    HM_BUF_AUTO pae = {.limit = HM_BUF_LIMIT_DEFAULT};
    HM_BUF_AUTO sig = {.limit = 256};
    HM_BUF_AUTO pem = {.limit = CLI_CERTIFICATE_MAX + 1};
    enum hm_err err = cli_key_load(with->path, &k, why);
    if (err == HM_OK && with->certificate != NULL)
        err = read_certificate(with->certificate, cli_key_public(k), &pem, why);
    if (err != HM_OK)
        return err;
    hm_dsse_pae(&pae, hm_signed_payload_type(kind), payload);
    err = hm_buf_err(&pae);
    if (err == HM_OK)
        err = cli_key_sign(k, hm_buf_bytes(&pae), &sig, why);
    if (err != HM_OK)
        return err;
    *key = *cli_key_public(k);
    return hm_signed_write_dsse(document, kind, payload, hm_buf_bytes(&sig),
                                with->certificate != NULL ? hm_buf_str(&pem) : NULL);
}

static enum hm_err armor_with_file(const char *path, const char *ns, struct hm_bytes payload,
                                   struct hm_buf *armor, struct hm_key *key, struct hm_why *why)
{
    CLI_KEY_AUTO *k = NULL;
    HM_BUF_AUTO tbs = {.limit = HM_BUF_LIMIT_DEFAULT};
    HM_BUF_AUTO sig = {.limit = 512};
    HM_BUF_AUTO blob = {.limit = 512};
    enum hm_err err = cli_key_load(path, &k, why);
    if (err != HM_OK)
        return err;
    hm_sshsig_tbs(&tbs, ns, payload);
    err = hm_buf_err(&tbs);
    if (err == HM_OK)
        err = cli_key_sign_ssh(k, hm_buf_bytes(&tbs), &sig, why);
    if (err != HM_OK)
        return err;
    *key = *cli_key_public(k);
    hm_key_ssh_blob(key, &blob);
    hm_sshsig_armor(armor, hm_buf_bytes(&blob), ns, hm_buf_bytes(&sig));
    return hm_buf_err(armor);
}

static enum hm_err armor_with_agent(const char *fingerprint, const char *ns,
                                    struct hm_bytes payload, struct hm_buf *armor,
                                    struct hm_key *key, struct hm_why *why)
{
    CLI_AGENT_AUTO *agent = NULL;
    HM_BUF_AUTO tbs = {.limit = HM_BUF_LIMIT_DEFAULT};
    HM_BUF_AUTO sig = {.limit = 8192};
    const struct cli_agent_key *k = NULL;
    enum hm_err err = cli_agent_open(cli_env("SSH_AUTH_SOCK"), &agent, why);
    if (err == HM_OK)
        err = cli_agent_find(agent, fingerprint, &k, why);
    if (err != HM_OK)
        return err;
    hm_sshsig_tbs(&tbs, ns, payload);
    err = hm_buf_err(&tbs);
    if (err == HM_OK)
        err = cli_agent_sign(agent, k, hm_buf_bytes(&tbs), &sig, why);
    if (err != HM_OK)
        return err;
    *key = k->key;
    hm_sshsig_armor(armor, hm_buf_bytes(&k->blob), ns, hm_buf_bytes(&sig));
    return hm_buf_err(armor);
}

static enum hm_err armor_from_file(const char *path, struct hm_buf *armor, struct hm_key *key,
                                   struct hm_why *why)
{
    struct hm_sshsig sig;
    enum hm_err err = cli_read(path, HM_SSHSIG_MAX, armor, why);
    if (err == HM_OK)
        err = hm_sshsig_parse(hm_buf_bytes(armor), &sig, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "%.200s", path);
    *key = sig.key;
    hm_sshsig_free(&sig);
    return HM_OK;
}

static enum hm_err sign_ssh(const struct cli_sign_with *with, enum hm_signed_kind kind,
                            struct hm_bytes payload, struct hm_buf *document, struct hm_key *key,
                            struct hm_why *why)
{
    HM_BUF_AUTO armor = {.limit = HM_SSHSIG_MAX + 1};
    const char *ns = hm_signed_namespace(kind);
    enum hm_err err;
    if (with->how == CLI_SIGN_AGENT)
        err = armor_with_agent(with->path, ns, payload, &armor, key, why);
    else if (with->how == CLI_SIGN_FILE)
        err = armor_from_file(with->path, &armor, key, why);
    else
        err = armor_with_file(with->path, ns, payload, &armor, key, why);
    return err == HM_OK ? hm_signed_write_ssh(document, payload, hm_buf_bytes(&armor)) : err;
}

/* Nothing leaves this machine that its receiver would refuse. */
static enum hm_err verify_own(enum hm_signed_kind kind, struct hm_bytes payload,
                              struct hm_bytes document, const struct hm_key *key,
                              struct hm_why *why)
{
    struct hm_signed s;
    enum hm_err err = hm_signed_parse(document, HM_BODY_MAX, &s, why);
    if (err != HM_OK)
        return err;
    err = hm_signed_verify(&s, kind, key, why);
    if (err == HM_OK && !hm_bytes_eq(hm_signed_payload(&s), payload))
        err = hm_fail(why, HM_E_SIGNATURE, "the signature covers other bytes");
    hm_signed_free(&s);
    return err;
}

enum hm_err cli_sign(const struct cli_sign_with *with, enum hm_signed_kind kind,
                     struct hm_bytes payload, struct hm_buf *document, struct hm_key *key,
                     struct hm_why *why)
{
    struct hm_key k = {.alg = HM_KEY_NONE};
    size_t from = document->len;
    bool dsse = with->how == CLI_SIGN_CERTIFICATE || with->how == CLI_SIGN_DSSE;
    enum hm_err err = dsse ? sign_dsse(with, kind, payload, document, &k, why)
                           : sign_ssh(with, kind, payload, document, &k, why);
    if (err == HM_OK)
        err = verify_own(kind, payload, hm_bytes_of(document->data + from, document->len - from),
                         &k, why);
    if (err != HM_OK)
        return err;
    *key = k;
    return HM_OK;
}
