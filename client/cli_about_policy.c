/* What a policy says of a key, and of a person. */
#include "client/cli_about.h"

#include "schema/json/hm_json.h"

#include <string.h>

static bool among(const struct hm_key *keys, size_t count, const struct hm_digest *id)
{
    for (size_t i = 0; i < count; i++) {
        struct hm_digest one = hm_key_id(&keys[i]);
        if (hm_digest_eq(&one, id))
            return true;
    }
    return false;
}

/* ---- a key ---- */

static void rules_of_key(const struct policy *p, const struct policy_release_key *k, json_t *facts)
{
    const struct policy_rule *rule;
    for (size_t i = 0; (rule = policy_rule_at(p, i)) != NULL; i++)
        for (size_t n = 0; n < rule->key_count; n++)
            if (rule->keys[n] == k)
                cli_about_fact(facts, "signs under rule %s, environment %s", rule->id,
                               rule->environment);
}

static void people_of_key(const struct policy *p, const struct hm_digest *id, json_t *facts)
{
    const struct policy_principal *who;
    for (size_t i = 0; (who = policy_principal_at(p, i)) != NULL; i++) {
        const char *name = strcmp(who->name, who->id) != 0 ? who->name : "";
        if (among(who->approval_keys, who->approval_key_count, id))
            cli_about_fact(facts, "approval key of %s%s%s%s", who->id, name[0] ? " (" : "", name,
                           name[0] ? ")" : "");
        if (among(who->submit_keys, who->submit_key_count, id))
            cli_about_fact(facts, "submits for %s%s%s%s", who->id, name[0] ? " (" : "", name,
                           name[0] ? ")" : "");
    }
}

void cli_about_policy_key(const struct cli_about *a, const struct cli_policy *p, json_t *facts)
{
    const struct policy_release_key *k = cli_policy_key_of(p, &a->digest);
    const struct hm_key *keys;
    const char *builder;
    size_t count;
    if (k != NULL) {
        cli_about_fact(facts, "release key %s, environment %s", k->id, k->environment);
        rules_of_key(p->policy, k, facts);
    }
    people_of_key(p->policy, &a->digest, facts);
    for (size_t i = 0; (builder = policy_builder_at(p->policy, i, &keys, &count)) != NULL; i++)
        if (among(keys, count, &a->digest))
            cli_about_fact(facts, "attests for builder %s", builder);
}

/* ---- a person ---- */

static void credentials(const json_t *person, json_t *facts)
{
    const json_t *list = json_object_get(person, "credentials");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const json_t *oidc = json_object_get(one, "oidc");
        if (json_object_get(one, "san_uri") != NULL)
            cli_about_fact(facts, "known by certificates for %s", hm_json_text(one, "san_uri"));
        else if (oidc != NULL)
            cli_about_fact(facts, "known by tokens of %s", hm_json_text(oidc, "issuer"));
        else
            cli_about_fact(facts, "known by the certificate %s", hm_json_text(one, "fingerprint"));
    }
}

static void keys_of_person(const struct policy_principal *who, json_t *facts, json_t *ids)
{
    char hex[HM_SHA256_HEX];
    for (size_t i = 0; i < who->approval_key_count; i++) {
        struct hm_digest id = hm_key_id(&who->approval_keys[i]);
        hm_digest_hex(&id, hex);
        cli_about_fact(facts, "approves with key %s", hex);
        (void)json_array_append_new(ids, json_string(hex));
    }
    for (size_t i = 0; i < who->submit_key_count; i++) {
        struct hm_digest id = hm_key_id(&who->submit_keys[i]);
        hm_digest_hex(&id, hex);
        cli_about_fact(facts, "submits with key %s", hex);
    }
}

static const json_t *person_of(const json_t *doc, const char *id)
{
    const json_t *people = json_object_get(doc, "principals");
    for (size_t i = 0; i < json_array_size(people); i++)
        if (strcmp(hm_json_text(json_array_get(people, i), "id"), id) == 0)
            return json_array_get(people, i);
    return NULL;
}

static void memberships(const json_t *doc, const char *id, json_t *facts)
{
    const json_t *groups = json_object_get(doc, "groups");
    const json_t *rules = json_object_get(doc, "rules");
    for (size_t i = 0; i < json_array_size(groups); i++) {
        const json_t *g = json_array_get(groups, i);
        if (cli_texts_have(json_object_get(g, "members"), id))
            cli_about_fact(facts, "in group %s", hm_json_text(g, "id"));
    }
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *r = json_array_get(rules, i);
        if (cli_texts_have(json_object_get(r, "submitters"), id))
            cli_about_fact(facts, "may submit under rule %s", hm_json_text(r, "id"));
    }
}

void cli_about_policy_person(const struct cli_about *a, const struct cli_policy *p, json_t *facts,
                             json_t *keys)
{
    const struct policy_principal *who = policy_principal(p->policy, a->name);
    const json_t *person = person_of(p->doc, a->name);
    if (who == NULL || person == NULL)
        return;
    cli_about_fact(facts, "in the policy as %s", who->name);
    const json_t *roles = json_object_get(person, "roles");
    for (size_t i = 0; i < json_array_size(roles); i++)
        cli_about_fact(facts, "%s", json_string_value(json_array_get(roles, i)));
    memberships(p->doc, a->name, facts);
    credentials(person, facts);
    keys_of_person(who, facts, keys);
}
