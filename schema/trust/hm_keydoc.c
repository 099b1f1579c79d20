/* Key objects in JSON documents. Thread: any. */
#include "schema/trust/hm_keydoc.h"

#include "schema/core/hm_text.h"

enum hm_err hm_keydoc_read(const json_t *v, const char *path, struct hm_key *out,
                           struct hm_why *why)
{
    struct hm_json_in in;
    struct hm_key k;
    struct hm_why inner = {""};
    enum hm_err err = HM_OK;
    hm_json_begin(&in, v, path, why);
    const char *pem = hm_json_str_or(&in, "pem", NULL);
    const char *ssh = hm_json_str_or(&in, "ssh", NULL);
    if (hm_json_end(&in) != HM_OK)
        return in.err;
    if ((pem != NULL) == (ssh != NULL))
        return hm_fail(why, HM_E_MALFORMED, "%s: expected exactly one of \"pem\" and \"ssh\"",
                       in.path);
    if (pem != NULL)
        err = hm_key_from_pem(hm_bytes_str(pem), &k, &inner);
    else
        err = hm_key_from_ssh_line(ssh, &k, &inner);
    if (err != HM_OK) {
        hm_json_bad(&in, err, pem != NULL ? "pem" : "ssh", "%s", inner.text);
        return err;
    }
    *out = k;
    return HM_OK;
}

/* "type base64": the type is the blob's first string. */
static json_t *ssh_line(const struct hm_key *k)
{
    HM_BUF_AUTO blob = {0};
    HM_BUF_AUTO line = {0};
    hm_key_ssh_blob(k, &blob);
    if (hm_buf_err(&blob) != HM_OK || blob.len < 4 || blob.len - 4 < blob.data[3])
        return NULL;
    hm_buf_put(&line, blob.data + 4, blob.data[3]);
    hm_buf_putc(&line, ' ');
    hm_base64(&line, hm_buf_bytes(&blob));
    const char *text = hm_buf_str(&line);
    return text != NULL ? json_pack("{s:s}", "ssh", text) : NULL;
}

json_t *hm_keydoc_write(const struct hm_key *k)
{
    if (hm_key_is_sk(k))
        return ssh_line(k);
    HM_BUF_AUTO pem = {0};
    hm_key_pem(k, &pem);
    const char *text = hm_buf_str(&pem);
    return text != NULL ? json_pack("{s:s}", "pem", text) : NULL;
}
