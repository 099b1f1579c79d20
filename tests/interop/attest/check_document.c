/* check_document KIND FILE...: one line per file, "accept FILE" or "reject FILE: why". Exit 0
 * whenever every file could be read, so that a script compares the verdicts with those of another
 * implementation. */
#include "schema/attest/hm_approval.h"
#include "schema/attest/hm_decision.h"
#include "schema/attest/hm_provenance.h"
#include "schema/attest/hm_request.h"
#include "schema/attest/hm_signed.h"
#include "schema/io/hm_file.h"

#include <stdio.h>
#include <string.h>

static enum hm_err check_request(struct hm_bytes text, struct hm_why *why)
{
    struct hm_request r;
    return hm_request_parse(text, &r, why);
}

static enum hm_err check_provenance(struct hm_bytes text, struct hm_why *why)
{
    enum hm_statement_type type;
    struct hm_provenance p;
    return hm_provenance_parse(text, &type, &p, why);
}

static enum hm_err check_dsse(struct hm_bytes text, struct hm_why *why)
{
    struct hm_dsse d;
    enum hm_err e = hm_dsse_parse(text, HM_ATTESTATION_MAX, &d, why);
    if (e == HM_OK)
        hm_dsse_free(&d);
    return e;
}

static enum hm_err check_signed(struct hm_bytes text, struct hm_why *why)
{
    struct hm_signed s;
    enum hm_err e = hm_signed_parse(text, HM_SMALL_BODY_MAX, &s, why);
    if (e == HM_OK)
        hm_signed_free(&s);
    return e;
}

static enum hm_err check_approval(struct hm_bytes text, struct hm_why *why)
{
    struct hm_approval a;
    return hm_approval_parse(text, &a, why);
}

static enum hm_err check_rejection(struct hm_bytes text, struct hm_why *why)
{
    struct hm_decision d;
    return hm_decision_parse(text, HM_SIGNED_REJECTION, &d, why);
}

static enum hm_err check_cancellation(struct hm_bytes text, struct hm_why *why)
{
    struct hm_decision d;
    return hm_decision_parse(text, HM_SIGNED_CANCELLATION, &d, why);
}

static const struct {
    const char *name;
    enum hm_err (*check)(struct hm_bytes text, struct hm_why *why);
} kinds[] = {
    {"request", check_request},
    {"provenance", check_provenance},
    {"dsse", check_dsse},
    {"signed", check_signed},
    {"approval", check_approval},
    {"rejection", check_rejection},
    {"cancellation", check_cancellation},
};

int main(int argc, char **argv)
{
    size_t kind = 0;
    while (argc > 2 && kind < sizeof kinds / sizeof kinds[0] &&
           strcmp(kinds[kind].name, argv[1]) != 0)
        kind++;
    if (argc < 3 || kind == sizeof kinds / sizeof kinds[0]) {
        fprintf(stderr, "usage: check_document KIND FILE...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        HM_BUF_AUTO text = {0};
        struct hm_why why = {""};
        if (hm_file_read(argv[i], (size_t)4 << 20, &text, &why) != HM_OK) {
            fprintf(stderr, "%s\n", why.text);
            return 2;
        }
        enum hm_err e = kinds[kind].check(hm_buf_bytes(&text), &why);
        if (e == HM_OK)
            printf("accept %s\n", argv[i]);
        else
            printf("reject %s: %s: %s\n", argv[i], hm_err_name(e), why.text);
    }
    return 0;
}
