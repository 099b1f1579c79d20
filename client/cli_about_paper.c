/* What policies, guards documents and lists of approvers say of a key or person, one after the
 * other: each makes a set of plain statements, and the difference to the set before is told. */
#include "client/cli_about.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Members of a->known: "policy" and "guards" (statements), "keys" (hex ids of the subject's own
 * keys), "lists" (release key in hex -> hex ids of its approvers), "facts" (all of the above as
 * statements). */

void cli_about_fact(json_t *facts, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    (void)json_array_append_new(facts, json_string(text));
}

static bool is_subject(const struct cli_about *a, const struct hm_digest *key_id)
{
    char hex[HM_SHA256_HEX];
    hm_digest_hex(key_id, hex);
    return cli_texts_have(json_object_get(a->known, "keys"), hex);
}

/* ---- guards ---- */

static void key_text(const struct cli_policy *p, const struct hm_digest *id, struct hm_buf *out)
{
    hm_buf_reset(out);
    cli_story_key(p, id, out);
}

static bool any_is_subject(const struct cli_about *a, const struct hm_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct hm_digest id = hm_key_id(&keys[i]);
        if (is_subject(a, &id))
            return true;
    }
    return false;
}

static void guard_facts(const struct cli_about *a, const struct cli_policy *p,
                        const struct hm_guard *g, json_t *facts)
{
    HM_BUF_AUTO key = {.limit = 512};
    key_text(p, &g->key, &key);
    if (is_subject(a, &g->key))
        cli_about_fact(facts, "its guard asks for %zu approvals, environment %s%s", g->approvals,
                       g->environment,
                       g->roster_threshold > 0 ? "; roster keys change its list of approvers" : "");
    if (any_is_subject(a, g->roster, g->roster_count))
        cli_about_fact(facts, "a roster key: %zu of %zu change the list of approvers of key %s",
                       g->roster_threshold, g->roster_count, hm_buf_str(&key));
}

static void take_guards(struct cli_about *a, const struct cli_policy *p,
                        const struct hm_guards *guards)
{
    json_t *facts = json_array();
    json_t *lists = json_object();
    struct hm_digest log_key = hm_key_id(&guards->log_key.key);
    if (is_subject(a, &log_key))
        cli_about_fact(facts, "the key that signs the log's checkpoints");
    if (any_is_subject(a, guards->root.keys, guards->root.count))
        cli_about_fact(facts, "a root key, of %zu, threshold %zu", guards->root.count,
                       guards->root.threshold);
    for (size_t i = 0; i < guards->count; i++) {
        char hex[HM_SHA256_HEX];
        const struct hm_guard *g = &guards->guards[i];
        guard_facts(a, p, g, facts);
        hm_digest_hex(&g->key, hex);
        (void)json_object_set_new(lists, hex, cli_key_ids(g->approvers, g->approver_count));
    }
    (void)json_object_set_new(a->known, "guards", facts);
    (void)json_object_set_new(a->known, "lists", lists);
}

static enum hm_err read_guards(struct cli_about *a, const struct hm_record *r, struct hm_why *why)
{
    __attribute__((cleanup(hm_guards_free))) struct hm_guards guards = {.count = 0};
    const struct cli_policy *p = NULL;
    bool found = false;
    enum hm_err err = cli_papers_guards(&a->papers, r, &guards, &found, why);
    if (err == HM_OK)
        err = cli_papers_of(&a->papers, r, &p, why);
    if (err == HM_OK && found)
        take_guards(a, p, &guards);
    return err;
}

static enum hm_err read_roster(struct cli_about *a, const struct hm_record *r, struct hm_why *why)
{
    char hex[HM_SHA256_HEX];
    HM_FREE struct hm_roster *list = calloc(1, sizeof *list);
    json_t *lists = json_object_get(a->known, "lists");
    bool found = false;
    if (list == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    enum hm_err err = cli_papers_roster(&a->papers, r, list, &found, why);
    hm_digest_hex(&r->guard, hex);
    if (err == HM_OK && found)
        (void)json_object_set_new(lists, hex, cli_key_ids(list->approvers, list->count));
    return err;
}

/* ---- policies ---- */

static enum hm_err read_policy(struct cli_about *a, const struct hm_record *r, struct hm_why *why)
{
    const struct cli_policy *p = NULL;
    enum hm_err err = cli_papers_of(&a->papers, r, &p, why);
    if (err != HM_OK || p == NULL)
        return err;
    json_t *facts = json_array();
    if (a->kind == CLI_ABOUT_KEY) {
        cli_about_policy_key(a, p, facts);
    } else {
        json_t *keys = json_array();
        cli_about_policy_person(a, p, facts, keys);
        (void)json_object_set_new(a->known, "keys", keys);
    }
    (void)json_object_set_new(a->known, "policy", facts);
    return HM_OK;
}

/* ---- the difference ---- */

/* Whose list of approvers holds a key of the subject. */
static void list_facts(const struct cli_about *a, const struct cli_policy *p, json_t *facts)
{
    const char *release_key;
    json_t *approvers;
    json_t *lists = json_object_get(a->known, "lists");
    json_object_foreach(lists, release_key, approvers)
    {
        HM_BUF_AUTO name = {.limit = 512};
        struct hm_digest id;
        if (hm_digest_unhex(hm_bytes_str(release_key), &id) != HM_OK)
            continue;
        key_text(p, &id, &name);
        for (size_t i = 0; i < json_array_size(approvers); i++) {
            const char *hex = json_string_value(json_array_get(approvers, i));
            if (cli_texts_have(json_object_get(a->known, "keys"), hex))
                cli_about_fact(facts, "key %.16s is on the list of approvers of key %s", hex,
                               hm_buf_str(&name));
        }
    }
}

static void tell_difference(struct cli_about *a, const struct cli_policy *p, json_t *lines)
{
    json_t *facts = json_array();
    const json_t *before = json_object_get(a->known, "facts");
    (void)json_array_extend(facts, json_object_get(a->known, "policy"));
    (void)json_array_extend(facts, json_object_get(a->known, "guards"));
    list_facts(a, p, facts);
    for (size_t i = 0; i < json_array_size(facts); i++) {
        const char *text = json_string_value(json_array_get(facts, i));
        if (!cli_texts_have(before, text))
            cli_about_fact(lines, "now: %s", text);
    }
    for (size_t i = 0; i < json_array_size(before); i++) {
        const char *text = json_string_value(json_array_get(before, i));
        if (!cli_texts_have(facts, text))
            cli_about_fact(lines, "no longer: %s", text);
    }
    (void)json_object_set_new(a->known, "facts", facts);
}

static json_t *begin_known(const struct cli_about *a)
{
    json_t *known =
        json_pack("{s:[], s:[], s:[], s:{}, s:[]}", "policy", "guards", "keys", "lists", "facts");
    char hex[HM_SHA256_HEX];
    hm_digest_hex(&a->digest, hex);
    if (a->kind == CLI_ABOUT_KEY)
        (void)json_array_append_new(json_object_get(known, "keys"), json_string(hex));
    return known;
}

enum hm_err cli_about_paper(struct cli_about *a, const struct hm_record *r, json_t *lines,
                            struct hm_why *why)
{
    const struct cli_policy *p = NULL;
    enum hm_err err = HM_OK;
    if (a->known == NULL)
        a->known = begin_known(a);
    if (a->known == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    if (r->event == HM_EV_LOG_CREATED || r->event == HM_EV_GUARDS_CHANGED)
        err = read_guards(a, r, why);
    else if (r->event == HM_EV_ROSTER_CHANGED)
        err = read_roster(a, r, why);
    else
        err = read_policy(a, r, why);
    if (err == HM_OK)
        err = cli_papers_of(&a->papers, r, &p, why);
    if (err == HM_OK)
        tell_difference(a, p, lines);
    return err;
}
