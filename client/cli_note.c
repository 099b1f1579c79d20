#include "client/cli_note.h"

#include <stdio.h>
#include <string.h>

static enum hm_err malformed(struct cli_fault *f, uint64_t size, const char *found,
                             struct hm_why *why)
{
    return cli_fault(f, CLI_FAULT_CHECKPOINT_MALFORMED, size == CLI_NOTE_ANY ? 0 : size,
                     "a checkpoint of docs/formats/log-proof.md", found, why);
}

enum hm_err cli_note_read(struct hm_bytes note, const char *origin, uint64_t size,
                          struct hm_checkpoint *out, struct cli_fault *f, struct hm_why *why)
{
    struct hm_checkpoint_parts p;
    struct hm_why inner = {""};
    if (note.len > HM_CHECKPOINT_MAX)
        return malformed(f, size, "more bytes than one may have", why);
    if (hm_checkpoint_split(note, false, &p, &inner) != HM_OK)
        return malformed(f, size, inner.text, why);
    if (strcmp(p.checkpoint.origin, origin) != 0)
        return cli_fault(f, CLI_FAULT_CHECKPOINT_ORIGIN, size == CLI_NOTE_ANY ? 0 : size, origin,
                         p.checkpoint.origin, why);
    if (size != CLI_NOTE_ANY && p.checkpoint.size != size)
        return cli_fault_number(f, CLI_FAULT_CHECKPOINT_SIZE, size, size, p.checkpoint.size, why);
    *out = p.checkpoint;
    return HM_OK;
}

static enum hm_err check_log(const struct hm_checkpoint_parts *p, const struct hm_vkey *log,
                             struct cli_fault *f, struct hm_why *why)
{
    char expected[HM_ORIGIN_MAX + 64];
    struct hm_why inner = {""};
    enum hm_err err = hm_checkpoint_verify(p, log, 1, NULL, &inner);
    if (err == HM_OK)
        return HM_OK;
    if (err != HM_E_SIGNATURE)
        return malformed(f, p->checkpoint.size, inner.text, why);
    (void)snprintf(expected, sizeof expected, "a signature by the pinned key of %s", log->name);
    return cli_fault(f, CLI_FAULT_CHECKPOINT_SIGNATURE, p->checkpoint.size, expected, inner.text,
                     why);
}

static enum hm_err check_witnesses(const struct hm_checkpoint_parts *p,
                                   const struct hm_cosigners *known, size_t required,
                                   size_t *cosigned, struct cli_fault *f, struct hm_why *why)
{
    struct hm_cosignatures s = {.of = {{.time_s = 0}}};
    struct hm_why inner = {""};
    enum hm_err err =
        hm_cosignatures_take(&s, known, p->body, p->signatures, HM_COSIGNATURE_TIME_MAX, &inner);
    if (err != HM_OK)
        return cli_fault(f, CLI_FAULT_COSIGNATURE, p->checkpoint.size,
                         "cosignatures that verify under the given keys", inner.text, why);
    size_t n = hm_cosignatures_count(&s);
    if (n < required)
        return cli_fault_number(f, CLI_FAULT_WITNESSES, p->checkpoint.size, required, n, why);
    if (cosigned != NULL)
        *cosigned = n;
    return HM_OK;
}

enum hm_err cli_note_signatures(struct hm_bytes note, const struct cli_note_keys *keys,
                                size_t required, size_t *cosigned, struct cli_fault *f,
                                struct hm_why *why)
{
    static const struct hm_cosigners nobody = {.count = 0};
    struct hm_checkpoint_parts p;
    struct hm_why inner = {""};
    if (hm_checkpoint_split(note, false, &p, &inner) != HM_OK)
        return malformed(f, CLI_NOTE_ANY, inner.text, why);
    enum hm_err err = check_log(&p, keys->log, f, why);
    if (err != HM_OK)
        return err;
    const struct hm_cosigners *known = keys->witnesses != NULL ? keys->witnesses : &nobody;
    return known->count > 0 || required > 0 ? check_witnesses(&p, known, required, cosigned, f, why)
                                            : HM_OK;
}
