#include "client/cli_papers.h"

#include "client/cli_grow.h"
#include "client/cli_roster.h"
#include "schema/json/hm_json.h"

#include <stdlib.h>
#include <string.h>

/* Evidence of log.created: genesis, guards, policy. */
#define CREATED_GUARDS 1
#define CREATED_POLICY 2

struct cli_paper {
    struct hm_digest digest;
    struct hm_record where; /* policy.activated, or log.created for the first one */
    struct cli_policy policy;
    bool asked; /* policy.policy NULL then: it cannot be had */
};

void cli_papers_begin(struct cli_papers *p, struct cli_source *source)
{
    *p = (struct cli_papers){.source = source};
}

void cli_papers_end(struct cli_papers *p)
{
    for (size_t i = 0; i < p->count; i++)
        cli_policy_close(&p->policies[i].policy);
    free(p->policies);
    *p = (struct cli_papers){.source = NULL};
}

static struct cli_paper *find(const struct cli_papers *p, const struct hm_digest *digest)
{
    for (size_t i = p->count; i > 0; i--)
        if (hm_digest_eq(&p->policies[i - 1].digest, digest))
            return &p->policies[i - 1];
    return NULL;
}

enum hm_err cli_papers_note(struct cli_papers *p, const struct hm_record *r, struct hm_why *why)
{
    bool brings = r->event == HM_EV_POLICY_ACTIVATED || r->event == HM_EV_LOG_CREATED;
    if (!brings || !r->has_policy || find(p, &r->policy) != NULL)
        return HM_OK;
    if (cli_grow((void *)&p->policies, p->count, &p->cap, sizeof *p->policies, why) != HM_OK)
        return HM_E_MEMORY;
    p->policies[p->count++] = (struct cli_paper){.digest = r->policy, .where = *r};
    return HM_OK;
}

/* Errors that say: it is not there for us. */
static bool is_away(enum hm_err err)
{
    return err == HM_E_STATE || err == HM_E_NOT_FOUND || err == HM_E_DENIED || err == HM_E_LIMIT ||
           err == HM_E_EXPIRED;
}

enum hm_err cli_papers_blob(struct cli_papers *p, const struct hm_record *r, size_t n, size_t max,
                            struct hm_buf *out, bool *found, struct hm_why *why)
{
    enum hm_err err = cli_source_evidence(p->source, r, n, max, out, why);
    *found = err == HM_OK;
    if (!is_away(err))
        return err;
    p->missing++;
    return HM_OK;
}

static enum hm_err load(struct cli_papers *p, struct cli_paper *paper, struct hm_why *why)
{
    HM_BUF_AUTO text = {.limit = HM_POLICY_MAX + 1};
    struct hm_bytes bytes;
    bool found = false;
    paper->asked = true;
    size_t n = paper->where.event == HM_EV_LOG_CREATED ? CREATED_POLICY : 0;
    enum hm_err err = cli_papers_blob(p, &paper->where, n, HM_POLICY_MAX, &text, &found, why);
    if (err != HM_OK || !found)
        return err;
    bytes = hm_buf_bytes(&text);
    if (policy_load(bytes, &paper->policy.policy, NULL) != HM_OK ||
        hm_json_parse(bytes, HM_JSON_OURS(HM_POLICY_MAX), &paper->policy.doc, NULL) != HM_OK) {
        cli_policy_close(&paper->policy);
        p->missing++;
    }
    return HM_OK;
}

enum hm_err cli_papers_policy(struct cli_papers *p, const struct hm_digest *digest,
                              const struct cli_policy **out, struct hm_why *why)
{
    struct cli_paper *paper = find(p, digest);
    enum hm_err err = HM_OK;
    *out = NULL;
    if (paper != NULL && !paper->asked)
        err = load(p, paper, why);
    if (err == HM_OK && paper != NULL && paper->policy.policy != NULL)
        *out = &paper->policy;
    return err;
}

enum hm_err cli_papers_of(struct cli_papers *p, const struct hm_record *r,
                          const struct cli_policy **out, struct hm_why *why)
{
    *out = NULL;
    return r->has_policy ? cli_papers_policy(p, &r->policy, out, why) : HM_OK;
}

enum hm_err cli_papers_guards(struct cli_papers *p, const struct hm_record *r,
                              struct hm_guards *out, bool *found, struct hm_why *why)
{
    HM_BUF_AUTO text = {.limit = HM_GUARDS_MAX + 1};
    size_t n = r->event == HM_EV_LOG_CREATED ? CREATED_GUARDS : 0;
    enum hm_err err = cli_papers_blob(p, r, n, HM_GUARDS_MAX, &text, found, why);
    if (err != HM_OK || !*found)
        return err;
    *found = cli_guards_open(hm_buf_bytes(&text), out, NULL) == HM_OK;
    p->missing += !*found;
    return HM_OK;
}

enum hm_err cli_papers_roster(struct cli_papers *p, const struct hm_record *r,
                              struct hm_roster *out, bool *found, struct hm_why *why)
{
    HM_BUF_AUTO text = {.limit = HM_STATEMENT_MAX + 1};
    enum hm_err err = cli_papers_blob(p, r, 0, HM_STATEMENT_MAX, &text, found, why);
    if (err != HM_OK || !*found)
        return err;
    *found = hm_roster_parse(hm_buf_bytes(&text), out, NULL) == HM_OK;
    p->missing += !*found;
    return HM_OK;
}

json_t *cli_key_ids(const struct hm_key *keys, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        char hex[HM_SHA256_HEX];
        struct hm_digest id = hm_key_id(&keys[i]);
        hm_digest_hex(&id, hex);
        (void)json_array_append_new(list, json_string(hex));
    }
    return list;
}

bool cli_texts_have(const json_t *list, const char *text)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *one = json_string_value(json_array_get(list, i));
        if (one != NULL && strcmp(one, text) == 0)
            return true;
    }
    return false;
}

const char *cli_policy_name_of(const struct cli_policy *p, const char *id)
{
    const struct policy_principal *who = p != NULL ? policy_principal(p->policy, id) : NULL;
    return who != NULL && strcmp(who->name, id) != 0 ? who->name : NULL;
}

const struct policy_release_key *cli_policy_key_of(const struct cli_policy *p,
                                                   const struct hm_digest *key_id)
{
    const struct policy_release_key *k;
    for (size_t i = 0; p != NULL && (k = policy_key_at(p->policy, i)) != NULL; i++)
        if (hm_digest_eq(&k->key_id, key_id))
            return k;
    return NULL;
}
