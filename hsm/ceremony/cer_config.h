/* ceremony.json (docs/formats/ceremony.md, schema/ceremony.schema.json): which keys on which
 * tokens, who guards them, which devices believe them. Unknown members are errors; relative paths
 * are taken from its folder. */
#ifndef HSM_CEREMONY_CER_CONFIG_H
#define HSM_CEREMONY_CER_CONFIG_H

#include "hsm/hsm.h"
#include "schema/json/hm_json.h"
#include "schema/log/hm_cosignature.h"
#include "schema/trust/hm_genesis.h"

#define CER_RELEASE_KEYS_MAX 24 /* with the root keys they must fit into a trust store */
#define CER_NAMES_MAX 64
#define CER_HARDWARE_MAX 64
#define CER_FLOORS_MAX 256

typedef char cer_name[HM_NAME_MAX + 1];

struct cer_names {
    cer_name *name; /* owned */
    size_t count;
};

/* Where a key lives, and the file in OUT/keys that its public half goes to. */
struct cer_place {
    size_t token; /* index in tokens */
    cer_name key_label;
    char file[HM_NAME_MAX + 8];
};

struct cer_token {
    char *label;
    char *pin_file;
};

struct cer_release_key {
    struct cer_place place;
    cer_name environment;
    struct cer_names products, channels;
    size_t approvals;
    struct hm_key *approvers; /* owned */
    size_t approver_count;
    struct hm_key *roster; /* owned; who may change the list of approvers */
    size_t roster_count, roster_threshold;
    uint64_t not_before_s, not_after_s; /* not_after 0 = no end */
};

struct cer_hardware {
    cer_name product;
    struct cer_names models, revisions, regions;
    size_t threshold;
};

struct cer_floor {
    cer_name product, model, revision, region;
    uint64_t sequence;
};

struct cer_store {
    cer_name environment;
    uint64_t epoch;
    uint64_t issued_s;
    struct cer_hardware *hardware; /* owned */
    size_t hardware_count;
    struct cer_floor *floors; /* owned */
    size_t floor_count;
    struct hm_cosigners witnesses; /* none: quorum 0 */
    size_t witness_quorum;
};

struct cer_config {
    char origin[HM_ORIGIN_MAX + 1];
    char *vendor_domain;
    char *module;
    char *policy;           /* NULL: given later */
    uint64_t guards_serial; /* of a later guards document; 0: the first one */
    struct cer_token tokens[HSM_TOKENS_MAX];
    size_t token_count;
    struct cer_place root[HM_ROOT_KEYS_MAX];
    size_t root_count;
    size_t root_threshold;
    struct cer_place log;
    struct cer_release_key release[CER_RELEASE_KEYS_MAX];
    size_t release_count;
    struct cer_store stores[HM_TRUST_STORES_MAX];
    size_t store_count;
};

/* HM_E_CONFIG with "FILE:LINE: $.member: ...". now_s: default of `issued`. The struct is large:
 * allocate it. Caller cer_config_close()s. */
enum hm_err HM_MUST_USE cer_config_read(const char *path, uint64_t now_s, struct cer_config *out,
                                        struct hm_why *why);
void cer_config_close(struct cer_config *c);

#endif
