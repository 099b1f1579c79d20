#include "schema/attest/hm_roster.h"

#include "schema/attest/hm_lines_priv.h"
#include "schema/core/hm_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TYPE "roster/v1"

/* "approver <type> <base64>": every kind of key has one SSH form. */
static enum hm_err put_approver(struct hm_buf *out, const struct hm_key *k)
{
    HM_BUF_AUTO blob = {.limit = 2048};
    hm_key_ssh_blob(k, &blob);
    if (hm_buf_err(&blob) != HM_OK || blob.len < 4 || blob.len - 4 < blob.data[3])
        return HM_E_MALFORMED;
    hm_buf_puts(out, "approver ");
    hm_buf_put(out, blob.data + 4, blob.data[3]);
    hm_buf_putc(out, ' ');
    hm_base64(out, hm_buf_bytes(&blob));
    hm_buf_putc(out, '\n');
    return hm_buf_err(out);
}

static enum hm_err put_list(struct hm_buf *out, const struct hm_key *list, size_t count,
                            struct hm_why *why)
{
    for (size_t i = 0; i < count; i++) {
        enum hm_err err = put_approver(out, &list[i]);
        if (err != HM_OK)
            return hm_fail(why, err, "roster: approver %zu cannot be written", i);
    }
    return HM_OK;
}

enum hm_err hm_roster_digest(const struct hm_key *list, size_t count, struct hm_digest *out,
                             struct hm_why *why)
{
    HM_BUF_AUTO text = {.limit = HM_BUF_LIMIT_DEFAULT};
    enum hm_err err = put_list(&text, list, count, why);
    if (err == HM_OK)
        *out = hm_sha256(hm_buf_bytes(&text));
    return err;
}

enum hm_err hm_roster_write(const struct hm_roster *r, struct hm_buf *out, struct hm_why *why)
{
    char key[HM_SHA256_HEX];
    char guards[HM_SHA256_HEX];
    char former[HM_SHA256_HEX];
    if (!hm_origin_ok(r->origin) || r->serial == 0 || r->count > HM_ROSTER_APPROVERS_MAX)
        return hm_fail(why, HM_E_MALFORMED, "roster: bad origin, serial number or count");
    hm_digest_hex(&r->key, key);
    hm_digest_hex(&r->guards, guards);
    hm_digest_hex(&r->former, former);
    hm_buf_printf(
        out, TYPE "\norigin %s\nkey %s\nguards sha256:%s\nserial %" PRIu64 "\nformer sha256:%s\n",
        r->origin, key, guards, r->serial, former);
    enum hm_err err = put_list(out, r->approvers, r->count, why);
    return err == HM_OK ? hm_buf_err(out) : err;
}

static void read_approver(struct hm_lines *l, struct hm_roster *r)
{
    char text[2048];
    hm_lines_text(l, "approver", text, sizeof text - 1, NULL);
    if (l->err != HM_OK)
        return;
    if (r->count == HM_ROSTER_APPROVERS_MAX) {
        hm_lines_bad(l, "at most 128 approvers");
        return;
    }
    struct hm_key *k = &r->approvers[r->count];
    if (hm_key_from_ssh_line(text, k, NULL) != HM_OK) {
        hm_lines_bad(l, "a public key as ssh-keygen writes it, without a comment");
        return;
    }
    for (size_t i = 0; i < r->count; i++)
        if (hm_key_eq(&r->approvers[i], k))
            hm_lines_bad(l, "each key once");
    r->count++;
}

/* One list has one text: no comment, no second spelling. */
static enum hm_err check_spelling(const struct hm_roster *r, struct hm_bytes text,
                                  struct hm_why *why)
{
    HM_BUF_AUTO again = {.limit = HM_STATEMENT_MAX};
    enum hm_err err = hm_roster_write(r, &again, why);
    if (err == HM_OK && !hm_bytes_eq(hm_buf_bytes(&again), text))
        err = hm_fail(why, HM_E_MALFORMED, "roster: not in its one spelling");
    return err;
}

enum hm_err hm_roster_parse(struct hm_bytes text, struct hm_roster *out, struct hm_why *why)
{
    struct hm_lines l;
    HM_FREE struct hm_roster *r = calloc(1, sizeof *r);
    if (r == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for a roster");
    hm_lines_begin(&l, text, why);
    hm_lines_type(&l, TYPE);
    hm_lines_text(&l, "origin", r->origin, HM_ORIGIN_MAX, hm_origin_ok);
    hm_lines_digest(&l, "key", "", &r->key);
    hm_lines_digest(&l, "guards", "sha256:", &r->guards);
    hm_lines_uint(&l, "serial", &r->serial);
    hm_lines_digest(&l, "former", "sha256:", &r->former);
    while (hm_lines_next_is(&l, "approver"))
        read_approver(&l, r);
    enum hm_err err = hm_lines_end(&l);
    if (err == HM_OK)
        err = check_spelling(r, text, why);
    if (err == HM_OK)
        memcpy(out, r, sizeof *out);
    return err;
}
