/* Who and what the two policies know: people, groups, builders, release keys, administrators. */
#include "client/cli_diff_priv.h"
#include "schema/attest/hm_cert.h"
#include "schema/trust/hm_keydoc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_SHOWN 16 /* digits of a key id that people compare */

/* A key object of any section: approval keys may also be certificates, or demand more of a token.
 */
static bool read_key(const json_t *v, struct hm_key *out)
{
    const char *line = diff_text(v, "ssh");
    const char *pem = diff_text(v, "certificate");
    if (line[0] != '\0')
        return hm_key_from_ssh_line(line, out, NULL) == HM_OK;
    if (pem[0] == '\0')
        return hm_keydoc_read(v, "$", out, NULL) == HM_OK;
    HM_FREE struct hm_cert *cert = calloc(1, sizeof *cert);
    if (cert == NULL || hm_cert_parse_pem(hm_bytes_str(pem), cert, NULL) != HM_OK)
        return false;
    *out = cert->key;
    return true;
}

/* Keys as {identity: "comment (sha256:…)"}: another encoding of one key is no difference, but that
 * a certificate vouches for it is one. */
static json_t *key_set(const json_t *list)
{
    json_t *set = json_object();
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        struct hm_key key;
        char hex[HM_SHA256_HEX], label[256], identity[HM_SHA256_HEX + 32];
        if (!read_key(v, &key))
            continue;
        struct hm_digest id = hm_key_id(&key);
        hm_digest_hex(&id, hex);
        const char *more = json_object_get(v, "certificate") != NULL ? ", by certificate" : "";
        const char *line = diff_text(v, "ssh");
        const char *comment = strchr(line, ' ');
        comment = comment != NULL ? strchr(comment + 1, ' ') : NULL;
        (void)snprintf(label, sizeof label, "%s (sha256:%.*s…%s)",
                       comment != NULL && strlen(comment) < 128 ? comment + 1
                       : hm_key_is_sk(&key)                     ? "hardware key"
                                                                : hm_key_mechanism(&key),
                       ID_SHOWN, hex, more);
        (void)snprintf(identity, sizeof identity, "%s%s", hex, more);
        (void)json_object_set_new(set, identity, json_string(label));
    }
    return set;
}

/* Those of a list whose token has to verify its user, where the other list has the key too. */
static json_t *verifying(const json_t *list, const json_t *other)
{
    json_t *set = json_object();
    HM_JSON_AUTO *known = key_set(other);
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *v = json_array_get(list, i);
        HM_JSON_AUTO *one = json_pack("[O]", v);
        HM_JSON_AUTO *key = key_set(one);
        void *at = json_object_iter(key);
        if (at != NULL && json_is_true(json_object_get(v, "user_verification")) &&
            json_object_get(known, json_object_iter_key(at)) != NULL)
            (void)json_object_update(set, key);
    }
    return set;
}

static json_t *credential_set(const json_t *list)
{
    json_t *set = json_object();
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        const char *uri = diff_text(v, "san_uri");
        const char *text = uri[0] != '\0' ? uri : diff_text(v, "fingerprint");
        HM_FREE char *whole =
            text[0] == '\0' ? json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS) : strdup(text);
        if (whole != NULL)
            (void)json_object_set_new(set, whole, json_string(whole));
    }
    return set;
}

typedef void diff_element_fn(struct diff *d, const char *where, const json_t *from,
                             const json_t *to);

/* Elements of one section by id: told calls for those that only one side has (the other NULL) and
 * for those of both. */
static void each(struct diff *d, const char *section, const char *title, diff_element_fn *tell)
{
    HM_JSON_AUTO *from = diff_by_id(json_object_get(d->from.doc, section));
    HM_JSON_AUTO *to = diff_by_id(json_object_get(d->to.doc, section));
    const char *id;
    json_t *v;
    char where[HM_URI_MAX + 64];
    json_object_foreach(to, id, v)
    {
        (void)snprintf(where, sizeof where, "%s %s", title, id);
        tell(d, where, json_object_get(from, id), v);
    }
    json_object_foreach(from, id, v)
    {
        (void)snprintf(where, sizeof where, "%s %s", title, id);
        if (json_object_get(to, id) == NULL)
            tell(d, where, v, NULL);
    }
}

static void tell_joins(struct diff *d, const char *where, const json_t *who)
{
    HM_JSON_AUTO *roles = diff_set_of(json_object_get(who, "roles"));
    HM_FREE char *text = diff_join(roles);
    diff_say(d, CLI_DIFF_WIDER, where,
             "joins as %s, with %zu approval keys, %zu submit keys, %zu credentials",
             text != NULL ? text : "?", json_array_size(json_object_get(who, "approval_keys")),
             json_array_size(json_object_get(who, "submit_keys")),
             json_array_size(json_object_get(who, "credentials")));
}

static void tell_person(struct diff *d, const char *where, const json_t *from, const json_t *to)
{
    if (from == NULL) {
        tell_joins(d, where, to);
        return;
    }
    if (to == NULL) {
        diff_say(d, CLI_DIFF_STRICTER, where, "leaves");
        return;
    }
    diff_names(d, where, "roles", DIFF_MAY, json_object_get(from, "roles"),
               json_object_get(to, "roles"));
    diff_sets(d, where, "approval keys", DIFF_MAY, key_set(json_object_get(from, "approval_keys")),
              key_set(json_object_get(to, "approval_keys")));
    diff_sets(
        d, where, "tokens that verify their user", DIFF_DEMAND,
        verifying(json_object_get(from, "approval_keys"), json_object_get(to, "approval_keys")),
        verifying(json_object_get(to, "approval_keys"), json_object_get(from, "approval_keys")));
    diff_sets(d, where, "submit keys", DIFF_MAY, key_set(json_object_get(from, "submit_keys")),
              key_set(json_object_get(to, "submit_keys")));
    diff_sets(d, where, "credentials", DIFF_MAY,
              credential_set(json_object_get(from, "credentials")),
              credential_set(json_object_get(to, "credentials")));
    diff_value(d, where, "name", json_object_get(from, "name"), json_object_get(to, "name"));
}

static void tell_group(struct diff *d, const char *where, const json_t *from, const json_t *to)
{
    if (from == NULL || to == NULL) {
        HM_JSON_AUTO *members = diff_set_of(json_object_get(from == NULL ? to : from, "members"));
        HM_FREE char *text = diff_join(members);
        diff_say(d, CLI_DIFF_CHANGED, where, "%s: %s", from == NULL ? "new" : "gone",
                 text != NULL ? text : "?");
        return;
    }
    diff_names(d, where, "members", DIFF_MAY, json_object_get(from, "members"),
               json_object_get(to, "members"));
}

static void tell_builder(struct diff *d, const char *where, const json_t *from, const json_t *to)
{
    if (from == NULL || to == NULL) {
        diff_say(d, from == NULL ? CLI_DIFF_WIDER : CLI_DIFF_STRICTER, where,
                 from == NULL ? "is believed now" : "is believed no longer");
        return;
    }
    diff_sets(d, where, "keys", DIFF_MAY, key_set(json_object_get(from, "keys")),
              key_set(json_object_get(to, "keys")));
    diff_names(d, where, "products", DIFF_MAY, json_object_get(from, "products"),
               json_object_get(to, "products"));
    diff_names(d, where, "repositories", DIFF_MAY, json_object_get(from, "repositories"),
               json_object_get(to, "repositories"));
    diff_number(d, where, "build level granted", DIFF_MAY,
                json_integer_value(json_object_get(from, "level")),
                json_integer_value(json_object_get(to, "level")));
}

static void tell_key(struct diff *d, const char *where, const json_t *from, const json_t *to)
{
    if (from == NULL || to == NULL) {
        diff_say(d, from == NULL ? CLI_DIFF_WIDER : CLI_DIFF_STRICTER, where, "%s: a %s key",
                 from == NULL ? "new" : "gone", diff_text(from == NULL ? to : from, "environment"));
        return;
    }
    HM_JSON_AUTO *old_key = json_pack("[O]", json_object_get(from, "public_key"));
    HM_JSON_AUTO *new_key = json_pack("[O]", json_object_get(to, "public_key"));
    HM_JSON_AUTO *a = key_set(old_key);
    HM_JSON_AUTO *b = key_set(new_key);
    if (!json_equal(a, b)) {
        HM_FREE char *was = diff_join(a);
        HM_FREE char *is = diff_join(b);
        diff_say(d, CLI_DIFF_CHANGED, where, "another key under this name: %s in place of %s",
                 is != NULL ? is : "?", was != NULL ? was : "?");
    }
    diff_value(d, where, "environment", json_object_get(from, "environment"),
               json_object_get(to, "environment"));
    diff_names(d, where, "products", DIFF_MAY, json_object_get(from, "products"),
               json_object_get(to, "products"));
    diff_names(d, where, "channels", DIFF_MAY, json_object_get(from, "channels"),
               json_object_get(to, "channels"));
}

static void diff_administration(struct diff *d)
{
    static const char where[] = "administration";
    const struct policy *from = d->from.policy;
    const struct policy *to = d->to.policy;
    const char *old_group = policy_admin_group(from);
    const char *new_group = policy_admin_group(to);
    if (old_group == NULL && new_group == NULL)
        return;
    if (old_group == NULL)
        diff_say(d, CLI_DIFF_WIDER, where,
                 "%zu of %s can put another policy into force; before, only the root keys could",
                 policy_admin_count(to), new_group);
    else if (new_group == NULL)
        diff_say(d, CLI_DIFF_STRICTER, where,
                 "only the root keys can put another policy into force; before, %zu of %s could",
                 policy_admin_count(from), old_group);
    else {
        diff_number(d, where, "administrators that a new policy needs", DIFF_DEMAND,
                    (json_int_t)policy_admin_count(from), (json_int_t)policy_admin_count(to));
        if (strcmp(old_group, new_group) != 0)
            diff_say(d, CLI_DIFF_CHANGED, where, "group %s in place of %s", new_group, old_group);
    }
}

void diff_people(struct diff *d)
{
    each(d, "principals", "principal", tell_person);
    each(d, "groups", "group", tell_group);
    diff_administration(d);
    each(d, "builders", "builder", tell_builder);
    each(d, "keys", "key", tell_key);
}
