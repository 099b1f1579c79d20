/* The dictionary: texts become small integers. A direct-mapped cache spares most look-ups while
 * records are applied. */
#include "db/query/db_query_priv.h"

#include <string.h>

static struct db_word *slot_of(struct db_query_writer *w, const char *text)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (const char *p = text; *p != '\0'; p++)
        h = (h ^ (uint8_t)*p) * 16777619u;
    return &w->words[(h ^ (h >> 16)) % DB_QUERY_WORD_SLOTS];
}

void db_query_forget_words(struct db_query_writer *w)
{
    memset(w->words, 0, sizeof w->words);
}

static enum hm_err look_up(struct db_query_writer *w, const char *text, uint64_t *id,
                           struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&w->sql, W_WORD_GET);
    db_q_text(&q, text);
    *id = db_q_row(&q) ? db_q_get_u64(&q, 0) : 0;
    return db_q_err(&q, why);
}

static enum hm_err add(struct db_query_writer *w, const char *text, uint64_t *id,
                       struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&w->sql, W_WORD_PUT);
    db_q_text(&q, text);
    enum hm_err err = db_query_change(w, &q, why);
    if (err == HM_OK)
        *id = (uint64_t)sqlite3_last_insert_rowid(w->sql.db);
    return err;
}

enum hm_err db_query_intern(struct db_query_writer *w, const char *text, uint64_t *id,
                            struct hm_why *why)
{
    size_t len = strlen(text);
    if (len > HM_NAME_MAX)
        return hm_fail(why, HM_E_INTERNAL, "dictionary: a word of %zu bytes", len);
    struct db_word *slot = slot_of(w, text);
    if (slot->id != 0 && strcmp(slot->text, text) == 0) {
        *id = slot->id;
        return HM_OK;
    }
    uint64_t found = 0;
    enum hm_err err = look_up(w, text, &found, why);
    if (err == HM_OK && found == 0)
        err = add(w, text, &found, why);
    if (err != HM_OK)
        return err;
    slot->id = found;
    memcpy(slot->text, text, len + 1);
    *id = found;
    return HM_OK;
}
