/* A device format: how a release becomes bytes to sign, and signatures become a file. SUIT is the
 * first row of the table. */
#ifndef SERVER_REGISTRAR_REG_FORMAT_H
#define SERVER_REGISTRAR_REG_FORMAT_H

#include "schema/attest/hm_request.h"
#include "schema/cose/hm_authwrap.h"
#include "server/registrar/reg_memo.h"
#include "server/registrar/reg_world.h"

/* What is checked with the eyes of devices: for every hardware class of a release. Borrowed. */
struct reg_check {
    const struct reg_world *world;
    struct reg_memo *memo;
    const struct reg_trust_store *store;
    const struct hm_uuid *classes;
    size_t class_count;
    const char *at_least; /* installed version that the release asks for, "" = none */
    struct hm_bytes file;
    struct hm_bytes proof; /* empty: only checks 1, 2 and 5 */
};
struct reg_format {
    const char *name;
    /* Builds the manifest for a request under this sequence number, appended. */
    enum hm_err (*build)(const struct reg_world *w, const struct hm_request *r, uint64_t sequence,
                         struct hm_buf *out, struct hm_why *why);
    /* What is identified in records and statements as the manifest. */
    struct hm_digest (*digest)(struct hm_bytes manifest);
    /* What this key signs, appended. */
    void (*tbs)(struct hm_bytes manifest, const struct hm_key *key, struct hm_buf *out);
    /* The file that devices take, appended. */
    void (*assemble)(struct hm_bytes manifest, const struct hm_auth_signature *sigs, size_t count,
                     struct hm_buf *out);
    /* What a device would say. HM_E_DENIED with its reason. */
    enum hm_err (*check)(const struct reg_check *c, struct hm_why *why);
};
const struct reg_format *reg_format_suit(void);
/* Every class id of a request. */
size_t reg_format_classes(const struct reg_world *w, const struct hm_request *r,
                          struct hm_uuid out[static HM_CLASSES_MAX]);

#endif
