/* hallmarkd's configuration file. Every member is described in schema/door-config.schema.json. */
#ifndef SERVER_DOOR_DOOR_CONFIG_H
#define SERVER_DOOR_DOOR_CONFIG_H

#include "schema/core/hm_limits.h"
#include "schema/core/hm_err.h"
#include "server/door/alert.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct door_config_witness {
    char *name; /* as in its verifier key */
    char *url;  /* prefix of its endpoints */
};
/* Where records and alerts are delivered. */
struct door_config_webhook {
    char *url;
    char *secret_file;
    uint64_t events; /* bit per enum hm_event */
    char *products[HM_WEBHOOK_PRODUCTS_MAX];
    size_t product_count; /* 0: of any, and of none */
    bool alerts;
    uint64_t timeout_s;    /* of one delivery */
    uint64_t give_up_days; /* older ones are dropped once one of them fails */
};
struct door_config {
    char *listen; /* "ADDRESS:PORT" or "[V6]:PORT" */
    char *user;   /* NULL: stays who it is */
    char *registrar_socket;
    char *inbox_dir;
    char *query_db;
    char *tls_certificate;
    char *tls_key;
    char *client_ca;
    char *client_crl; /* NULL: none */
    char *port_file;  /* NULL: none */
    uint64_t max_connections;
    uint64_t max_connections_per_ip;
    uint64_t idle_timeout_s;
    uint64_t upload_idle_timeout_s;
    uint64_t max_artifact_bytes;
    uint64_t registrar_timeout_ms;
    uint64_t inbox_quota_bytes;
    uint64_t inbox_ttl_s;
    uint64_t requests_per_minute;        /* of one principal */
    bool public_log;                     /* /log needs no identity */
    uint64_t public_requests_per_minute; /* of one address, there */
    uint64_t follow_max_s;               /* how long one stream of new records lasts */
    char *outbound_ca; /* whom the door believes when it connects itself; NULL: the system's */
    struct door_config_witness witnesses[HM_WITNESSES_MAX];
    size_t witness_count;
    struct door_config_webhook webhooks[HM_WEBHOOKS_MAX];
    size_t webhook_count;
    struct alert_config alerts;
};

/* Reads and checks the file. HM_E_CONFIG names file, line and member. */
enum hm_err HM_MUST_USE door_config_read(const char *path, struct door_config *out,
                                         struct hm_why *why);
void door_config_free(struct door_config *c);
/* Does this door ever connect to anybody but the registrar? */
bool door_config_dials(const struct door_config *c);

#endif
