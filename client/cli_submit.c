#include "client/cli_submit.h"

#include "client/cli_facts.h"
#include "client/cli_http.h"
#include "schema/attest/hm_dsse.h"
#include "schema/core/hm_text.h"
#include "schema/core/hm_time.h"
#include "schema/io/hm_clock.h"
#include "schema/io/hm_random.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CLI_VALID_S 3600
#define CLI_VALID_MAX_S 86400

struct cli_submission *cli_submission_new(void)
{
    struct cli_submission *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->payload.limit = HM_REQUEST_MAX;
    for (size_t i = 0; i < HM_ATTESTATIONS_MAX; i++)
        s->attestations[i].limit = HM_ATTESTATION_MAX + 1;
    return s;
}

void cli_submission_free_ptr(struct cli_submission **s)
{
    if (*s == NULL)
        return;
    for (size_t i = 0; i < HM_ATTESTATIONS_MAX; i++)
        hm_buf_free(&(*s)->attestations[i]);
    for (size_t i = 0; i < HM_ARTIFACTS_MAX; i++)
        free((*s)->owned[i]);
    hm_buf_free(&(*s)->payload);
    free(*s);
}

static enum hm_err too_many(struct hm_why *why, const char *option, int max)
{
    return hm_fail(why, HM_E_CONFIG, "--%s: more than %d", option, max);
}

static enum hm_err add_artifact(struct cli_submission *s, const char *spec, struct hm_why *why)
{
    struct hm_request *r = &s->request;
    size_t n = r->artifact_count;
    if (n == HM_ARTIFACTS_MAX)
        return too_many(why, "artifact", HM_ARTIFACTS_MAX);
    enum hm_err err = cli_artifact_spec(spec, &r->artifacts[n], &s->owned[n], why);
    if (err != HM_OK)
        return err;
    s->files[n] = s->owned[n];
    r->artifact_count++;
    return HM_OK;
}

static enum hm_err add_attestation(struct cli_submission *s, size_t i, const char *path,
                                   struct hm_why *why)
{
    struct hm_dsse d;
    if (i == HM_ATTESTATIONS_MAX)
        return too_many(why, "attestation", HM_ATTESTATIONS_MAX);
    enum hm_err err = cli_read(path, HM_ATTESTATION_MAX, &s->attestations[i], why);
    if (err != HM_OK)
        return err;
    struct hm_bytes text = hm_buf_bytes(&s->attestations[i]);
    err = hm_dsse_parse(text, HM_ATTESTATION_MAX, &d, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "%.200s: expected a DSSE envelope", path);
    hm_dsse_free(&d);
    if (!hm_utf8_ok(text))
        return hm_fail(why, HM_E_MALFORMED, "%.200s: expected UTF-8", path);
    s->request.attestations[i] = hm_sha256(text);
    s->request.attestation_count = i + 1;
    return HM_OK;
}

/* A member of the request is what an option said: "$.regions: ..." is "--region: ...". */
static enum hm_err of_option(enum hm_err err, struct hm_why *why)
{
    static const char *const names[][2] = {{"$.hardware", "hardware"},
                                           {"$.regions", "region"},
                                           {"$.dependencies", "dependency"},
                                           {"$.artifacts", "artifact"},
                                           {"$.attestations", "attestation"}};
    const struct hm_why said = *why;
    if (err != HM_E_MALFORMED && err != HM_E_LIMIT)
        return err;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n = strlen(names[i][0]);
        if (strncmp(said.text, names[i][0], n) == 0)
            (void)hm_fail(why, err, "--%s%s", names[i][1], said.text + n);
    }
    return HM_E_CONFIG;
}

static enum hm_err name_option(struct cli *c, const char *option, char out[HM_NAME_MAX + 1])
{
    const char *text = cli_args_get(&c->args, option);
    if (text == NULL)
        return hm_fail(&c->why, HM_E_CONFIG, "--%s is missing", option);
    if (!hm_name_ok(text))
        return hm_fail(&c->why, HM_E_CONFIG,
                       "--%s: '%.70s': expected 1 to 64 of A-Z a-z 0-9 . _ + -", option, text);
    (void)snprintf(out, HM_NAME_MAX + 1, "%s", text);
    return HM_OK;
}

static enum hm_err add_lists(struct cli *c, struct cli_submission *s)
{
    struct hm_request *r = &s->request;
    const char *text;
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && (text = cli_args_at(&c->args, "hardware", i)) != NULL; i++)
        err = i == HM_HARDWARE_MAX
                  ? too_many(&c->why, "hardware", HM_HARDWARE_MAX)
                  : cli_hardware_spec(text, &r->hardware[r->hardware_count++], &c->why);
    for (size_t i = 0; err == HM_OK && (text = cli_args_at(&c->args, "region", i)) != NULL; i++) {
        if (i == HM_REGIONS_MAX || !hm_name_ok(text))
            return hm_fail(&c->why, HM_E_CONFIG, "--region: '%.70s': expected at most %d names",
                           text, HM_REGIONS_MAX);
        (void)snprintf(r->regions[r->region_count++], HM_NAME_MAX + 1, "%s", text);
    }
    for (size_t i = 0; err == HM_OK && (text = cli_args_at(&c->args, "dependency", i)) != NULL; i++)
        err = i == HM_DEPENDENCIES_MAX
                  ? too_many(&c->why, "dependency", HM_DEPENDENCIES_MAX)
                  : cli_dependency_spec(text, &r->dependencies[r->dependency_count++], &c->why);
    for (size_t i = 0; err == HM_OK && i < 2; i++)
        if ((i == 0 ? r->hardware_count : r->region_count) == 0)
            err = hm_fail(&c->why, HM_E_CONFIG, "--%s is missing", i == 0 ? "hardware" : "region");
    return err;
}

static enum hm_err version_option(struct cli *c, struct hm_request *r)
{
    uint32_t numbers[4];
    size_t count;
    enum hm_err err = name_option(c, "version", r->version);
    if (err == HM_OK && hm_version_numbers(r->version, numbers, &count) != HM_OK)
        err = hm_fail(&c->why, HM_E_CONFIG,
                      "--version: '%.70s': expected to begin with 1 to 4 numbers, like 2.1.0",
                      r->version);
    return err;
}

static enum hm_err add_conditions(struct cli *c, struct hm_request *r)
{
    uint64_t valid = CLI_VALID_S;
    const char *before = cli_args_get(&c->args, "use-before");
    const char *at_least = cli_args_get(&c->args, "installed-at-least");
    const char *reason = NULL;
    enum hm_err err = cli_args_reason(&c->args, "break-glass", &reason, &c->why);
    if (err == HM_OK)
        err = cli_args_uint(&c->args, "valid-for", 60, CLI_VALID_MAX_S, valid, &valid, &c->why);
    if (err == HM_OK)
        err = cli_args_uint(&c->args, "rollback-floor", 1, HM_NUMBER_MAX, 0, &r->rollback_floor,
                            &c->why);
    if (err != HM_OK)
        return err;
    if (before != NULL && /* 0 is "none" in a request */
        (hm_time_parse(hm_bytes_str(before), &r->use_before_s) != HM_OK || r->use_before_s <= 0))
        return hm_fail(&c->why, HM_E_CONFIG,
                       "--use-before: '%.40s': expected a time like 2028-01-01T00:00:00Z", before);
    if (at_least != NULL && cli_numbers_spec(at_least, r->at_least, &r->at_least_count) != HM_OK)
        return hm_fail(&c->why, HM_E_CONFIG,
                       "--installed-at-least: '%.40s': expected a version like 2.0.0", at_least);
    (void)snprintf(r->break_glass, sizeof r->break_glass, "%s", reason != NULL ? reason : "");
    r->expires_s = hm_clock_unix_s() + (int64_t)valid;
    hm_random(r->nonce, sizeof r->nonce);
    return HM_OK;
}

static enum hm_err add_environment(struct cli *c, struct hm_request *r)
{
    const char *text = cli_args_get(&c->args, "environment");
    r->environment = hm_environment(text);
    if (text == NULL || r->environment != NULL)
        return HM_OK;
    return hm_fail(&c->why, HM_E_CONFIG,
                   "--environment: '%.40s': expected development, staging or production", text);
}

static enum hm_err request_from_options(struct cli *c, struct cli_submission *s)
{
    struct hm_request *r = &s->request;
    struct hm_vkey key;
    enum hm_err err = cli_log_key(c, &key);
    if (err == HM_OK)
        err = name_option(c, "product", r->product);
    if (err == HM_OK)
        err = version_option(c, r);
    if (err == HM_OK)
        err = name_option(c, "channel", r->channel);
    if (err == HM_OK)
        err = add_environment(c, r);
    if (err == HM_OK)
        err = add_lists(c, s);
    if (err == HM_OK)
        err = add_conditions(c, r);
    if (err != HM_OK)
        return err;
    (void)snprintf(r->origin, sizeof r->origin, "%s", key.name);
    err = hm_request_write(r, &s->payload, &c->why);
    return err == HM_OK ? hm_buf_err(&s->payload) : of_option(err, &c->why);
}

/* A request that was written before: its artifacts and attestations must be the ones given. */
static enum hm_err request_from_file(struct cli *c, struct cli_submission *s, const char *path)
{
    struct hm_request given = s->request;
    const char *files[HM_ARTIFACTS_MAX];
    struct hm_request *r = &s->request;
    enum hm_err err = cli_read(path, HM_REQUEST_MAX, &s->payload, &c->why);
    if (err == HM_OK)
        err = hm_request_parse(hm_buf_bytes(&s->payload), r, &c->why);
    if (err != HM_OK)
        return hm_fail_in(&c->why, err, "%.200s", path);
    memcpy(files, s->files, sizeof files);
    memset(s->files, 0, sizeof s->files);
    for (size_t i = 0; i < r->artifact_count; i++)
        for (size_t k = 0; k < given.artifact_count; k++)
            if (hm_digest_eq(&r->artifacts[i].digest, &given.artifacts[k].digest))
                s->files[i] = files[k];
    for (size_t i = 0; i < r->artifact_count; i++)
        if (s->files[i] == NULL)
            return hm_fail(&c->why, HM_E_CONFIG,
                           "%.200s asks for artifact '%s': no --artifact has its digest", path,
                           r->artifacts[i].name);
    bool same = r->attestation_count == given.attestation_count;
    for (size_t i = 0; same && i < r->attestation_count; i++)
        same = hm_digest_eq(&r->attestations[i], &given.attestations[i]);
    if (!same)
        return hm_fail(&c->why, HM_E_CONFIG,
                       "%.200s names other attestations than --attestation gives (order counts)",
                       path);
    return HM_OK;
}

/* The registrar's own parser, so that what it would refuse never leaves here. */
static enum hm_err check_payload(struct cli *c, struct cli_submission *s)
{
    struct hm_vkey key;
    struct hm_request parsed;
    enum hm_err err = hm_request_parse(hm_buf_bytes(&s->payload), &parsed, &c->why);
    if (err != HM_OK) {
        (void)hm_fail_in(&c->why, err, "the request is not acceptable");
        return HM_E_CONFIG;
    }
    s->request = parsed;
    err = cli_log_key(c, &key);
    if (err == HM_OK && strcmp(key.name, parsed.origin) != 0)
        err = hm_fail(&c->why, HM_E_CONFIG, "the request is for the log %s, the pinned key for %s",
                      parsed.origin, key.name);
    return err;
}

enum hm_err cli_submission_prepare(struct cli *c, struct cli_submission *s)
{
    const char *text;
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && (text = cli_args_at(&c->args, "artifact", i)) != NULL; i++)
        err = add_artifact(s, text, &c->why);
    for (size_t i = 0; err == HM_OK && (text = cli_args_at(&c->args, "attestation", i)) != NULL;
         i++)
        err = add_attestation(s, i, text, &c->why);
    if (err != HM_OK)
        return err;
    if (s->request.artifact_count == 0)
        return hm_fail(&c->why, HM_E_CONFIG, "--artifact is missing");
    text = cli_args_get(&c->args, "request");
    err = text != NULL ? request_from_file(c, s, text) : request_from_options(c, s);
    return err == HM_OK ? check_payload(c, s) : err;
}

static enum hm_err upload_one(struct cli *c, const struct hm_artifact *a, const char *file)
{
    char path[128], hex[HM_SHA256_HEX];
    struct cli_progress progress;
    CLI_ANSWER_AUTO head = {.status = 0};
    CLI_ANSWER_AUTO put = {.status = 0};
    hm_digest_hex(&a->digest, hex);
    (void)snprintf(path, sizeof path, "/v1/artifacts/sha256:%s", hex);
    struct cli_call call = {.method = "HEAD", .path = path, .max = 65536};
    enum hm_err err = cli_http_do(c, &call, &head);
    if (err != HM_OK)
        return err;
    if (head.status == 200) {
        if (!c->term.json)
            cli_note(c, "%s: the server has these bytes already", a->name);
        return HM_OK;
    }
    FILE *in = fopen(file, "rbe");
    if (in == NULL)
        return hm_fail(&c->why, HM_E_IO, "%.200s: cannot open", file);
    cli_progress_begin(&progress, &c->term, "uploaded", a->name, a->size);
    call = (struct cli_call){.method = "PUT",
                             .path = path,
                             .max = 65536,
                             .file = in,
                             .file_size = a->size,
                             .progress = &progress};
    err = cli_http_ok(c, &call, &put);
    cli_progress_end(&progress, a->size, err == HM_OK && !c->term.json);
    (void)fclose(in);
    return err;
}

enum hm_err cli_submission_upload(struct cli *c, const struct cli_submission *s)
{
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < s->request.artifact_count; i++)
        err = upload_one(c, &s->request.artifacts[i], s->files[i]);
    return err;
}

static enum hm_err other(struct hm_why *why, const char *what)
{
    return hm_fail(why, HM_E_DENIED, "the proven record names another %s than the request", what);
}

static enum hm_err check_record(const struct hm_request *q, bool token, const struct hm_record *r,
                                struct hm_why *why)
{
    if (strcmp(q->product, r->product) != 0)
        return other(why, "product");
    if (strcmp(q->version, r->version) != 0)
        return other(why, "version");
    if (strcmp(q->channel, r->channel) != 0)
        return other(why, "channel");
    bool same = q->artifact_count == r->artifact_count;
    for (size_t i = 0; same && i < q->artifact_count; i++) {
        same = false;
        for (size_t k = 0; k < r->artifact_count; k++)
            same |= hm_digest_eq(&q->artifacts[i].digest, &r->artifacts[k]);
    }
    if (!same)
        return other(why, "list of artifacts");
    same = r->evidence_count == 2 + q->attestation_count + (token ? 1 : 0);
    for (size_t i = 0; same && i < q->attestation_count; i++)
        same = hm_digest_eq(&q->attestations[i], &r->evidence[2 + i]);
    return same ? HM_OK : other(why, "list of attestations");
}

enum hm_err cli_submission_check(const struct cli_submission *s, bool token,
                                 const struct cli_ack *ack, struct hm_why *why)
{
    struct hm_approval a;
    enum hm_err err = check_record(&s->request, token, &ack->rec.record, why);
    if (err == HM_OK)
        err = hm_approval_parse(hm_buf_bytes(&ack->statement), &a, why);
    if (err == HM_OK)
        err = cli_facts_check_request(&a, &s->request, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "the server's answer was refused");
    if (!hm_digest_eq(&a.submitted, &ack->rec.leaf) || a.release != ack->rec.record.idx ||
        !hm_digest_eq(&a.manifest, &ack->rec.record.manifest))
        return hm_fail(why, HM_E_DENIED,
                       "the server's answer was refused: its statement is not about its record");
    return HM_OK;
}
