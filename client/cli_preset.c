/* A preset's form and the command line become one document. */
#include "client/cli_preset.h"
#include "client/cli_policy.h"
#include "schema/attest/hm_cert.h"
#include "schema/core/hm_text.h"
#include "schema/json/hm_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CERTIFICATE_FILE_MAX ((size_t)256 * 1024)
#define DEFAULT_SUBMITTER "ci"

/* What is being made. Everything is owned by doc or form. */
struct maker {
    struct cli *c;
    const struct cli_preset *preset;
    const json_t *form;
    json_t *doc;
    json_t *products;   /* list of names */
    json_t *principals; /* in doc, like the following */
    json_t *submitters; /* ids */
    json_t *builders;   /* ids */
};

static enum hm_err no_memory(struct cli *c)
{
    return hm_fail(&c->why, HM_E_MEMORY, "out of memory");
}

static enum hm_err need_name(struct cli *c, const char *option, const char *text)
{
    if (hm_name_ok(text))
        return HM_OK;
    return hm_fail(&c->why, HM_E_CONFIG,
                   "--%s: '%.80s': expected a name of 1 to 64 of A-Z a-z 0-9 . _ + -", option,
                   text);
}

static json_t *form_json(const char *text)
{
    HM_BUF_AUTO b = {.limit = HM_POLICY_MAX};
    for (; *text != '\0'; text++)
        hm_buf_putc(&b, (uint8_t)(*text == '\'' ? '"' : *text));
    return b.err == HM_OK ? json_loadb((const char *)b.data, b.len, 0, NULL) : NULL;
}

/* --- people --- */

static json_t *find_principal(const struct maker *m, const char *id)
{
    for (size_t i = 0; i < json_array_size(m->principals); i++) {
        json_t *p = json_array_get(m->principals, i);
        if (strcmp(json_string_value(json_object_get(p, "id")), id) == 0)
            return p;
    }
    return NULL;
}

/* The certificates given for this id, else the SAN URI that a client certificate of the vendor's
 * own CA would have. */
static enum hm_err credentials(struct maker *m, const char *id, json_t *list)
{
    struct cli_preset_given g;
    char text[HM_URI_MAX + 1];
    for (size_t i = 0; cli_preset_given(m->c, "client-certificate", i, &g); i++) {
        HM_BUF_AUTO pem = {.limit = CERTIFICATE_FILE_MAX + 1};
        struct hm_cert *cert = NULL;
        if (strcmp(g.id, id) != 0 || g.file == NULL)
            continue;
        enum hm_err err = cli_read(g.file, CERTIFICATE_FILE_MAX, &pem, &m->c->why);
        cert = err == HM_OK ? calloc(1, sizeof *cert) : NULL;
        if (err == HM_OK)
            err = cert == NULL ? no_memory(m->c)
                               : hm_cert_parse_pem(hm_buf_bytes(&pem), cert, &m->c->why);
        if (err == HM_OK) {
            (void)snprintf(text, sizeof text, "sha256:");
            hm_digest_hex(&cert->fingerprint, text + strlen(text));
            (void)json_array_append_new(list, json_pack("{s:s}", "fingerprint", text));
        }
        free(cert);
        if (err != HM_OK)
            return hm_fail_in(&m->c->why, err, "%.200s", g.file);
    }
    if (json_array_size(list) == 0) {
        (void)snprintf(text, sizeof text, "spiffe://%s/%s", m->c->set.vendor_domain, id);
        (void)json_array_append_new(list, json_pack("{s:s}", "san_uri", text));
    }
    return HM_OK;
}

/* keys: member for the keys, "approval_keys" or "submit_keys". */
static enum hm_err add_principal(struct maker *m, const char *id, const json_t *roles,
                                 const char *keys, json_t **out)
{
    json_t *list = json_array();
    json_t *p = json_pack("{s:s, s:o, s:o, s:[]}", "id", id, "roles", json_deep_copy(roles),
                          "credentials", list, keys);
    if (p == NULL || json_array_append_new(m->principals, p) != 0)
        return no_memory(m->c);
    *out = p;
    return credentials(m, id, list);
}

static enum hm_err add_given(struct maker *m, const struct cli_preset_given *g, const char *option,
                             const json_t *roles, const char *keys, json_t *members)
{
    json_t *p = find_principal(m, g->id);
    enum hm_err err = need_name(m->c, option, g->id);
    if (err == HM_OK && p == NULL)
        err = add_principal(m, g->id, roles, keys, &p);
    else if (err == HM_OK && !json_equal(json_object_get(p, "roles"), roles))
        err = hm_fail(&m->c->why, HM_E_CONFIG, "--%s: %s already stands for somebody else", option,
                      g->id);
    if (err != HM_OK)
        return err;
    bool known = false;
    for (size_t i = 0; i < json_array_size(members); i++)
        known |= strcmp(json_string_value(json_array_get(members, i)), g->id) == 0;
    if (!known)
        (void)json_array_append_new(members, json_string(g->id));
    return g->file != NULL ? cli_preset_keys(m->c, g->file, json_object_get(p, keys)) : HM_OK;
}

/* People that the preset needs and nobody named. */
static enum hm_err add_missing(struct maker *m, const json_t *kind, json_t *members)
{
    const char *option = json_string_value(json_object_get(kind, "option"));
    json_int_t least = json_integer_value(json_object_get(kind, "least"));
    enum hm_err err = HM_OK;
    for (int n = 1; err == HM_OK && (json_int_t)json_array_size(members) < least; n++) {
        struct cli_preset_given g = {.file = NULL};
        (void)snprintf(g.id, sizeof g.id, "%s-%d", option, n);
        if (find_principal(m, g.id) == NULL)
            err =
                add_given(m, &g, option, json_object_get(kind, "roles"), "approval_keys", members);
    }
    return err;
}

/* Whoever has no key gets one that is to be filled in. */
static void mark_keys(const struct maker *m, const json_t *members)
{
    for (size_t i = 0; i < json_array_size(members); i++) {
        const char *id = json_string_value(json_array_get(members, i));
        json_t *keys = json_object_get(find_principal(m, id), "approval_keys");
        if (json_array_size(keys) == 0)
            (void)json_array_append_new(
                keys, cli_preset_no_key("ssh",
                                        "the line in %s's .pub file, made by ssh-keygen -t "
                                        "ed25519-sk (hardware token) or -t ed25519",
                                        id));
    }
}

static enum hm_err add_people(struct maker *m, const json_t *kind, json_t *groups)
{
    const char *option = json_string_value(json_object_get(kind, "option"));
    json_t *members = json_array();
    json_t *group =
        json_pack("{s:O, s:o}", "id", json_object_get(kind, "group"), "members", members);
    struct cli_preset_given g;
    enum hm_err err = HM_OK;
    if (group == NULL || json_array_append_new(groups, group) != 0)
        return no_memory(m->c);
    for (size_t i = 0; err == HM_OK && cli_preset_given(m->c, option, i, &g); i++)
        err = add_given(m, &g, option, json_object_get(kind, "roles"), "approval_keys", members);
    if (err == HM_OK)
        err = add_missing(m, kind, members);
    if (err == HM_OK)
        mark_keys(m, members);
    return err;
}

/* An option for people that this preset does not have would be lost in silence. */
static enum hm_err check_options(struct maker *m)
{
    static const char *const options[] = {"approver", "security", "administrator"};
    const json_t *people = json_object_get(m->form, "people");
    for (size_t o = 0; o < sizeof options / sizeof options[0]; o++) {
        bool known = !cli_args_has(&m->c->args, options[o]);
        for (size_t i = 0; i < json_array_size(people); i++)
            known |= strcmp(json_string_value(json_object_get(json_array_get(people, i), "option")),
                            options[o]) == 0;
        if (!known)
            return hm_fail(&m->c->why, HM_E_CONFIG, "--%s: preset %s has no such people",
                           options[o], m->preset->name);
    }
    return HM_OK;
}

static enum hm_err add_submitters(struct maker *m)
{
    HM_JSON_AUTO *roles = json_pack("[s]", "submitter");
    struct cli_preset_given g = {.id = DEFAULT_SUBMITTER, .file = NULL};
    enum hm_err err = HM_OK;
    if (!cli_args_has(&m->c->args, "submitter"))
        return add_given(m, &g, "submitter", roles, "submit_keys", m->submitters);
    for (size_t i = 0; err == HM_OK && cli_preset_given(m->c, "submitter", i, &g); i++)
        err = add_given(m, &g, "submitter", roles, "submit_keys", m->submitters);
    return err;
}

/* --- builders, keys, rules --- */

static enum hm_err add_builder(struct maker *m, const char *id, const char *file,
                               const json_t *repositories, json_t *list)
{
    json_t *keys = json_array();
    json_t *b =
        json_pack("{s:s, s:o, s:o, s:o}", "id", id, "keys", keys, "products",
                  json_deep_copy(m->products), "repositories", json_deep_copy(repositories));
    if (b == NULL || json_array_append_new(list, b) != 0 ||
        json_array_append_new(m->builders, json_string(id)) != 0)
        return no_memory(m->c);
    if (file != NULL)
        return cli_preset_keys(m->c, file, keys);
    (void)json_array_append_new(
        keys, cli_preset_no_key("pem", "the public key that verifies the provenance "
                                       "(openssl pkey -in builder.key -pubout)"));
    return HM_OK;
}

static enum hm_err add_builders(struct maker *m)
{
    HM_JSON_AUTO *repositories = json_array();
    json_t *list = json_array();
    const char *text;
    struct cli_preset_given g;
    enum hm_err err = HM_OK;
    (void)json_object_set_new(m->doc, "builders", list);
    for (size_t i = 0; (text = cli_args_at(&m->c->args, "repository", i)) != NULL; i++)
        (void)json_array_append_new(repositories, json_string(text));
    if (json_array_size(repositories) == 0)
        (void)json_array_append_new(
            repositories,
            json_string(CLI_POLICY_FILL_IN
                        "the repository as the provenance names it, without git+ and @ref"));
    if (!cli_args_has(&m->c->args, "builder"))
        return add_builder(m, CLI_POLICY_FILL_IN "builder.id as it stands in the provenance", NULL,
                           repositories, list);
    for (size_t i = 0; err == HM_OK && cli_preset_given(m->c, "builder", i, &g); i++)
        err = add_builder(m, g.id, g.file, repositories, list);
    return err;
}

/* The --release-key for this id; marks it as used. */
static enum hm_err release_key(struct maker *m, const char *id, json_t **out)
{
    HM_JSON_AUTO *list = json_array();
    struct cli_preset_given g;
    for (size_t i = 0; cli_preset_given(m->c, "release-key", i, &g); i++) {
        if (strcmp(g.id, id) != 0 || g.file == NULL)
            continue;
        enum hm_err err = cli_preset_keys(m->c, g.file, list);
        if (err != HM_OK)
            return err;
        *out = json_incref(json_array_get(list, 0));
        return HM_OK;
    }
    *out = cli_preset_no_key("pem", "the public half of release key %s, as the ceremony printed it",
                             id);
    return *out != NULL ? HM_OK : no_memory(m->c);
}

/* A --release-key that no key of the document takes is a spelling mistake. */
static enum hm_err check_release_keys(struct maker *m)
{
    struct cli_preset_given g;
    const json_t *keys = json_object_get(m->doc, "keys");
    for (size_t i = 0; cli_preset_given(m->c, "release-key", i, &g); i++) {
        HM_BUF_AUTO ids = {.limit = 4096};
        bool known = false;
        for (size_t k = 0; k < json_array_size(keys); k++) {
            const char *id = json_string_value(json_object_get(json_array_get(keys, k), "id"));
            known |= strcmp(id, g.id) == 0;
            hm_buf_printf(&ids, "%s%s", k > 0 ? ", " : "", id);
        }
        const char *all = hm_buf_str(&ids);
        if (!known || g.file == NULL)
            return hm_fail(&m->c->why, HM_E_CONFIG,
                           "--release-key: '%.80s': expected KEY=FILE with one of the keys %.300s",
                           g.id, all != NULL ? all : "");
    }
    return HM_OK;
}

/* Every builder that the command line names will do. */
static void put_builders(const struct maker *m, json_t *v)
{
    if (json_is_object(v))
        (void)json_object_set_new(v, "builders", json_deep_copy(m->builders));
}

/* One key or rule of the form for these products; suffix NULL, or the product behind the ids. */
static enum hm_err add_element(struct maker *m, const json_t *from, const char *suffix, bool is_key,
                               json_t *list)
{
    json_t *products = suffix != NULL ? json_pack("[s]", suffix) : json_deep_copy(m->products);
    json_t *v = json_pack("{s:O, s:o}", "id", json_object_get(from, "id"), "products", products);
    const char *const named[] = {"id", is_key ? NULL : "key"};
    HM_JSON_AUTO *rest = json_deep_copy(from);
    if (v == NULL || rest == NULL || json_array_append_new(list, v) != 0 ||
        json_object_update_missing(v, rest) != 0)
        return no_memory(m->c);
    (void)json_object_del(v, "per_product");
    for (size_t i = 0; i < 2 && suffix != NULL && named[i] != NULL; i++)
        (void)json_object_set_new(
            v, named[i],
            json_sprintf("%s.%s", json_string_value(json_object_get(v, named[i])), suffix));
    const char *id = json_string_value(json_object_get(v, "id"));
    if (id == NULL || !hm_name_ok(id))
        return hm_fail(&m->c->why, HM_E_CONFIG,
                       "--product: '%.80s' is too long for this preset, which calls a key %.80s",
                       suffix != NULL ? suffix : "", id != NULL ? id : "");
    json_t *key = NULL;
    if (is_key) {
        enum hm_err err = release_key(m, id, &key);
        if (err == HM_OK)
            (void)json_object_set_new(v, "public_key", key);
        return err;
    }
    (void)json_object_set_new(v, "submitters", json_deep_copy(m->submitters));
    put_builders(m, json_object_get(v, "provenance"));
    json_t *attestations = json_object_get(v, "attestations");
    for (size_t i = 0; i < json_array_size(attestations); i++)
        put_builders(m, json_array_get(attestations, i));
    return HM_OK;
}

static enum hm_err add_section(struct maker *m, const char *section)
{
    const json_t *form = json_object_get(m->form, section);
    bool is_key = strcmp(section, "keys") == 0;
    json_t *list = json_array();
    enum hm_err err = json_object_set_new(m->doc, section, list) == 0 ? HM_OK : no_memory(m->c);
    for (size_t i = 0; err == HM_OK && i < json_array_size(form); i++) {
        const json_t *v = json_array_get(form, i);
        bool each = json_is_true(json_object_get(v, "per_product"));
        size_t times = each ? json_array_size(m->products) : 1;
        for (size_t k = 0; err == HM_OK && k < times; k++)
            err = add_element(m, v, each ? json_string_value(json_array_get(m->products, k)) : NULL,
                              is_key, list);
    }
    return err;
}

static enum hm_err read_products(struct maker *m)
{
    const char *text;
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && (text = cli_args_at(&m->c->args, "product", i)) != NULL;
         i++) {
        err = need_name(m->c, "product", text);
        if (err == HM_OK && json_array_append_new(m->products, json_string(text)) != 0)
            err = no_memory(m->c);
    }
    if (err == HM_OK && json_array_size(m->products) == 0)
        err = hm_fail(&m->c->why, HM_E_CONFIG, "--product is missing");
    return err;
}

static enum hm_err make(struct maker *m)
{
    const json_t *people = json_object_get(m->form, "people");
    json_t *groups = json_array();
    enum hm_err err = check_options(m);
    (void)json_object_set_new(m->doc, "principals", m->principals);
    (void)json_object_set_new(m->doc, "groups", groups);
    if (err == HM_OK)
        err = read_products(m);
    if (err == HM_OK)
        err = add_submitters(m);
    for (size_t i = 0; err == HM_OK && i < json_array_size(people); i++)
        err = add_people(m, json_array_get(people, i), groups);
    if (err == HM_OK)
        err = add_builders(m);
    if (err == HM_OK)
        err = add_section(m, "keys");
    if (err == HM_OK)
        err = check_release_keys(m);
    if (err == HM_OK)
        err = add_section(m, "rules");
    if (err == HM_OK)
        err = json_object_set(m->doc, "administration",
                              json_object_get(m->form, "administration")) == 0
                  ? HM_OK
                  : no_memory(m->c);
    return err;
}

enum hm_err cli_preset_fill(struct cli *c, const struct cli_preset *preset, json_t **out)
{
    const char *name = cli_args_get(&c->args, "name");
    const char *domain = c->set.vendor_domain;
    if (domain[0] == '\0')
        return hm_fail(&c->why, HM_E_CONFIG, "--vendor-domain is missing");
    HM_JSON_AUTO *form = form_json(preset->form);
    HM_JSON_AUTO *doc = json_pack("{s:i, s:s, s:s}", "version", 1, "name",
                                  name != NULL ? name : domain, "vendor_domain", domain);
    HM_JSON_AUTO *products = json_array();
    HM_JSON_AUTO *submitters = json_array();
    HM_JSON_AUTO *builders = json_array();
    struct maker m = {.c = c,
                      .preset = preset,
                      .form = form,
                      .doc = doc,
                      .products = products,
                      .principals = json_array(),
                      .submitters = submitters,
                      .builders = builders};
    if (form == NULL || doc == NULL)
        return hm_fail(&c->why, doc == NULL ? HM_E_CONFIG : HM_E_MEMORY,
                       "--name, --vendor-domain: expected UTF-8");
    enum hm_err err = make(&m);
    if (err == HM_OK)
        *out = json_incref(doc);
    return err;
}
