/* What the files about webhooks share. */
#ifndef SERVER_DOOR_DOOR_HOOKS_PRIV_H
#define SERVER_DOOR_DOOR_HOOKS_PRIV_H

#include "server/door/door_cursor.h"
#include "server/door/door_hook_body.h"
#include "server/door/door_hook_sign.h"
#include "server/door/door_hooks.h"
#include "server/door/door_out.h"

#include <pthread.h>
#include <stdatomic.h>

#define DOOR_HOOK_PAGE 64 /* records looked at together */

/* Records that a hook asked for, out of one look at the read model. */
struct door_hook_page {
    struct hm_buf bytes;
    uint64_t idx[DOOR_HOOK_PAGE];
    size_t len[DOOR_HOOK_PAGE];
    size_t count, at; /* rows, and the next one */
    size_t offset;    /* of its bytes */
    uint64_t behind;  /* index behind everything that was looked at */
};
struct door_hook {
    const struct door_config_webhook *c;
    struct door_model *model;
    struct door_alerts *alerts;
    char name[17];  /* first digits of the address's SHA-256 */
    char host[200]; /* scheme, host and port: paths may be secrets */
    char *path;     /* of the cursor */
    struct door_hook_secrets secrets;
    pthread_t thread;
    bool started;

    /* The thread's own. */
    struct door_out *out;
    char origin[HM_ORIGIN_MAX + 1];
    struct door_cursor cursor;
    bool begun; /* the cursor is one */
    bool dirty; /* and has moved since it was written */
    int64_t written_ms;
    bool write_failed;
    uint64_t seq;            /* of the last alert that was dealt with */
    unsigned failures;       /* in a row */
    uint64_t drop_before_ms; /* what is older is not tried; 0: nothing */
    uint64_t dropping;       /* dropped since that was last told */
    struct door_hook_page page;

    /* For /metrics. */
    _Atomic uint64_t delivered, failed, dropped, next;
    atomic_bool up; /* the last attempt succeeded */
};

/* The thread's function. */
void *door_hook_main(void *hook);

/* Writes the cursor where it has moved; not now: unless that was done just before. */
void door_hook_save(struct door_hook *h, bool now);

/* One message until it is delivered. */
enum door_hook_result { DOOR_HOOK_DELIVERED, DOOR_HOOK_TOO_OLD, DOOR_HOOK_STOPPED };
enum door_hook_result door_hook_deliver(struct door_hook *h, const struct door_hook_message *m);

#endif
