#include "client/cli_match.h"

#include "schema/attest/hm_decision.h"
#include "schema/core/hm_text.h"

#include <string.h>

static enum hm_err read_name(struct cli *c, const char *option, const char **out)
{
    const char *v = cli_args_get(&c->args, option);
    if (v != NULL && !hm_name_ok(v))
        return hm_fail(&c->why, HM_E_CONFIG,
                       "--%s: '%.70s': expected a name of at most %d letters, digits and . _ + -",
                       option, v, HM_NAME_MAX);
    *out = v;
    return HM_OK;
}

static enum hm_err read_digest(struct cli *c, const char *option, struct hm_digest *out, bool *has)
{
    const char *v = cli_args_get(&c->args, option);
    if (v == NULL)
        return HM_OK;
    const char *hex = strncmp(v, "sha256:", 7) == 0 ? v + 7 : v;
    if (hm_digest_unhex(hm_bytes_str(hex), out) != HM_OK)
        return hm_fail(&c->why, HM_E_CONFIG, "--%s: '%.80s': expected 64 lower-case hex digits",
                       option, v);
    *has = true;
    return HM_OK;
}

static enum hm_err read_event(struct cli *c, enum hm_event *out)
{
    const char *v = cli_args_get(&c->args, "event");
    *out = v != NULL ? hm_event_parse(hm_bytes_str(v)) : HM_EV_NONE;
    if (v != NULL && *out == HM_EV_NONE)
        return hm_fail(&c->why, HM_E_CONFIG, "--event: no record has the event '%.40s'", v);
    return HM_OK;
}

static enum hm_err read_release(struct cli *c, struct cli_match *m)
{
    const char *v = cli_args_get(&c->args, "release");
    m->has_release = v != NULL;
    if (v != NULL && hm_release_id_parse(v, &m->release) != HM_OK)
        return hm_fail(&c->why, HM_E_CONFIG, "--release: '%.40s': expected a release id like r17",
                       v);
    return HM_OK;
}

enum hm_err cli_match_read(struct cli *c, struct cli_match *out)
{
    struct cli_match m = {.event = HM_EV_NONE};
    enum hm_err err = read_event(c, &m.event);
    if (err == HM_OK)
        err = read_name(c, "product", &m.product);
    if (err == HM_OK)
        err = read_name(c, "version", &m.version);
    if (err == HM_OK)
        err = read_name(c, "channel", &m.channel);
    if (err == HM_OK)
        err = read_name(c, "environment", &m.environment);
    if (err == HM_OK)
        err = read_name(c, "actor", &m.actor);
    if (err == HM_OK)
        err = read_name(c, "outcome", &m.outcome);
    if (err == HM_OK)
        err = read_release(c, &m);
    if (err == HM_OK)
        err = read_digest(c, "artifact", &m.artifact, &m.has_artifact);
    if (err == HM_OK)
        err = read_digest(c, "key", &m.key, &m.has_key);
    if (err == HM_OK)
        *out = m;
    return err;
}

static bool is(const char *asked, const char *found)
{
    return asked == NULL || strcmp(asked, found) == 0;
}

static bool names_artifact(const struct cli_match *m, const struct hm_record *r)
{
    for (size_t i = 0; i < r->artifact_count; i++)
        if (hm_digest_eq(&r->artifacts[i], &m->artifact))
            return true;
    return false;
}

static bool names_key(const struct cli_match *m, const struct hm_record *r)
{
    for (size_t i = 0; i < r->key_count; i++)
        if (hm_digest_eq(&r->keys[i].spki, &m->key))
            return true;
    return (r->has_guard && hm_digest_eq(&r->guard, &m->key)) ||
           (r->has_approver_key && hm_digest_eq(&r->approver_key, &m->key));
}

bool cli_match_record(const struct cli_match *m, const struct hm_record *r)
{
    return (m->event == HM_EV_NONE || m->event == r->event) && is(m->product, r->product) &&
           is(m->version, r->version) && is(m->channel, r->channel) &&
           is(m->environment, r->environment) && is(m->actor, r->actor) &&
           is(m->outcome, r->outcome) &&
           (!m->has_release || (r->has_release && r->release == m->release)) &&
           (!m->has_artifact || names_artifact(m, r)) && (!m->has_key || names_key(m, r));
}
