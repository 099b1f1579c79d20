/* What the read model's files share. */
#ifndef SERVER_DOOR_DOOR_MODEL_PRIV_H
#define SERVER_DOOR_DOOR_MODEL_PRIV_H

#include "server/door/door_model.h"

#include <pthread.h>
#include <stdatomic.h>

#define DOOR_READERS 8

struct door_model {
    struct door_model_config c;
    pthread_t thread;
    _Atomic uint64_t acknowledged;
    atomic_bool stopping;

    pthread_mutex_t lock; /* everything below, until the follower's own part */
    pthread_cond_t changed;
    unsigned waiting; /* readers that wait for new records right now */
    int sock;         /* the follower's connection, so that stop can interrupt it */
    bool have_key;
    bool verified; /* the model has agreed with a checkpoint in this process's life */
    bool mismatch; /* and the last thing heard did not */
    bool up;
    uint64_t size;
    uint64_t registrar_size;
    struct hm_vkey key;
    struct hm_checkpoint noted; /* what `note` says; size 0 while there is none */
    char note[HM_CHECKPOINT_MAX];
    size_t note_len;
    char cosigned[HM_CHECKPOINT_MAX]; /* the newest that witnesses have cosigned */
    size_t cosigned_len;
    struct hm_checkpoint cosigned_at; /* what it says; size 0: there is none */
    char reason[HM_WHY_MAX];
    struct db_query *idle[DOOR_READERS];
    size_t idle_count;
    size_t lent;

    struct db_query_writer *writer; /* the follower thread's own */
};

/* The follower's thread function. */
void *door_follow_main(void *model);
/* The log key of first contact, in a file beside query.db. HM_E_HISTORY if it was another one. */
enum hm_err HM_MUST_USE door_pin_check(const char *query_db, struct hm_bytes vkey_line,
                                       struct hm_why *why);

#endif
