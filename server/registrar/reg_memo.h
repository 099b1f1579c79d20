/* A bounded set of digests: signatures that this process has verified before. Verification is a
 * pure function of key, message and signature, so an entry stays true; a lost one only costs the
 * work again. Thread-safe. */
#ifndef SERVER_REGISTRAR_REG_MEMO_H
#define SERVER_REGISTRAR_REG_MEMO_H

#include "schema/core/hm_hash.h"

struct reg_memo;
enum hm_err HM_MUST_USE reg_memo_open(struct reg_memo **out, struct hm_why *why);
void reg_memo_close(struct reg_memo *m);
bool reg_memo_has(struct reg_memo *m, const struct hm_digest *d);
/* The entry for a bare signature: COSE algorithm, raw public key, message, signature. */
struct hm_digest reg_memo_signature(int alg, struct hm_bytes pub, struct hm_bytes msg,
                                    struct hm_bytes sig);
void reg_memo_add(struct reg_memo *m, const struct hm_digest *d);

#endif
