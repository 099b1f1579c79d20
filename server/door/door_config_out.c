/* Members about requests that the door makes itself. */
#include "server/door/door_config_priv.h"

#include "schema/core/hm_text.h"
#include "server/door/door_out.h"

#include <stdlib.h>
#include <string.h>

static bool named_before(const struct door_config *c, const char *name)
{
    for (size_t i = 0; i < c->witness_count; i++)
        if (strcmp(c->witnesses[i].name, name) == 0)
            return true;
    return false;
}

static void read_witness(struct proc_config *f, const json_t *v, size_t i, struct door_config *c)
{
    char path[160];
    struct hm_json_in in;
    hm_json_path(&f->in, "witnesses", (long)i, path);
    hm_json_begin(&in, v, path, f->why);
    const char *name = hm_json_str(&in, "name");
    const char *url = hm_json_str(&in, "url");
    if (name != NULL && (!hm_origin_ok(name) || named_before(c, name)))
        hm_json_bad(&in, HM_E_CONFIG, "name",
                    "expected the name in the witness's key, each witness once");
    if (url != NULL && !door_out_url_ok(url))
        hm_json_bad(&in, HM_E_CONFIG, "url",
                    "expected an http or https URL without user, query and fragment");
    enum hm_err err = hm_json_end(&in);
    if (err == HM_OK) {
        struct door_config_witness *w = &c->witnesses[c->witness_count++];
        w->name = door_config_copy(f, "witnesses", name);
        w->url = door_config_copy(f, "witnesses", url);
    } else if (f->in.err == HM_OK) {
        f->in.err = err;
    }
}

void door_config_read_out(struct proc_config *f, struct door_config *c)
{
    c->outbound_ca = proc_config_path_or_null(f, "outbound_ca");
    const json_t *list = hm_json_array_or_null(&f->in, "witnesses", HM_WITNESSES_MAX);
    for (size_t i = 0; f->in.err == HM_OK && i < json_array_size(list); i++)
        read_witness(f, json_array_get(list, i), i, c);
    door_config_read_webhooks(f, c);
}

void door_config_free_out(struct door_config *c)
{
    free(c->outbound_ca);
    for (size_t i = 0; i < c->witness_count; i++) {
        free(c->witnesses[i].name);
        free(c->witnesses[i].url);
    }
    door_config_free_webhooks(c);
}

bool door_config_dials(const struct door_config *c)
{
    return c->witness_count > 0 || c->webhook_count > 0;
}
