/* What the files of this folder share. Lock order: gate, then a token's lock. The gate is held
 * shared while the module is used and exclusively while it is loaded or unloaded. */
#ifndef HSM_HSM_PRIV_H
#define HSM_HSM_PRIV_H

#include "hsm/hsm.h"
#include "hsm/hsm_ckr_priv.h"

#include <libp11.h>
#include <pthread.h>
#include <stdatomic.h>

#define HSM_ID_MAX 64 /* bytes of a CKA_ID */

struct hsm_key {
    struct hsm_key_info info;
    uint8_t id[HSM_ID_MAX]; /* CKA_ID */
    size_t id_len;
    CK_OBJECT_HANDLE handle; /* valid while the module is loaded */
    EVP_PKEY *pkey;          /* P-256: libp11's view of the same key; NULL while not loaded */
    EVP_PKEY_CTX *signing;
    bool present; /* found since the module was loaded */
};

struct hsm_token {
    pthread_mutex_t lock; /* one user of the session, the handles and libp11's slot at a time */
    char *label;
    char *pin_file;
    char serial[HSM_SERIAL_MAX + 1];
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE session;
    bool open;
    bool away; /* the others came back without it */
};

struct hsm_module {
    void *handle;
    CK_FUNCTION_LIST_PTR f;
    PKCS11_CTX *p11;
    PKCS11_SLOT *slots;
    unsigned slot_count;
};

struct hsm {
    pthread_rwlock_t gate;
    char *module_path;
    char *state_dir;
    bool attended, read_write;
    void (*notice)(void *ctx, const char *text);
    void *notice_ctx;
    struct hsm_module m;
    struct hsm_token tokens[HSM_TOKENS_MAX];
    size_t token_count;
    struct hsm_key keys[HSM_KEYS_MAX];
    size_t key_count;
    bool keys_known; /* the first enumeration is done: later ones only find these again */
    atomic_bool lost;
    _Atomic int64_t backoff_ms;  /* 0 as long as signatures succeed */
    int64_t next_try_ms;         /* gate held exclusively */
    int64_t away_backoff_ms;     /* likewise; 0: no token is away */
    _Atomic int64_t away_try_ms; /* when tokens that are away are looked for again */
    struct hm_why last;          /* why the last attempt to come back failed; likewise */
};

/* hsm_module.c */
enum hm_err HM_MUST_USE hsm_module_load(struct hsm *h, struct hm_why *why);
void hsm_module_unload(struct hsm *h);

/* hsm_token.c: finds the slot, checks the token's flags, logs in. */
enum hm_err HM_MUST_USE hsm_token_open(struct hsm *h, struct hsm_token *t, struct hm_why *why);

/* hsm_keys.c: reads and checks all private keys of a token into h->keys. */
enum hm_err HM_MUST_USE hsm_keys_read(struct hsm *h, size_t token, struct hm_why *why);

/* hsm_p256.c: opens libp11's side for every usable P-256 key; closes it. */
enum hm_err HM_MUST_USE hsm_p256_open(struct hsm *h, struct hm_why *why);
void hsm_p256_close(struct hsm *h);
enum hm_err HM_MUST_USE hsm_p256_sign(struct hsm *h, struct hsm_key *k,
                                      const struct hm_digest *digest,
                                      uint8_t sig[static HSM_SIG_LEN], struct hm_why *why);

/* hsm.c: everything that an open module consists of, and its end. Gate held exclusively. */
enum hm_err HM_MUST_USE hsm_load(struct hsm *h, struct hm_why *why);
void hsm_unload(struct hsm *h);

/* Calls `NAME: CKR_...` failures by their token. */
enum hm_err hsm_fail_token(struct hm_why *why, const struct hsm_token *t, const char *call,
                           CK_RV rv);

#endif
