/* What the interop scripts call: one operation per run, files in, text or exit code out (0 yes, 1
 * no and why on standard error, 2 misuse). */
#include "schema/attest/hm_cert.h"
#include "schema/attest/hm_dsse.h"
#include "schema/attest/hm_signed.h"
#include "schema/core/hm_limits.h"
#include "schema/io/hm_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Test program: a file that cannot be read ends it. */
static void load(const char *path, struct hm_buf *out)
{
    struct hm_why why = {""};
    if (hm_file_read(path, (size_t)4 << 20, out, &why) == HM_OK)
        return;
    fprintf(stderr, "%s\n", why.text);
    exit(2);
}

static int verdict(enum hm_err e, const struct hm_why *why)
{
    if (e == HM_OK)
        return 0;
    fprintf(stderr, "%s: %s\n", hm_err_name(e), why->text);
    return 1;
}

static int print(const struct hm_buf *b)
{
    return fwrite(b->data, 1, b->len, stdout) == b->len ? 0 : 2;
}

/* A PEM or an authorized_keys line. */
static enum hm_err load_key(const char *path, struct hm_key *key, struct hm_why *why)
{
    HM_BUF_AUTO text = {0};
    load(path, &text);
    if (text.len > 0 && text.data[0] == '-')
        return hm_key_from_pem(hm_buf_bytes(&text), key, why);
    if (text.len > 0 && text.data[text.len - 1] == '\n')
        text.len--;
    return hm_key_from_ssh_line(hm_buf_str(&text), key, why);
}

/* sshsig-verify NAMESPACE KEY MESSAGE SIGNATURE */
static int sshsig_verify(char **arg)
{
    HM_BUF_AUTO message = {0};
    HM_BUF_AUTO armor = {0};
    struct hm_key key;
    struct hm_sshsig s;
    struct hm_why why = {""};
    load(arg[2], &message);
    load(arg[3], &armor);
    enum hm_err e = load_key(arg[1], &key, &why);
    if (e == HM_OK)
        e = hm_sshsig_parse(hm_buf_bytes(&armor), &s, &why);
    if (e != HM_OK)
        return verdict(e, &why);
    e = hm_sshsig_verify(&s, &key, arg[0], hm_buf_bytes(&message), &why);
    hm_sshsig_free(&s);
    return verdict(e, &why);
}

/* sshsig-tbs NAMESPACE MESSAGE */
static int sshsig_tbs(char **arg)
{
    HM_BUF_AUTO message = {0};
    HM_BUF_AUTO tbs = {0};
    load(arg[1], &message);
    hm_sshsig_tbs(&tbs, arg[0], hm_buf_bytes(&message));
    return print(&tbs);
}

/* sshsig-armor NAMESPACE KEY-BLOB SIGNATURE-BLOB */
static int sshsig_armor(char **arg)
{
    HM_BUF_AUTO key = {0};
    HM_BUF_AUTO sig = {0};
    HM_BUF_AUTO armor = {0};
    load(arg[1], &key);
    load(arg[2], &sig);
    hm_sshsig_armor(&armor, hm_buf_bytes(&key), arg[0], hm_buf_bytes(&sig));
    return print(&armor);
}

/* dsse-verify KEY ENVELOPE: the payload on standard output */
static int dsse_verify(char **arg)
{
    HM_BUF_AUTO text = {0};
    struct hm_key key;
    struct hm_dsse d;
    struct hm_why why = {""};
    load(arg[1], &text);
    enum hm_err e = load_key(arg[0], &key, &why);
    if (e == HM_OK)
        e = hm_dsse_parse(hm_buf_bytes(&text), HM_ATTESTATION_MAX, &d, &why);
    if (e != HM_OK)
        return verdict(e, &why);
    e = hm_dsse_verify(&d, &key);
    int code = e == HM_OK ? print(&d.payload) : verdict(e, &why);
    hm_dsse_free(&d);
    return code;
}

/* dsse-write TYPE PAYLOAD SIGNATURE */
static int dsse_write(char **arg)
{
    HM_BUF_AUTO payload = {0};
    HM_BUF_AUTO sig = {0};
    HM_BUF_AUTO out = {0};
    struct hm_why why = {""};
    load(arg[1], &payload);
    load(arg[2], &sig);
    enum hm_err e = hm_dsse_write(&out, arg[0], hm_buf_bytes(&payload), hm_buf_bytes(&sig), NULL);
    return e == HM_OK ? print(&out) : verdict(e, &why);
}

/* signed-verify KIND(1..4) KEY DOCUMENT: the payload on standard output */
static int signed_verify(char **arg)
{
    HM_BUF_AUTO text = {0};
    struct hm_key key;
    struct hm_signed s;
    struct hm_why why = {""};
    load(arg[2], &text);
    enum hm_err e = load_key(arg[1], &key, &why);
    if (e == HM_OK)
        e = hm_signed_parse(hm_buf_bytes(&text), HM_SMALL_BODY_MAX, &s, &why);
    if (e != HM_OK)
        return verdict(e, &why);
    e = hm_signed_verify(&s, (enum hm_signed_kind)(arg[0][0] - '0'), &key, &why);
    struct hm_bytes payload = hm_signed_payload(&s);
    int code = verdict(e, &why);
    if (e == HM_OK && fwrite(payload.data, 1, payload.len, stdout) != payload.len)
        code = 2;
    hm_signed_free(&s);
    return code;
}

/* cert FILE: fingerprint, validity and SAN URIs, a line each */
static int cert(char **arg)
{
    HM_BUF_AUTO pem = {0};
    struct hm_cert c;
    struct hm_why why = {""};
    char hex[HM_SHA256_HEX];
    load(arg[0], &pem);
    enum hm_err e = hm_cert_parse_pem(hm_buf_bytes(&pem), &c, &why);
    if (e != HM_OK)
        return verdict(e, &why);
    hm_digest_hex(&c.fingerprint, hex);
    printf("%s\n%lld %lld\n", hex, (long long)c.not_before_s, (long long)c.not_after_s);
    for (size_t i = 0; i < c.uri_count; i++)
        printf("%s\n", c.uris[i]);
    return 0;
}

/* chain FILE CA TIME */
static int chain(char **arg)
{
    HM_BUF_AUTO pem = {0};
    HM_BUF_AUTO ca = {0};
    struct hm_why why = {""};
    load(arg[0], &pem);
    load(arg[1], &ca);
    return verdict(hm_cert_verify_chain(hm_buf_bytes(&pem), hm_buf_bytes(&ca),
                                        strtoll(arg[2], NULL, 10), &why),
                   &why);
}

static const struct {
    const char *name;
    int args;
    int (*run)(char **arg);
} operations[] = {
    {"sshsig-verify", 4, sshsig_verify},
    {"sshsig-tbs", 2, sshsig_tbs},
    {"sshsig-armor", 3, sshsig_armor},
    {"dsse-verify", 2, dsse_verify},
    {"dsse-write", 3, dsse_write},
    {"signed-verify", 3, signed_verify},
    {"cert", 1, cert},
    {"chain", 3, chain},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc >= 2 && i < sizeof operations / sizeof operations[0]; i++)
        if (strcmp(argv[1], operations[i].name) == 0 && argc - 2 == operations[i].args)
            return operations[i].run(argv + 2);
    fprintf(stderr, "usage: attest_tool OPERATION ARGUMENT...\n");
    return 2;
}
