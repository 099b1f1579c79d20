/* Lines {"jwks","token","audience","at","leeway","algs"} in; "ok CLAIM" or "ERROR: text" out. */
#include "schema/json/hm_json.h"
#include "schema/oidc/hm_oidc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *v, const char *name)
{
    const char *t = json_string_value(json_object_get(v, name));
    return t != NULL ? t : "";
}

static enum hm_err judge(const json_t *v, const struct hm_jwks *keys, const struct hm_oidc_token *t,
                         struct hm_why *why)
{
    const struct hm_jwk *key = hm_jwks_find(keys, t->kid);
    unsigned algs = 0;
    size_t i;
    json_t *a;
    json_array_foreach(json_object_get(v, "algs"), i, a) algs |= hm_oidc_alg(json_string_value(a));
    if (key == NULL)
        return hm_fail(why, HM_E_NOT_FOUND, "no key %s", t->kid);
    enum hm_err err = hm_oidc_verify(t, key, algs, why);
    if (err != HM_OK)
        return err;
    struct hm_jwk *again = NULL; /* as evidence has it */
    err = hm_jwk_open(hm_jwk_text(key), &again, why);
    if (err == HM_OK)
        err = hm_oidc_verify(t, again, algs, why);
    hm_jwk_free(again);
    if (err != HM_OK)
        return err;
    return hm_oidc_check(t, text_of(v, "audience"), json_integer_value(json_object_get(v, "at")),
                         json_integer_value(json_object_get(v, "leeway")), why);
}

static void line(const json_t *v)
{
    struct hm_why why = {""};
    struct hm_jwks *keys = NULL;
    struct hm_oidc_token t;
    enum hm_err err = hm_jwks_open(hm_bytes_str(text_of(v, "jwks")), &keys, &why);
    if (err == HM_OK) {
        const json_t *token = json_object_get(v, "token");
        err = hm_oidc_parse(hm_bytes_of(json_string_value(token), json_string_length(token)), &t,
                            &why);
        if (err == HM_OK) {
            err = judge(v, keys, &t, &why);
            const char *claim = hm_oidc_claim(&t, "repository");
            if (err == HM_OK)
                (void)printf("ok %s\n", claim != NULL ? claim : "-");
            hm_oidc_free(&t);
        }
    }
    hm_jwks_close(keys);
    if (err != HM_OK)
        (void)printf("%s: %s\n", hm_err_name(err), why.text);
}

int main(void)
{
    static char text[1024 * 1024];
    while (fgets(text, sizeof text, stdin) != NULL) {
        json_t *v = json_loads(text, 0, NULL);
        if (v == NULL)
            return 1;
        line(v);
        json_decref(v);
    }
    return 0;
}
