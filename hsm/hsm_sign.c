/* Signing, and coming back after a token was lost: the first call that meets a lost module closes
 * everything, loads it again and logs in; failures space the next tries out. */
#include "hsm/hsm_priv.h"

#include "schema/io/hm_clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define BACKOFF_FIRST_MS 500
#define BACKOFF_MAX_MS 60000

static void notice(const struct hsm *h, const char *what, const char *text)
{
    char line[HM_WHY_MAX + 64];
    (void)snprintf(line, sizeof line, "%s%s", what, text);
    if (h->notice != NULL)
        h->notice(h->notice_ctx, line);
}

/* When to look for tokens that the others came back without. */
static void plan_away(struct hsm *h)
{
    bool any = false;
    for (size_t i = 0; i < h->token_count; i++)
        any = any || h->tokens[i].away;
    int64_t backoff = h->away_backoff_ms == 0 ? BACKOFF_FIRST_MS : h->away_backoff_ms * 2;
    h->away_backoff_ms = !any ? 0 : backoff < BACKOFF_MAX_MS ? backoff : BACKOFF_MAX_MS;
    int64_t at = hm_clock_mono_ms() + h->away_backoff_ms;
    h->away_try_ms = at > h->next_try_ms ? at : h->next_try_ms; /* else the others would wait */
}

/* Gate held exclusively. */
static void come_back(struct hsm *h)
{
    int64_t backoff = h->backoff_ms == 0 ? BACKOFF_FIRST_MS : h->backoff_ms * 2;
    h->backoff_ms = backoff < BACKOFF_MAX_MS ? backoff : BACKOFF_MAX_MS;
    hsm_unload(h);
    if (hsm_load(h, &h->last) == HM_OK) {
        h->lost = false;
        (void)hm_fail(&h->last, HM_E_UNAVAILABLE,
                      "the tokens were lost again right after they came back");
        notice(h, "the tokens are back: the module was loaded and logged in again", "");
    } else {
        hsm_unload(h);
        notice(h, "the tokens are still gone: ", h->last.text);
    }
    /* Also after success: a token that logs in and then fails each signature must not be hammered.
     */
    h->next_try_ms = hm_clock_mono_ms() + h->backoff_ms;
    if (!h->lost)
        plan_away(h);
}

/* Takes the gate shared, with everything loaded. */
static enum hm_err enter(struct hsm *h, const struct timespec *deadline, struct hm_why *why)
{
    for (;;) {
        if (pthread_rwlock_clockrdlock(&h->gate, CLOCK_MONOTONIC, deadline) != 0)
            return hm_fail(why, HM_E_TIMEOUT, "the PKCS#11 module is being loaded again");
        if (!h->lost)
            return HM_OK;
        (void)pthread_rwlock_unlock(&h->gate);
        if (pthread_rwlock_clockwrlock(&h->gate, CLOCK_MONOTONIC, deadline) != 0)
            return hm_fail(why, HM_E_TIMEOUT, "a call into the PKCS#11 module does not return");
        int64_t now = hm_clock_mono_ms();
        if (h->lost && (h->backoff_ms == 0 || now >= h->next_try_ms))
            come_back(h);
        bool lost = h->lost;
        int64_t wait = h->next_try_ms - now;
        struct hm_why last = h->last;
        (void)pthread_rwlock_unlock(&h->gate);
        if (lost)
            return hm_fail(why, HM_E_UNAVAILABLE, "%s (tried again in %lld ms)", last.text,
                           (long long)(wait > 0 ? wait : 0));
    }
}

static enum hm_err sign_ed25519(struct hsm *h, struct hsm_key *k, struct hm_bytes message,
                                uint8_t sig[static HSM_SIG_LEN], struct hm_why *why)
{
    const struct hsm_token *t = &h->tokens[k->info.token];
    CK_MECHANISM mechanism = {CKM_EDDSA, NULL, 0};
    CK_BYTE out[HSM_SIG_LEN];
    CK_ULONG len = sizeof out;
    CK_BYTE_PTR data; /* Cryptoki's prototypes have no const */
    memcpy(&data, &message.data, sizeof data);
    CK_RV rv = h->m.f->C_SignInit(t->session, &mechanism, k->handle);
    if (rv != CKR_OK)
        return hsm_fail_token(why, t, "C_SignInit", rv);
    rv = h->m.f->C_Sign(t->session, data, message.len, out, &len);
    if (rv != CKR_OK)
        return hsm_fail_token(why, t, "C_Sign", rv);
    if (len != HSM_SIG_LEN)
        return hm_fail(why, HM_E_TOKEN, "token \"%s\": an Ed25519 signature of %lu bytes", t->label,
                       len);
    memcpy(sig, out, HSM_SIG_LEN);
    return HM_OK;
}

/* Whether it is there again is found out by loading everything again, now and then. */
static enum hm_err is_away(const struct hsm *h, const struct hsm_token *t, struct hm_why *why)
{
    enum hm_err err = hm_clock_mono_ms() < h->away_try_ms ? HM_E_TOKEN : HM_E_UNAVAILABLE;
    return hm_fail(why, err, "token \"%s\" is away; it is looked for again now and then", t->label);
}

static enum hm_err sign_locked(struct hsm *h, struct hsm_key *k, struct hm_bytes message,
                               uint8_t sig[static HSM_SIG_LEN], struct hm_why *why)
{
    if (h->tokens[k->info.token].away)
        return is_away(h, &h->tokens[k->info.token], why);
    if (!k->present)
        return hm_fail(why, HM_E_TOKEN, "token \"%s\" came back without its key \"%s\"",
                       h->tokens[k->info.token].label, k->info.label);
    if (k->info.key.alg == HM_KEY_ED25519)
        return sign_ed25519(h, k, message, sig, why);
    struct hm_digest digest = hm_sha256(message);
    return hsm_p256_sign(h, k, &digest, sig, why);
}

static enum hm_err sign_once(struct hsm *h, struct hsm_key *k, struct hm_bytes message,
                             uint8_t sig[static HSM_SIG_LEN], int64_t timeout_ms,
                             struct hm_why *why)
{
    struct timespec deadline = hm_clock_deadline(timeout_ms);
    struct hsm_token *t = &h->tokens[k->info.token];
    enum hm_err err = enter(h, &deadline, why);
    if (err != HM_OK)
        return err;
    if (pthread_mutex_clocklock(&t->lock, CLOCK_MONOTONIC, &deadline) != 0) {
        err = hm_fail(why, HM_E_TIMEOUT, "token \"%s\" is busy", t->label);
    } else {
        err = sign_locked(h, k, message, sig, why);
        if (err == HM_OK)
            h->backoff_ms = 0;
        (void)pthread_mutex_unlock(&t->lock);
    }
    if (err == HM_E_UNAVAILABLE && !atomic_exchange(&h->lost, true)) {
        notice(h, "lost: ", why->text);
    }
    (void)pthread_rwlock_unlock(&h->gate);
    return err;
}

enum hm_err hsm_sign(struct hsm *h, size_t index, struct hm_bytes message,
                     uint8_t sig[static HSM_SIG_LEN], int64_t timeout_ms, struct hm_why *why)
{
    struct hm_why own = {""};
    if (index >= h->key_count)
        return hm_fail(why, HM_E_NOT_FOUND, "no key %zu", index);
    struct hsm_key *k = &h->keys[index];
    if (k->info.refused[0] != '\0')
        return hm_fail(why, HM_E_TOKEN, "key \"%s\": %s", k->info.label, k->info.refused);
    enum hm_err err = sign_once(h, k, message, sig, timeout_ms, &own);
    /* A session that died while idle is no reason to turn a caller away: once more, freshly. Where
     * coming back was just tried in vain, this only repeats what is known. */
    if (err == HM_E_UNAVAILABLE)
        err = sign_once(h, k, message, sig, timeout_ms, &own);
    return err == HM_OK ? HM_OK : hm_fail(why, err, "%s", own.text);
}
