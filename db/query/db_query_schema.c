/* Tables and statements of the read model (docs/formats/storage.md). */
#include "db/query/db_query_priv.h"

const char *const db_query_ddl =
    "CREATE TABLE head(one INTEGER PRIMARY KEY CHECK(one=1), origin TEXT NOT NULL, size INTEGER "
    "NOT NULL,"
    " leaf BLOB NOT NULL, t_ms INTEGER NOT NULL, frontier BLOB NOT NULL, clean INTEGER NOT NULL) "
    "STRICT;"
    "CREATE TABLE word(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;"
    /* hashes before bytes: a long record's overflow pages are not read for a tree node. */
    "CREATE TABLE record(idx INTEGER PRIMARY KEY, t_ms INTEGER NOT NULL, hashes BLOB NOT NULL,"
    " bytes BLOB NOT NULL) STRICT;"
    "CREATE TABLE checkpoint(size INTEGER PRIMARY KEY, note BLOB NOT NULL) STRICT;"
    "CREATE INDEX record_time ON record(t_ms);"
    "CREATE TABLE post(span INTEGER NOT NULL, key INTEGER NOT NULL, block INTEGER NOT NULL,"
    " bits INTEGER NOT NULL, PRIMARY KEY(span, key, block)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE span(key INTEGER NOT NULL, spans INTEGER NOT NULL, bits INTEGER NOT NULL,"
    " PRIMARY KEY(key, spans)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE artifact(age INTEGER NOT NULL, prefix INTEGER NOT NULL, idx INTEGER NOT NULL,"
    " PRIMARY KEY(age, prefix, idx)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE release(id INTEGER PRIMARY KEY, state INTEGER NOT NULL, version_tag INTEGER NOT "
    "NULL,"
    " product TEXT NOT NULL, version TEXT NOT NULL, channel TEXT NOT NULL, environment TEXT NOT "
    "NULL,"
    " submitter TEXT NOT NULL, sequence INTEGER NOT NULL, expires_s INTEGER NOT NULL,"
    " submitted_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL, approvals INTEGER NOT NULL,"
    " signed_idx INTEGER NOT NULL, last_idx INTEGER NOT NULL, manifest BLOB NOT NULL) STRICT;";

const char *const db_query_write_text[W_COUNT] = {
    [W_BEGIN] = "BEGIN IMMEDIATE",
    [W_COMMIT] = "COMMIT",
    [W_ROLLBACK] = "ROLLBACK",
    [W_HEAD_GET] = "SELECT h.origin, h.size, h.leaf, h.t_ms, h.frontier, h.clean,"
                   " (SELECT coalesce(max(idx)+1, 0) FROM record) FROM head h",
    [W_HEAD_NEW] = "INSERT INTO head(one, origin, size, leaf, t_ms, frontier, clean) "
                   "VALUES(1, ?1, 0, ?2, 0, x'', 0)",
    [W_HEAD_PUT] = "UPDATE head SET size=?1, leaf=?2, t_ms=?3, frontier=?4",
    [W_CLEAN] = "UPDATE head SET clean=?1",
    [W_LAST] = "SELECT bytes FROM record WHERE idx=?1",
    [W_WORD_GET] = "SELECT id FROM word WHERE text=?1",
    [W_WORD_PUT] = "INSERT INTO word(text) VALUES(?1)",
    [W_RECORD] = "INSERT INTO record(idx, t_ms, hashes, bytes) VALUES(?1, ?2, ?3, ?4)",
    [W_CHECKPOINT] = "INSERT INTO checkpoint(size, note) VALUES(?1, ?2)",
    [W_POST] = "INSERT INTO post(span, key, block, bits) VALUES(?1, ?2, ?3, ?4)"
               " ON CONFLICT(span, key, block) DO UPDATE SET bits=bits|excluded.bits",
    [W_POST_DROP] = "UPDATE post SET bits=bits&~?4 WHERE span=?1 AND key=?2 AND block=?3",
    [W_POST_EMPTY] = "DELETE FROM post WHERE span=?1 AND key=?2 AND block=?3 AND bits=0",
    [W_SPAN] = "INSERT INTO span(key, spans, bits) VALUES(?1, ?2, ?3) ON CONFLICT(key, spans)"
               " DO UPDATE SET bits=bits|excluded.bits WHERE bits&excluded.bits=0",
    [W_SPAN_DROP] = "UPDATE span SET bits=bits&~?3 WHERE key=?1 AND spans=?2"
                    " AND NOT EXISTS(SELECT 1 FROM post WHERE span=?4 AND key=?1)",
    [W_SPAN_EMPTY] = "DELETE FROM span WHERE key=?1 AND spans=?2 AND bits=0",
    [W_ARTIFACT] =
        "INSERT INTO artifact(age, prefix, idx) VALUES(0, ?1, ?2) ON CONFLICT DO NOTHING",
    [W_ARTIFACT_COPY] = "INSERT INTO artifact(age, prefix, idx) SELECT age+1, prefix, idx"
                        " FROM artifact WHERE age=?1 AND prefix>=?2 AND prefix<?3",
    [W_ARTIFACT_DROP] = "DELETE FROM artifact WHERE age=?1 AND prefix>=?2 AND prefix<?3",
    [W_RELEASE_NEW] =
        "INSERT INTO release(id, state, version_tag, product, version, channel, environment,"
        " submitter, sequence, expires_s, submitted_ms, changed_ms, approvals, signed_idx,"
        " last_idx, manifest) VALUES(?1, ?2, 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, 0, 0, ?1, "
        "?11)",
    [W_RELEASE_STATE] = "SELECT state FROM release WHERE id=?1",
    [W_RELEASE_CHANGE] =
        "UPDATE release SET state=?1, version_tag=version_tag+1, changed_ms=?2,"
        " approvals=approvals+?3, signed_idx=max(signed_idx, ?4), last_idx=?5 WHERE id=?6",
    [W_RELEASE_TOUCH] = "UPDATE release SET last_idx=?1 WHERE id=?2",
};

const char *const db_query_read_text[R_COUNT] = {
    [R_BEGIN] = "BEGIN",
    [R_COMMIT] = "COMMIT",
    [R_SIZE] = "SELECT size FROM head WHERE one=1",
    [R_WORD] = "SELECT id FROM word WHERE text=?1",
    [R_RECORD] = "SELECT bytes FROM record WHERE idx=?1",
    [R_NODES] = "SELECT hashes FROM record WHERE idx=?1",
    [R_CHECKPOINT] = "SELECT size, note FROM checkpoint WHERE size>=?1 ORDER BY size LIMIT 1",
    [R_TIME] = "SELECT idx FROM record WHERE t_ms>=?1 ORDER BY t_ms, idx LIMIT 1",
    [R_SPAN_UP] = "SELECT spans, bits FROM span WHERE key=?1 AND spans>=?2 ORDER BY spans LIMIT 1",
    [R_SPAN_DOWN] =
        "SELECT spans, bits FROM span WHERE key=?1 AND spans<=?2 ORDER BY spans DESC LIMIT 1",
    [R_POST_UP] = "SELECT block, bits FROM post WHERE span=?1 AND key=?2 AND block>=?3"
                  " ORDER BY block LIMIT 1",
    [R_POST_DOWN] = "SELECT block, bits FROM post WHERE span=?1 AND key=?2 AND block<=?3"
                    " ORDER BY block DESC LIMIT 1",
    [R_ARTIFACT_UP] = "SELECT idx FROM artifact WHERE age=?1 AND prefix=?2 AND idx>=?3"
                      " ORDER BY idx LIMIT 1",
    [R_ARTIFACT_DOWN] = "SELECT idx FROM artifact WHERE age=?1 AND prefix=?2 AND idx<=?3"
                        " ORDER BY idx DESC LIMIT 1",
    [R_ALL_UP] = "SELECT idx FROM record WHERE idx>=?1 ORDER BY idx LIMIT 1",
    [R_ALL_DOWN] = "SELECT idx FROM record WHERE idx<=?1 ORDER BY idx DESC LIMIT 1",
    [R_RALL_DOWN] = "SELECT id FROM release WHERE id<=?1 ORDER BY id DESC LIMIT 1",
    [R_RELEASE] = "SELECT id, state, version_tag, product, version, channel, environment, "
                  "submitter, sequence,"
                  " expires_s, submitted_ms, changed_ms, approvals, signed_idx, last_idx, manifest"
                  " FROM release WHERE id=?1",
};
