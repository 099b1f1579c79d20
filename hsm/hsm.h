/* Tokens behind one PKCS#11 module: login, the keys that may be used, signing, recovery.
 * A key is usable only if its token says that it never left and never can. Thread: one handle may
 * be used by many threads; each token signs for one at a time. Errors: HM_E_TOKEN (the text names
 * the CKR_ code and what to do), HM_E_PIN, HM_E_UNAVAILABLE (lost; comes back by itself),
 * HM_E_TIMEOUT. */
#ifndef HSM_HSM_H
#define HSM_HSM_H

#include "schema/key/hm_key.h"

#define HSM_LABEL_MAX 64
#define HSM_SERIAL_MAX 16 /* bytes of CK_TOKEN_INFO.serialNumber, blanks cut */
#define HSM_KEYS_MAX 64   /* private keys on all tokens together */
#define HSM_TOKENS_MAX 16
#define HSM_SIG_LEN 64 /* r||s, or Ed25519 */

struct hsm;

struct hsm_token_config {
    const char *label;    /* CK_TOKEN_INFO.label, exact; copied */
    const char *pin_file; /* readable by its owner alone; copied. Read at each login, never kept */
};

struct hsm_config {
    const char *module; /* path of the PKCS#11 module; copied */
    const struct hsm_token_config *tokens;
    size_t token_count;
    const char *state_dir; /* where refused PINs are remembered; copied */
    bool attended;         /* a person is there: log in even when a token counts PIN failures */
    bool read_write;       /* sessions that may generate keys */
    /* Loss and return of the tokens, for the program's log. May be NULL. Called with locks held. */
    void (*notice)(void *ctx, const char *text);
    void *notice_ctx;
};

/* One private key that a token holds. */
struct hsm_key_info {
    size_t token; /* index into hsm_config.tokens */
    char label[HSM_LABEL_MAX + 1];
    struct hm_key key; /* public half; alg HM_KEY_NONE if it could not be read */
    /* "" if usable; else why the key is refused: attribute, what it is, what it must be. */
    char refused[256];
};

/* Loads the module, finds every token by its label, logs in, reads and checks every private key.
 * A refused key is listed with its reason and cannot sign. Caller hsm_close()s. */
enum hm_err HM_MUST_USE hsm_open(const struct hsm_config *c, struct hsm **out, struct hm_why *why);
void hsm_close(struct hsm *h); /* logs out, finalises; NULL allowed; when no call is running */

/* Serial number of a token; static for the life of h. */
const char *hsm_token_serial(const struct hsm *h, size_t token);
size_t hsm_key_count(const struct hsm *h);
/* Borrowed from h; stays as it was read first (a token that comes back must show the same keys). */
const struct hsm_key_info *hsm_key_at(const struct hsm *h, size_t index);
/* The one usable key of this label on this token. HM_E_NOT_FOUND; HM_E_TOKEN with the reason of its
 * refusal. */
enum hm_err HM_MUST_USE hsm_key_find(const struct hsm *h, size_t token, const char *label,
                                     size_t *index, struct hm_why *why);

/* Signs message with the key: P-256 over its SHA-256 as r||s, Ed25519 over the bytes themselves.
 * timeout_ms bounds the wait for the token's turn. After the token was lost, the call that comes
 * first tries to get it back; the text then says when it is tried next. */
enum hm_err HM_MUST_USE hsm_sign(struct hsm *h, size_t index, struct hm_bytes message,
                                 uint8_t sig[static HSM_SIG_LEN], int64_t timeout_ms,
                                 struct hm_why *why);

/* Makes a key pair on the token: sensitive, never extractable, private, sign only. A key of that
 * label must not exist. HM_E_CONFLICT. Needs read_write. */
enum hm_err HM_MUST_USE hsm_generate(struct hsm *h, size_t token, const char *label,
                                     enum hm_key_alg alg, size_t *index, struct hm_why *why);

#endif
