/* hallmark-witness's configuration (schema/witness-config.schema.json). Unknown members are errors.
 */
#ifndef SERVER_WITNESS_WITNESS_CONFIG_H
#define SERVER_WITNESS_WITNESS_CONFIG_H

#include "schema/log/hm_checkpoint.h"

#define WITNESS_LOGS_MAX 256
#define WITNESS_LOG_KEYS_MAX 4 /* of one log: the old one and the new one, while they change */

struct witness_log_config {
    char origin[HM_ORIGIN_MAX + 1];
    struct hm_vkey keys[WITNESS_LOG_KEYS_MAX];
    size_t key_count;
};

struct witness_config {
    char *listen;                 /* "ADDRESS:PORT" or "[V6]:PORT" */
    char *user;                   /* "" = stay */
    char name[HM_ORIGIN_MAX + 1]; /* of the witness's key */
    char *key_file;
    char *state_dir;
    char *port_file;       /* NULL: none */
    char *tls_certificate; /* NULL: plain HTTP */
    char *tls_key;         /* NULL exactly where tls_certificate is */
    struct witness_log_config *logs;
    size_t log_count;
    uint64_t max_connections;
    uint64_t max_connections_per_ip;
    uint64_t request_timeout_s; /* for a request to arrive, and for an answer to leave */
    uint64_t idle_timeout_s;    /* between two requests */
};

/* HM_E_CONFIG with "FILE:LINE: $.member: ...". Caller witness_config_close()s. */
enum hm_err HM_MUST_USE witness_config_read(const char *path, struct witness_config *out,
                                            struct hm_why *why);
void witness_config_close(struct witness_config *c); /* NULL allowed */

#endif
