/* Whether statement, record, request, manifest and provenance tell one story. Pure; every
 * difference is a refusal that names both sides. */
#include "client/cli_facts.h"

#include "schema/attest/hm_dsse.h"
#include "schema/cose/hm_authwrap.h"

#include <inttypes.h>
#include <string.h>

static enum hm_err differs(struct hm_why *why, const char *line, const char *says,
                           const char *other, const char *expected)
{
    return hm_fail(why, HM_E_DENIED, "the statement's line '%s' says %.160s, %s says %.160s", line,
                   says, other, expected);
}

static enum hm_err same_text(struct hm_why *why, const char *line, const char *a, const char *other,
                             const char *b)
{
    return strcmp(a, b) == 0 ? HM_OK : differs(why, line, a, other, b);
}

static enum hm_err same_digest(struct hm_why *why, const char *line, const struct hm_digest *a,
                               const char *other, const struct hm_digest *b)
{
    char says[HM_SHA256_HEX], expected[HM_SHA256_HEX];
    hm_digest_hex(a, says);
    hm_digest_hex(b, expected);
    return hm_digest_eq(a, b) ? HM_OK : differs(why, line, says, other, expected);
}

static enum hm_err same_number(struct hm_why *why, const char *line, uint64_t a, const char *other,
                               uint64_t b)
{
    char says[24], expected[24];
    (void)snprintf(says, sizeof says, "%" PRIu64, a);
    (void)snprintf(expected, sizeof expected, "%" PRIu64, b);
    return a == b ? HM_OK : differs(why, line, says, other, expected);
}

static enum hm_err check_names(const struct hm_approval *s, const char *product,
                               const char *version, const char *channel, const char *other,
                               struct hm_why *why)
{
    enum hm_err err = same_text(why, "product", s->product, other, product);
    if (err == HM_OK)
        err = same_text(why, "version", s->version, other, version);
    if (err == HM_OK)
        err = same_text(why, "channel", s->channel, other, channel);
    return err;
}

static enum hm_err check_keys(const struct hm_approval *s, const struct hm_record *r,
                              struct hm_why *why)
{
    if (s->sign_count == 0 || s->sign_count != r->key_count)
        return hm_fail(why, HM_E_DENIED,
                       "the statement names %zu signing keys, the record of the submission %zu",
                       s->sign_count, r->key_count);
    for (size_t i = 0; i < s->sign_count; i++) {
        enum hm_err err =
            same_digest(why, "sign (key)", &s->sign[i].key, "the record", &r->keys[i].spki);
        if (err == HM_OK)
            err = same_digest(why, "sign (bytes)", &s->sign[i].tbs, "the record", &r->keys[i].tbs);
        if (err == HM_OK)
            err = same_text(why, "sign (mechanism)", s->sign[i].mechanism, "the record",
                            r->keys[i].mechanism);
        if (err != HM_OK)
            return err;
    }
    return HM_OK;
}

static enum hm_err check_record_artifacts(const struct hm_approval *s, const struct hm_record *r,
                                          struct hm_why *why)
{
    if (s->artifact_count != r->artifact_count)
        return hm_fail(why, HM_E_DENIED, "the statement names %zu artifacts, the record %zu",
                       s->artifact_count, r->artifact_count);
    for (size_t i = 0; i < s->artifact_count; i++) {
        bool found = false;
        for (size_t k = 0; k < r->artifact_count; k++)
            found |= hm_digest_eq(&s->artifacts[i].digest, &r->artifacts[k]);
        if (!found)
            return hm_fail(why, HM_E_DENIED,
                           "the statement's artifact '%s' is not among the record's",
                           s->artifacts[i].name);
    }
    return HM_OK;
}

enum hm_err cli_facts_check_record(const struct cli_facts *f, struct hm_why *why)
{
    const struct hm_approval *s = &f->statement;
    const struct hm_record *r = &f->submitted.record;
    const char *rec = "the proven record";
    if (r->event != HM_EV_RELEASE_SUBMITTED || r->idx != f->release)
        return hm_fail(why, HM_E_DENIED, "record %" PRIu64 " is %s, expected release.submitted",
                       r->idx, hm_event_name(r->event));
    enum hm_err err = same_digest(why, "submitted", &s->submitted, rec, &f->submitted.leaf);
    if (err == HM_OK)
        err = same_number(why, "release", s->release, rec, r->idx);
    if (err == HM_OK)
        err = check_names(s, r->product, r->version, r->channel, rec, why);
    if (err == HM_OK)
        err = same_text(why, "environment", s->environment, rec, r->environment);
    if (err == HM_OK)
        err = same_number(why, "sequence", s->sequence, rec, r->sequence);
    if (err == HM_OK)
        err = same_number(why, "expires", (uint64_t)s->expires_s, rec, r->expires_s);
    if (err == HM_OK)
        err = same_digest(why, "manifest", &s->manifest, rec, &r->manifest);
    if (err == HM_OK)
        err = same_digest(why, "policy", &s->policy, rec, &r->policy);
    if (err == HM_OK)
        err = check_record_artifacts(s, r, why);
    return err == HM_OK ? check_keys(s, r, why) : err;
}

static bool has_hardware(const struct hm_request *r, const struct hm_hardware *h)
{
    for (size_t i = 0; i < r->hardware_count; i++)
        if (strcmp(r->hardware[i].model, h->model) == 0 &&
            strcmp(r->hardware[i].revision, h->revision) == 0)
            return true;
    return false;
}

static bool has_region(const struct hm_request *r, const char *region)
{
    for (size_t i = 0; i < r->region_count; i++)
        if (strcmp(r->regions[i], region) == 0)
            return true;
    return false;
}

static bool has_dependency(const struct hm_request *r, const struct hm_dependency *d)
{
    for (size_t i = 0; i < r->dependency_count; i++)
        if (strcmp(r->dependencies[i].product, d->product) == 0 &&
            strcmp(r->dependencies[i].version, d->version) == 0)
            return true;
    return false;
}

static bool has_artifact(const struct hm_request *r, const struct hm_artifact *a)
{
    for (size_t i = 0; i < r->artifact_count; i++)
        if (strcmp(r->artifacts[i].name, a->name) == 0)
            return hm_digest_eq(&r->artifacts[i].digest, &a->digest) &&
                   r->artifacts[i].size == a->size;
    return false;
}

static enum hm_err not_in_request(struct hm_why *why, const char *line, const char *a,
                                  const char *b)
{
    return hm_fail(why, HM_E_DENIED,
                   "the statement's line '%s' %.64s %.64s is not what the signed request asks for",
                   line, a, b);
}

static enum hm_err check_members(const struct hm_approval *s, const struct hm_request *r,
                                 struct hm_why *why)
{
    for (size_t i = 0; i < s->hardware_count; i++)
        if (!has_hardware(r, &s->hardware[i]))
            return not_in_request(why, "hardware", s->hardware[i].model, s->hardware[i].revision);
    for (size_t i = 0; i < s->region_count; i++)
        if (!has_region(r, s->regions[i]))
            return not_in_request(why, "region", s->regions[i], "");
    for (size_t i = 0; i < s->dependency_count; i++)
        if (!has_dependency(r, &s->dependencies[i]))
            return not_in_request(why, "dependency", s->dependencies[i].product,
                                  s->dependencies[i].version);
    for (size_t i = 0; i < s->artifact_count; i++)
        if (!has_artifact(r, &s->artifacts[i]))
            return not_in_request(why, "artifact", s->artifacts[i].name, "");
    return HM_OK;
}

enum hm_err cli_facts_check_request(const struct hm_approval *s, const struct hm_request *r,
                                    struct hm_why *why)
{
    enum hm_err err = check_names(s, r->product, r->version, r->channel, "the signed request", why);
    if (err == HM_OK)
        err = same_text(why, "origin", s->origin, "the signed request", r->origin);
    if (err == HM_OK)
        err = same_text(why, "break-glass", s->break_glass, "the signed request", r->break_glass);
    if (err == HM_OK && r->environment != NULL)
        err = same_text(why, "environment", s->environment, "the signed request", r->environment);
    if (err != HM_OK)
        return err;
    if (s->hardware_count != r->hardware_count || s->region_count != r->region_count ||
        s->dependency_count != r->dependency_count || s->artifact_count != r->artifact_count)
        return hm_fail(why, HM_E_DENIED,
                       "the statement names %zu hardware, %zu regions, %zu dependencies, %zu "
                       "artifacts; the signed request %zu, %zu, %zu, %zu",
                       s->hardware_count, s->region_count, s->dependency_count, s->artifact_count,
                       r->hardware_count, r->region_count, r->dependency_count, r->artifact_count);
    return check_members(s, r, why);
}

static enum hm_err check_classes(const struct cli_facts *f, struct hm_why *why)
{
    const struct hm_approval *s = &f->statement;
    struct hm_uuid vendor = hm_vendor_id(f->vendor_domain);
    if (memcmp(vendor.b, f->suit.vendor.b, sizeof vendor.b) != 0)
        return hm_fail(why, HM_E_DENIED, "the manifest is for another vendor than %.200s",
                       f->vendor_domain);
    if (f->suit.class_count != s->hardware_count * s->region_count)
        return hm_fail(
            why, HM_E_DENIED,
            "the manifest names %zu device classes, the statement's hardware and regions "
            "make %zu",
            f->suit.class_count, s->hardware_count * s->region_count);
    for (size_t h = 0; h < s->hardware_count; h++)
        for (size_t g = 0; g < s->region_count; g++) {
            struct hm_uuid id = hm_class_id(&vendor, s->product, s->hardware[h].model,
                                            s->hardware[h].revision, s->regions[g]);
            bool found = false;
            for (size_t i = 0; i < f->suit.class_count; i++)
                found |= memcmp(id.b, f->suit.classes[i].b, sizeof id.b) == 0;
            if (!found)
                return hm_fail(
                    why, HM_E_DENIED, "the manifest is not for %s/%s/%s/%s, as the statement says",
                    s->product, s->hardware[h].model, s->hardware[h].revision, s->regions[g]);
        }
    return HM_OK;
}

static enum hm_err check_images(const struct cli_facts *f, struct hm_why *why)
{
    const struct hm_request *r = &f->request;
    if (f->suit.image_count != r->artifact_count)
        return hm_fail(why, HM_E_DENIED, "the manifest installs %zu images, expected %zu",
                       f->suit.image_count, r->artifact_count);
    for (size_t i = 0; i < r->artifact_count; i++) {
        const struct hm_artifact *a = &r->artifacts[i];
        bool found = false;
        for (size_t k = 0; k < f->suit.image_count; k++) {
            const struct hm_suit_image *m = &f->suit.images[k];
            found |= m->slot == a->slot && m->size == a->size && strcmp(m->uri, a->uri) == 0 &&
                     hm_digest_eq(&m->digest, &a->digest);
        }
        if (!found)
            return hm_fail(why, HM_E_DENIED,
                           "the manifest does not install '%s' with the digest, size, uri and slot "
                           "of the request",
                           a->name);
    }
    return HM_OK;
}

static enum hm_err check_conditions(const struct cli_facts *f, struct hm_why *why)
{
    const struct hm_suit_release *m = &f->suit;
    const struct hm_request *r = &f->request;
    enum hm_err err =
        same_number(why, "sequence", f->statement.sequence, "the manifest", m->sequence);
    if (err != HM_OK)
        return err;
    if (m->use_before != (uint64_t)r->use_before_s)
        return hm_fail(why, HM_E_DENIED,
                       "use-before: the manifest says %" PRIu64 ", the request %" PRIu64,
                       m->use_before, (uint64_t)r->use_before_s);
    if (m->rollback_floor != r->rollback_floor)
        return hm_fail(why, HM_E_DENIED,
                       "rollback floor: the manifest says %" PRIu64 ", the request %" PRIu64,
                       m->rollback_floor, r->rollback_floor);
    bool same = m->at_least_count == r->at_least_count;
    for (size_t i = 0; same && i < m->at_least_count; i++)
        same = m->at_least[i] == r->at_least[i];
    if (!same)
        return hm_fail(why, HM_E_DENIED,
                       "installed version: the manifest's condition is not the request's");
    return HM_OK;
}

static enum hm_err check_tbs(const struct cli_facts *f, struct hm_why *why)
{
    for (size_t i = 0; i < f->statement.sign_count; i++) {
        const struct hm_sign_entry *e = &f->statement.sign[i];
        struct hm_key key = {.alg = strcmp(e->mechanism, "ESP256") == 0    ? HM_KEY_P256
                                    : strcmp(e->mechanism, "Ed25519") == 0 ? HM_KEY_ED25519
                                                                           : HM_KEY_NONE};
        HM_BUF_AUTO tbs = {.limit = 256};
        if (key.alg == HM_KEY_NONE)
            return hm_fail(why, HM_E_DENIED, "the statement's mechanism '%s' is not known",
                           e->mechanism);
        hm_auth_tbs(&tbs, &key, hm_buf_bytes(&f->manifest));
        struct hm_digest d = hm_sha256(hm_buf_bytes(&tbs));
        enum hm_err err = hm_buf_err(&tbs);
        if (err == HM_OK)
            err = same_digest(why, "sign (bytes)", &e->tbs, "the manifest", &d);
        if (err != HM_OK)
            return err;
    }
    return HM_OK;
}

enum hm_err cli_facts_check_manifest(const struct cli_facts *f, struct hm_why *why)
{
    struct hm_digest d = hm_auth_digest(hm_buf_bytes(&f->manifest));
    enum hm_err err = same_digest(why, "manifest", &f->statement.manifest, "the manifest", &d);
    if (err == HM_OK)
        err = check_conditions(f, why);
    if (err == HM_OK)
        err = check_images(f, why);
    if (err == HM_OK)
        err = check_classes(f, why);
    return err == HM_OK ? check_tbs(f, why) : err;
}

/* Whether one attestation carries what the statement says about the source, signed by one of the
 * builder's keys where the policy is at hand. */
static bool provenance_fits(const struct cli_facts *f, struct hm_bytes envelope)
{
    const struct hm_approval *s = &f->statement;
    struct hm_dsse d;
    struct hm_provenance p;
    enum hm_statement_type type = HM_STATEMENT_OTHER;
    bool fits = false;
    if (hm_dsse_parse(envelope, HM_ATTESTATION_MAX, &d, NULL) != HM_OK)
        return false;
    if (strcmp(d.payload_type, HM_INTOTO_PAYLOAD_TYPE) == 0 &&
        hm_provenance_parse(hm_buf_bytes(&d.payload), &type, &p, NULL) == HM_OK &&
        type == HM_STATEMENT_SLSA_V1 && strcmp(p.builder, s->builder) == 0)
        for (size_t i = 0; i < p.source_count; i++)
            fits |= strcmp(p.sources[i].repository, s->source.repository) == 0 &&
                    strcmp(p.sources[i].ref, s->source.ref) == 0 &&
                    strcmp(p.sources[i].commit, s->source.commit) == 0;
    if (fits && f->policy != NULL) {
        size_t count = 0;
        const struct hm_key *keys = policy_builder_keys(f->policy, s->builder, &count);
        bool by_builder = false;
        for (size_t i = 0; i < count; i++)
            by_builder |= hm_dsse_verify(&d, &keys[i]) == HM_OK;
        fits = by_builder;
    }
    hm_dsse_free(&d);
    return fits;
}

enum hm_err cli_facts_check_provenance(const struct cli_facts *f, struct hm_why *why)
{
    if (f->statement.builder[0] == '\0')
        return HM_OK; /* "-": shown to the approver as "no provenance" */
    for (size_t i = 0; i < f->attestation_count; i++)
        if (provenance_fits(f, hm_buf_bytes(&f->attestations[i])))
            return HM_OK;
    return hm_fail(why, HM_E_DENIED,
                   "no attestation of this release says repository %.120s, commit %.64s, builder "
                   "%.120s under a key of that builder",
                   f->statement.source.repository, f->statement.source.commit,
                   f->statement.builder);
}

enum hm_err cli_facts_check(const struct cli_facts *f, const char *origin, struct hm_why *why)
{
    const struct hm_record *r = &f->submitted.record;
    enum hm_err err = same_text(why, "origin", f->statement.origin, "the pinned log key", origin);
    if (err == HM_OK)
        err = cli_facts_check_record(f, why);
    if (err != HM_OK)
        return err;
    struct hm_digest request = hm_sha256(hm_buf_bytes(&f->request_doc));
    struct hm_digest manifest = hm_sha256(hm_buf_bytes(&f->manifest));
    if (r->evidence_count < 2 || !hm_digest_eq(&r->evidence[0], &request) ||
        !hm_digest_eq(&r->evidence[1], &manifest))
        return hm_fail(why, HM_E_DENIED,
                       "request or manifest are not the evidence that the record names");
    err = cli_facts_check_request(&f->statement, &f->request, why);
    if (err == HM_OK)
        err = cli_facts_check_manifest(f, why);
    return err == HM_OK ? cli_facts_check_provenance(f, why) : err;
}
