/* One token: its slot, its flags, its login. A PIN is tried only if nothing speaks against it. */
#include "hsm/hsm_pin_priv.h"
#include "hsm/hsm_priv.h"

#include <stdio.h>
#include <string.h>

#define SLOTS_MAX 256

enum hm_err hsm_fail_token(struct hm_why *why, const struct hsm_token *t, const char *call,
                           CK_RV rv)
{
    return hm_fail(why, hsm_ckr_err(rv), "token \"%s\": %s: %s (0x%lx): %s", t->label, call,
                   hsm_ckr_name(rv), rv, hsm_ckr_advice(rv));
}

/* Fixed-size text of PKCS#11, padded with blanks. */
static void cut_blanks(const CK_UTF8CHAR *text, size_t len, char *out)
{
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\0'))
        len--;
    memcpy(out, text, len);
    out[len] = '\0';
}

static enum hm_err find_slot(struct hsm *h, struct hsm_token *t, CK_TOKEN_INFO *info,
                             struct hm_why *why)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    CK_RV rv = h->m.f->C_GetSlotList(CK_TRUE, slots, &count);
    if (rv != CKR_OK)
        return hsm_fail_token(why, t, "C_GetSlotList", rv);
    size_t found = 0;
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO it;
        char label[sizeof it.label + 1];
        if (h->m.f->C_GetTokenInfo(slots[i], &it) != CKR_OK)
            continue;
        cut_blanks(it.label, sizeof it.label, label);
        if (strcmp(label, t->label) != 0)
            continue;
        t->slot = slots[i];
        *info = it;
        found++;
    }
    if (found == 0)
        return hm_fail(why, HM_E_UNAVAILABLE,
                       "token \"%s\": no slot has a token of this label; plug it in, or correct "
                       "the label in the configuration",
                       t->label);
    if (found > 1)
        return hm_fail(why, HM_E_CONFLICT, "token \"%s\": %zu tokens have this label; rename one",
                       t->label, found);
    return HM_OK;
}

static enum hm_err check_serial(struct hsm *h, struct hsm_token *t, const CK_TOKEN_INFO *info,
                                struct hm_why *why)
{
    char serial[HSM_SERIAL_MAX + 1];
    cut_blanks(info->serialNumber, sizeof info->serialNumber, serial);
    if (h->keys_known && strcmp(serial, t->serial) != 0)
        return hm_fail(why, HM_E_UNAVAILABLE,
                       "token \"%s\": another token came back under this label (serial %s, not "
                       "%s); put the right one in, or restart",
                       t->label, serial, t->serial);
    memcpy(t->serial, serial, sizeof serial);
    return HM_OK;
}

static enum hm_err check_flags(const struct hsm *h, const struct hsm_token *t, CK_FLAGS flags,
                               enum hsm_refusal refusal, struct hm_why *why)
{
    if ((flags & CKF_USER_PIN_INITIALIZED) == 0)
        return hm_fail(why, HM_E_TOKEN, "token \"%s\": it has no user PIN yet; initialise it",
                       t->label);
    if ((flags & CKF_USER_PIN_LOCKED) != 0)
        return hm_fail(why, HM_E_PIN,
                       "token \"%s\": its PIN is locked; the security officer must set a new one",
                       t->label);
    if ((flags & CKF_USER_PIN_FINAL_TRY) != 0 && !h->attended)
        return hm_fail(why, HM_E_PIN,
                       "token \"%s\": one wrong PIN more locks it (CKF_USER_PIN_FINAL_TRY); log in "
                       "once by hand, then start again",
                       t->label);
    /* Our own refused try sets this flag too; a PIN file changed since then is a person's act. */
    if ((flags & CKF_USER_PIN_COUNT_LOW) != 0 && !h->attended && refusal != HSM_REFUSAL_CHANGED)
        return hm_fail(why, HM_E_PIN,
                       "token \"%s\": somebody entered a wrong PIN (CKF_USER_PIN_COUNT_LOW); log "
                       "in once by hand, then start again",
                       t->label);
    return HM_OK;
}

static enum hm_err log_in(struct hsm *h, struct hsm_token *t, struct hsm_pin *pin,
                          struct hm_why *why)
{
    CK_FLAGS flags = CKF_SERIAL_SESSION | (h->read_write ? CKF_RW_SESSION : 0);
    CK_RV rv = h->m.f->C_OpenSession(t->slot, flags, NULL, NULL, &t->session);
    if (rv != CKR_OK)
        return hsm_fail_token(why, t, "C_OpenSession", rv);
    t->open = true;
    rv = h->m.f->C_Login(t->session, CKU_USER, pin->text, pin->len);
    if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN) {
        hsm_refusal_forget(h->state_dir, t->serial);
        return HM_OK;
    }
    enum hm_err err = hsm_fail_token(why, t, "C_Login", rv);
    struct hm_why more = {""};
    if (hsm_ckr_is_pin(rv) &&
        hsm_refusal_remember(h->state_dir, t->serial, t->pin_file, &pin->source, &more) != HM_OK)
        return hm_fail_in(why, HM_E_PIN, "(and this could not be remembered: %.200s)", more.text);
    return err;
}

enum hm_err hsm_token_open(struct hsm *h, struct hsm_token *t, struct hm_why *why)
{
    CK_TOKEN_INFO info;
    HSM_PIN_AUTO pin = {.len = 0};
    enum hsm_refusal refusal = HSM_REFUSAL_SAME;
    enum hm_err err = find_slot(h, t, &info, why);
    if (err == HM_OK)
        err = check_serial(h, t, &info, why);
    if (err == HM_OK)
        err = hsm_pin_read(t->pin_file, &pin, why);
    if (err == HM_OK)
        err = hsm_refusal_check(h->state_dir, t->serial, t->pin_file, &pin.source, &refusal, why);
    if (err != HM_OK)
        return err;
    if (refusal == HSM_REFUSAL_SAME)
        return hm_fail(why, HM_E_PIN,
                       "token \"%s\": the PIN in %s was refused before and is not tried again; "
                       "correct the file",
                       t->label, t->pin_file);
    err = check_flags(h, t, info.flags, refusal, why);
    return err == HM_OK ? log_in(h, t, &pin, why) : err;
}
