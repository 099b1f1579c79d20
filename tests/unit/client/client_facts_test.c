/* What an approver compares before signing: statement, request and manifest of a service that lies.
 */
#include "client/cli_facts.h"
#include "schema/cose/hm_authwrap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DOMAIN "example.com"
#define ORIGIN "hallmark.example/facts"

/* A request for two regions, and its image. */
static void ask(struct hm_request *r)
{
    memset(r, 0, sizeof *r);
    (void)snprintf(r->origin, sizeof r->origin, ORIGIN);
    (void)snprintf(r->product, sizeof r->product, "edge-router");
    (void)snprintf(r->version, sizeof r->version, "2.1.0");
    (void)snprintf(r->channel, sizeof r->channel, "stable");
    (void)snprintf(r->hardware[0].model, HM_NAME_MAX, "er-100");
    (void)snprintf(r->hardware[0].revision, HM_NAME_MAX, "b");
    r->hardware_count = 1;
    (void)snprintf(r->regions[0], HM_NAME_MAX, "eu");
    (void)snprintf(r->regions[1], HM_NAME_MAX, "world");
    r->region_count = 2;
    (void)snprintf(r->artifacts[0].name, HM_NAME_MAX, "firmware.bin");
    (void)snprintf(r->artifacts[0].uri, HM_URI_MAX, "firmware.bin");
    r->artifacts[0].digest = hm_sha256(hm_bytes_str("image"));
    r->artifacts[0].size = 5;
    r->artifacts[0].slot = -1;
    r->artifact_count = 1;
}

/* The manifest for er-100/b in both of these regions of these products. */
static void build(struct cli_facts *f, const char *const product[2], const char *const region[2])
{
    struct hm_suit_release s = {.sequence = 12, .class_count = 2, .image_count = 1};
    const struct hm_artifact *a = &f->request.artifacts[0];
    s.vendor = hm_vendor_id(DOMAIN);
    for (size_t i = 0; i < 2; i++)
        s.classes[i] = hm_class_id(&s.vendor, product[i], "er-100", "b", region[i]);
    s.images[0].digest = a->digest;
    s.images[0].size = a->size;
    s.images[0].slot = -1;
    memcpy(s.images[0].uri, a->uri, sizeof a->uri);
    assert_int_equal(hm_suit_build(&s, &f->manifest, NULL), HM_OK);
    assert_int_equal(hm_suit_describe(hm_buf_bytes(&f->manifest), &f->suit, NULL), HM_OK);
}

/* A statement that follows the request but for its regions. */
static enum hm_err state(struct cli_facts *f, const char *const region[2])
{
    struct hm_key p256 = {.alg = HM_KEY_P256};
    struct hm_approval a;
    HM_BUF_AUTO tbs = {.limit = 256};
    memset(&a, 0, sizeof a);
    hm_approval_of_request(&f->request, &a);
    (void)snprintf(a.origin, sizeof a.origin, ORIGIN);
    for (size_t i = 0; i < 2; i++) {
        memset(a.regions[i], 0, sizeof a.regions[i]);
        (void)snprintf(a.regions[i], HM_NAME_MAX, "%s", region[i]);
    }
    (void)snprintf(a.environment, sizeof a.environment, "production");
    a.sequence = 12;
    a.manifest = hm_auth_digest(hm_buf_bytes(&f->manifest));
    (void)snprintf(a.sign[0].mechanism, sizeof a.sign[0].mechanism, "ESP256");
    hm_auth_tbs(&tbs, &p256, hm_buf_bytes(&f->manifest));
    a.sign[0].tbs = hm_sha256(hm_buf_bytes(&tbs));
    a.sign_count = 1;
    enum hm_err err = hm_approval_write(&a, &f->statement_text, NULL);
    return err == HM_OK ? hm_approval_parse(hm_buf_bytes(&f->statement_text), &f->statement, NULL)
                        : err;
}

/* What the approver's tool says of it. */
static enum hm_err judge(const char *const said[2], const char *const product[2],
                         const char *const region[2])
{
    CLI_FACTS_AUTO *f = cli_facts_new();
    assert_non_null(f);
    ask(&f->request);
    (void)snprintf(f->vendor_domain, sizeof f->vendor_domain, DOMAIN);
    build(f, product, region);
    enum hm_err err = state(f, said);
    if (err == HM_OK)
        err = cli_facts_check_request(&f->statement, &f->request, NULL);
    return err == HM_OK ? cli_facts_check_manifest(f, NULL) : err;
}

static void classes_are_those_of_the_request(void **state)
{
    const char *const both[] = {"eu", "world"};
    const char *const eu_twice[] = {"eu", "eu"};
    const char *const mars[] = {"eu", "mars"};
    const char *const ours[] = {"edge-router", "edge-router"};
    const char *const other[] = {"edge-router", "core-router"};
    (void)state;
    assert_int_equal(judge(both, ours, both), HM_OK);
    assert_int_equal(judge(both, ours, mars), HM_E_DENIED);
    assert_int_equal(judge(both, other, both), HM_E_DENIED);
    /* Said twice, one region would leave room for a class that nobody asked for. */
    assert_int_equal(judge(eu_twice, ours, both), HM_E_MALFORMED);
    assert_int_equal(judge(eu_twice, ours, mars), HM_E_MALFORMED);
    assert_int_equal(judge(eu_twice, other, both), HM_E_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_those_of_the_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
