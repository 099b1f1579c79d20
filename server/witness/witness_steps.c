/* The commands that are done at once: keys, first states, a look. */
#include "server/witness/witness_steps.h"

#include "schema/core/hm_text.h"
#include "schema/core/hm_time.h"
#include "schema/io/hm_file.h"
#include "server/ipc/proc_user.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ROOT_SHOWN 16 /* hex digits */

static enum hm_err print_vkey(const struct witness_config *c, struct hm_why *why)
{
    HM_BUF_AUTO line = {.limit = 1024};
    struct witness_key *key = NULL;
    enum hm_err err = witness_key_open(c->key_file, c->name, &key, why);
    if (err != HM_OK)
        return err;
    hm_cosigner_write(witness_key_cosigner(key), &line);
    witness_key_close(key);
    const char *text = hm_buf_str(&line);
    return text != NULL && puts(text) >= 0 ? HM_OK : hm_fail(why, HM_E_IO, "cannot print");
}

enum hm_err witness_vkey(const struct witness_config *c, const struct witness_step_args *args,
                         struct hm_why *why)
{
    (void)args;
    enum hm_err err = proc_become(c->user, why);
    return err == HM_OK ? print_vkey(c, why) : err;
}

enum hm_err witness_keygen(const struct witness_config *c, const struct witness_step_args *args,
                           struct hm_why *why)
{
    (void)args;
    enum hm_err err = proc_become(c->user, why);
    if (err == HM_OK)
        err = witness_key_make(c->key_file, why);
    return err == HM_OK ? print_vkey(c, why) : err;
}

static const struct witness_log_config *configured(const struct witness_config *c,
                                                   const char *origin)
{
    for (size_t i = 0; i < c->log_count; i++)
        if (strcmp(c->logs[i].origin, origin) == 0)
            return &c->logs[i];
    return NULL;
}

enum hm_err witness_init(const struct witness_config *c, const struct witness_step_args *args,
                         struct hm_why *why)
{
    HM_BUF_AUTO note = {.limit = HM_NOTE_MAX + 1};
    const struct witness_log_config *log = configured(c, args->origin);
    if (log == NULL)
        return hm_fail(why, HM_E_CONFIG, "%s: no log of the configuration has this origin",
                       args->origin);
    enum hm_err err = HM_OK;
    if (args->checkpoint != NULL) /* before the user changes: it may be root's file */
        err = hm_file_read(args->checkpoint, HM_NOTE_MAX, &note, why);
    if (err == HM_OK && args->checkpoint != NULL && note.len == 0)
        err = hm_fail(why, HM_E_MALFORMED, "%s: empty, expected a signed checkpoint",
                      args->checkpoint);
    if (err == HM_OK)
        err = proc_become(c->user, why);
    if (err == HM_OK)
        err = witness_log_init(c->state_dir, log, hm_buf_bytes(&note), why);
    if (err == HM_OK)
        (void)printf("%s: the witness's state is ready\n", log->origin);
    return err;
}

static void print_log(const struct witness_config *c, const struct witness_log_config *config,
                      const struct witness_key *key, bool *failed)
{
    struct witness_log l = {.config = NULL};
    struct hm_why why = {""};
    char time[HM_TIME_TEXT] = "never";
    char root[HM_SHA256_HEX];
    if (witness_log_peek(c->state_dir, config, key, &l, &why) != HM_OK) {
        (void)fprintf(stderr, "%s\n", why.text);
        *failed = true;
    } else {
        if (l.last_time_s > 0 && l.last_time_s < UINT64_C(253402300800))
            hm_time_format((int64_t)l.last_time_s, time);
        hm_digest_hex(&l.last.root, root);
        (void)printf("%-20s  %12" PRIu64 "  %.*s  %s\n", time, l.last.size, ROOT_SHOWN, root,
                     config->origin);
    }
    witness_log_close(&l);
}

enum hm_err witness_status(const struct witness_config *c, const struct witness_step_args *args,
                           struct hm_why *why)
{
    struct witness_key *key = NULL;
    bool failed = false;
    (void)args;
    enum hm_err err = proc_become(c->user, why);
    if (err == HM_OK)
        err = witness_key_open(c->key_file, c->name, &key, why);
    if (err != HM_OK)
        return err;
    (void)printf("%-20s  %12s  %-*s  %s\n", "COSIGNED", "SIZE", ROOT_SHOWN, "ROOT", "LOG");
    for (size_t i = 0; i < c->log_count; i++)
        print_log(c, &c->logs[i], key, &failed);
    witness_key_close(key);
    return failed ? hm_fail(why, HM_E_STATE, "not every log has a state that can be read") : HM_OK;
}
