/* hallmark-registrar's configuration (schema/registrar-config.schema.json). */
#ifndef SERVER_REGISTRAR_REG_CONFIG_H
#define SERVER_REGISTRAR_REG_CONFIG_H

#include "schema/trust/hm_genesis.h"

#define REG_OIDC_ISSUERS_MAX 16

struct reg_config {
    char *socket;    /* where the door connects */
    char *user;      /* NULL: stay who we are */
    char *peer_user; /* the door's user; NULL: our own */
    char *signer_socket;
    char *database;
    char *artifact_dir;
    char *policy;
    char *genesis;
    char *guards;
    char *client_ca;  /* PEM; NULL: nobody is known by certificate */
    char *client_crl; /* NULL: none */
    struct {
        char environment[HM_NAME_MAX + 1];
        char *file;
    } trust_stores[HM_TRUST_STORES_MAX];
    size_t trust_store_count;
    struct {
        struct {
            char *issuer;
            char *jwks;    /* its public keys, as it publishes them */
            unsigned algs; /* HM_OIDC_… */
        } issuers[REG_OIDC_ISSUERS_MAX];
        size_t issuer_count;
        uint64_t leeway_s;
    } oidc;
    struct hm_root root; /* root keys that this machine believes */
    uint64_t signer_timeout_ms;
    uint64_t max_clock_jump_s;
    uint64_t refusals_per_minute; /* refusal records per principal; more become one summary */
    uint64_t max_connections;
    uint64_t detail_keep_s;   /* 0: private detail is kept for ever */
    char *detail_archive_dir; /* where older one goes; NULL: nowhere, it is erased */
    char *mirror;             /* the log's mirror, a file on another disk; NULL: none */
    char *backup_dir;         /* where backups are made; NULL: nowhere */
};

/* HM_E_CONFIG names file, line, key and what was expected. Caller reg_config_free()s. */
enum hm_err HM_MUST_USE reg_config_load(const char *path, struct reg_config *out,
                                        struct hm_why *why);
void reg_config_free(struct reg_config *c);

#endif
