/* Hallmark's side of the interop tests: requests on stdin, answers on stdout, so that one process
 * serves thousands. Request: operation (1 byte), length (4 bytes, big-endian), data. Answer: enum
 * hm_err (1 byte), length, data. */
#include "schema/core/hm_text.h"
#include "schema/json/hm_json_canon.h"
#include "schema/suit/hm_suit.h"
#include "schema/trust/hm_genesis.h"
#include "schema/trust/hm_root_priv.h"
#include "schema/trust/hm_trust_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_MAX ((size_t)4 << 20)

/* 'c': JSON text -> canonical form */
static enum hm_err canon(struct hm_bytes in, struct hm_buf *out, struct hm_why *why)
{
    HM_JSON_AUTO *doc = NULL;
    enum hm_err err = hm_json_parse(in, HM_JSON_FOREIGN(REQUEST_MAX), &doc, why);
    return err == HM_OK ? hm_json_canon(doc, out, why) : err;
}

/* 'o': is this a document of our own? */
static enum hm_err ours(struct hm_bytes in, struct hm_buf *out, struct hm_why *why)
{
    HM_JSON_AUTO *doc = NULL;
    (void)out;
    return hm_json_parse(in, HM_JSON_OURS(REQUEST_MAX), &doc, why);
}

/* 'k': is this canonical in the record profile? */
static enum hm_err check(struct hm_bytes in, struct hm_buf *out, struct hm_why *why)
{
    (void)out;
    return hm_json_canon_check(in, HM_JSON_DEPTH_MAX, why);
}

/* Algorithm (1 byte: 1 P-256, 2 Ed25519), key, signature length (2 bytes), signature, message. */
static enum hm_err verify(struct hm_bytes in, bool der, struct hm_why *why)
{
    size_t raw_len = in.len > 0 && in.data[0] == HM_KEY_P256 ? 65 : 32;
    struct hm_key k;
    if (in.len < 1 + raw_len + 2)
        return HM_E_INTERNAL;
    enum hm_err err =
        hm_key_from_raw((enum hm_key_alg)in.data[0], hm_bytes_of(in.data + 1, raw_len), &k, why);
    const uint8_t *p = in.data + 1 + raw_len;
    size_t sig_len = (size_t)p[0] << 8 | p[1];
    if (err != HM_OK || in.len < 1 + raw_len + 2 + sig_len)
        return err != HM_OK ? err : HM_E_INTERNAL;
    struct hm_bytes sig = hm_bytes_of(p + 2, sig_len);
    struct hm_bytes msg = hm_bytes_of(p + 2 + sig_len, in.len - 1 - raw_len - 2 - sig_len);
    return der ? hm_key_verify_der(&k, msg, sig) : hm_key_verify_raw(&k, msg, sig);
}

static enum hm_err verify_der(struct hm_bytes in, struct hm_buf *out, struct hm_why *why)
{
    (void)out;
    return verify(in, true, why);
}

static enum hm_err verify_raw(struct hm_bytes in, struct hm_buf *out, struct hm_why *why)
{
    (void)out;
    return verify(in, false, why);
}

/* 'p': PEM or SSH line -> SubjectPublicKeyInfo */
static enum hm_err public_key(struct hm_bytes in, struct hm_buf *out, struct hm_why *why)
{
    struct hm_key k;
    uint8_t buf[HM_KEY_SPKI_MAX];
    HM_BUF_AUTO line = {.limit = 0};
    hm_buf_put(&line, in.data, in.len);
    enum hm_err err = in.len > 0 && in.data[0] == '-'
                          ? hm_key_from_pem(in, &k, why)
                          : hm_key_from_ssh_line(hm_buf_str(&line), &k, why);
    if (err != HM_OK)
        return err;
    struct hm_bytes der = hm_key_spki(&k, buf);
    hm_buf_put(out, der.data, der.len);
    return HM_OK;
}

static void read_uuid(struct hm_json_in *in, const char *member, struct hm_uuid *out)
{
    const char *hex = hm_json_str(in, member);
    if (hex != NULL && hm_unhex(hm_bytes_str(hex), out->b, sizeof out->b) != HM_OK)
        hm_json_bad(in, HM_E_MALFORMED, member, "expected 32 hex digits");
}

static enum hm_err read_image(const json_t *v, struct hm_suit_image *m, struct hm_why *why)
{
    struct hm_json_in in;
    hm_json_begin(&in, v, "$.images", why);
    hm_json_digest(&in, "digest", &m->digest);
    m->size = hm_json_uint(&in, "size", 0, UINT64_MAX);
    m->slot = (int)hm_json_uint(&in, "slot_plus_1", 0, 9) - 1;
    const char *uri = hm_json_str(&in, "uri");
    (void)snprintf(m->uri, sizeof m->uri, "%s", uri != NULL ? uri : "");
    return hm_json_end(&in);
}

static enum hm_err read_release(const json_t *v, struct hm_suit_release *r, struct hm_why *why)
{
    struct hm_json_in in;
    hm_json_begin(&in, v, "$", why);
    r->sequence = hm_json_uint(&in, "sequence", 0, UINT64_MAX);
    r->use_before = hm_json_uint(&in, "use_before", 0, UINT64_MAX);
    r->rollback_floor = hm_json_uint(&in, "rollback_floor", 0, UINT64_MAX);
    read_uuid(&in, "vendor", &r->vendor);
    const json_t *classes = hm_json_array(&in, "classes", 0, HM_CLASSES_MAX);
    const json_t *images = hm_json_array(&in, "images", 0, HM_ARTIFACTS_MAX);
    const json_t *at_least = hm_json_array(&in, "at_least", 0, 4);
    enum hm_err err = hm_json_end(&in);
    for (; err == HM_OK && r->class_count < json_array_size(classes); r->class_count++)
        err = hm_unhex(hm_bytes_str(json_string_value(json_array_get(classes, r->class_count))),
                       r->classes[r->class_count].b, 16);
    for (; err == HM_OK && r->image_count < json_array_size(images); r->image_count++)
        err = read_image(json_array_get(images, r->image_count), &r->images[r->image_count], why);
    for (; err == HM_OK && r->at_least_count < json_array_size(at_least); r->at_least_count++)
        r->at_least[r->at_least_count] =
            (uint32_t)json_integer_value(json_array_get(at_least, r->at_least_count));
    return err;
}

/* 'm': JSON description -> manifest; it must describe itself again. */
static enum hm_err manifest(struct hm_bytes in, struct hm_buf *out, struct hm_why *why)
{
    HM_JSON_AUTO *doc = NULL;
    HM_FREE struct hm_suit_release *r = calloc(2, sizeof *r);
    if (r == NULL)
        return HM_E_MEMORY;
    enum hm_err err = hm_json_parse(in, HM_JSON_OURS(REQUEST_MAX), &doc, why);
    if (err == HM_OK)
        err = read_release(doc, r, why);
    if (err == HM_OK)
        err = hm_suit_build(r, out, why);
    return err == HM_OK ? hm_suit_describe(hm_buf_bytes(out), &r[1], why) : err;
}

/* 's': signed trust store -> its payload, written again */
static enum hm_err store(struct hm_bytes in, struct hm_buf *out, struct hm_why *why)
{
    HM_FREE struct hm_trust_store *t = malloc(sizeof *t);
    if (t == NULL)
        return HM_E_MEMORY;
    enum hm_err err = hm_trust_store_open(in, t, why);
    return err == HM_OK ? hm_trust_store_payload(t, out, why) : err;
}

/* One line with the trusted root in JSON, then the document. */
static enum hm_err split_root(struct hm_bytes *in, struct hm_root *root, struct hm_why *why)
{
    HM_JSON_AUTO *doc = NULL;
    const uint8_t *lf = in->len > 0 ? memchr(in->data, '\n', in->len) : NULL;
    if (lf == NULL)
        return HM_E_INTERNAL;
    size_t n = (size_t)(lf - in->data);
    enum hm_err err = hm_json_parse(hm_bytes_of(in->data, n), HM_JSON_OURS(REQUEST_MAX), &doc, why);
    if (err == HM_OK)
        err = hm_root_read(doc, "$", root, why);
    *in = hm_bytes_of(lf + 1, in->len - n - 1);
    return err;
}

/* 'g': guards -> payload, written again */
static enum hm_err guards(struct hm_bytes in, struct hm_buf *out, struct hm_why *why)
{
    struct hm_root root;
    struct hm_guards g;
    enum hm_err err = split_root(&in, &root, why);
    if (err == HM_OK)
        err = hm_guards_open(in, &root, &g, why);
    if (err != HM_OK)
        return err;
    err = hm_guards_payload(&g, out, why);
    hm_guards_free(&g);
    return err;
}

/* 'G': genesis -> payload, written again */
static enum hm_err genesis(struct hm_bytes in, struct hm_buf *out, struct hm_why *why)
{
    struct hm_root root;
    struct hm_genesis g;
    enum hm_err err = split_root(&in, &root, why);
    if (err == HM_OK)
        err = hm_genesis_open(in, &root, &g, why);
    return err == HM_OK ? hm_genesis_payload(&g, out, why) : err;
}

struct operation {
    char letter;
    enum hm_err (*run)(struct hm_bytes in, struct hm_buf *out, struct hm_why *why);
};

static const struct operation operations[] = {
    {'c', canon},      {'o', ours},     {'k', check}, {'d', verify_der}, {'r', verify_raw},
    {'p', public_key}, {'m', manifest}, {'s', store}, {'g', guards},     {'G', genesis},
};

static enum hm_err run(char letter, struct hm_bytes in, struct hm_buf *out, struct hm_why *why)
{
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        if (operations[i].letter == letter)
            return operations[i].run(in, out, why);
    return hm_fail(why, HM_E_INTERNAL, "no such operation");
}

static bool serve(uint8_t *data)
{
    uint8_t head[5];
    HM_BUF_AUTO out = {.limit = REQUEST_MAX};
    struct hm_why why = {""};
    if (fread(head, 1, sizeof head, stdin) != sizeof head)
        return false;
    size_t n = (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4];
    if (n > REQUEST_MAX || fread(data, 1, n, stdin) != n)
        return false;
    enum hm_err err = run((char)head[0], hm_bytes_of(data, n), &out, &why);
    struct hm_bytes answer = err == HM_OK ? hm_buf_bytes(&out) : hm_bytes_str(why.text);
    uint8_t reply[5] = {(uint8_t)err, (uint8_t)(answer.len >> 24), (uint8_t)(answer.len >> 16),
                        (uint8_t)(answer.len >> 8), (uint8_t)answer.len};
    return fwrite(reply, 1, sizeof reply, stdout) == sizeof reply &&
           (answer.len == 0 || fwrite(answer.data, answer.len, 1, stdout) == 1) &&
           fflush(stdout) == 0;
}

int main(void)
{
    HM_FREE uint8_t *data = malloc(REQUEST_MAX);
    if (data == NULL)
        return 1;
    while (serve(data))
        ;
    return 0;
}
