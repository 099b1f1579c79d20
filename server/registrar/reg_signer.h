/* The registrar's side of the signer's socket. Thread-safe. Every answer is checked before it is
 * believed. */
#ifndef SERVER_REGISTRAR_REG_SIGNER_H
#define SERVER_REGISTRAR_REG_SIGNER_H

#include "schema/log/hm_checkpoint.h"
#include "schema/log/hm_merkle.h"
#include "schema/log/hm_record.h"
#include "schema/trust/hm_guards.h"
#include "server/ipc/ipc_ops.h"
#include "server/ipc/ipc_pool.h"

struct reg_signer;

#define REG_SIGNER_KEYS_MAX 256
struct reg_signer_key {
    struct hm_digest id;
    struct hm_key key;
    char token[HM_TOKEN_SERIAL_MAX + 1];
};
struct reg_signer_hello {
    char origin[HM_ORIGIN_MAX + 1];
    struct hm_vkey vkey;
    char log_token[HM_TOKEN_SERIAL_MAX + 1];
    uint64_t last_size; /* last checkpoint that it signed */
    struct hm_digest last_root;
    struct hm_buf last_note;
    struct reg_signer_key keys[REG_SIGNER_KEYS_MAX];
    size_t key_count;
};
/* One release signature to ask for. Inputs borrowed. */
struct reg_sign_item {
    struct hm_digest key;
    struct hm_bytes tbs;
    struct hm_bytes record; /* sign.intended */
    uint64_t index;
    uint64_t size; /* of the checkpoint that path is for */
    const struct hm_path *path;
    struct hm_bytes statement;
    const struct hm_bytes *approvals;
    size_t approval_count;
    /* out */
    enum hm_err err;
    struct hm_why why;
    uint8_t sig[64];
};

/* socket: borrowed. */
enum hm_err HM_MUST_USE reg_signer_open(const char *socket, uint64_t timeout_ms,
                                        struct reg_signer **out, struct hm_why *why);
void reg_signer_close(struct reg_signer *s);
/* Caller frees out->last_note; out is large: allocate it. */
enum hm_err HM_MUST_USE reg_signer_hello(struct reg_signer *s, struct reg_signer_hello *out,
                                         struct hm_why *why);
/* Asks for a checkpoint over a tree of `size` that extends one of `old`; the answer is taken later,
 * by any thread. */
struct reg_signer_asked {
    uint64_t size;
    struct hm_digest root;
    struct ipc_asked call;
};
enum hm_err HM_MUST_USE reg_signer_ask(struct reg_signer *s, uint64_t size,
                                       const struct hm_digest *root, uint64_t old,
                                       const struct hm_path *path, struct reg_signer_asked *asked,
                                       struct hm_why *why);
/* Appends the signed note, verified with v and compared with what was asked. HM_E_HISTORY: the
 * signer's refusal, with its text. */
enum hm_err HM_MUST_USE reg_signer_take(struct reg_signer *s, struct reg_signer_asked *asked,
                                        const struct hm_vkey *v, struct hm_buf *note,
                                        struct hm_why *why);
/* One message for count <= SIGNER_SIGN_MAX items. HM_OK: each item has its own err. Otherwise
 * nothing is known about any of them: *maybe says whether the signer may have signed. */
enum hm_err HM_MUST_USE reg_signer_sign(struct reg_signer *s, struct reg_sign_item *const *items,
                                        size_t count, bool *maybe, struct hm_why *why);

#endif
