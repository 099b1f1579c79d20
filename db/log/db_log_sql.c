/* The writer's statements. A single place, so that what the process may ever say to the database
 * can be read at once. */
#include "db/log/db_log_priv.h"

const char *const db_log_text[LOG_STMT_COUNT] = {
    [LOG_BEGIN] = "BEGIN IMMEDIATE",
    [LOG_COMMIT] = "COMMIT",
    [LOG_ROLLBACK] = "ROLLBACK",
    [LOG_HEAD] = "SELECT origin, size, leaf, t_ms FROM head",
    [LOG_HEAD_SWAP] =
        "UPDATE head SET size=?1, leaf=?2, t_ms=?3 WHERE one=1 AND size=?4 AND leaf=?5",
    [LOG_RECORD_INSERT] = "INSERT INTO record(idx, hashes, bytes) VALUES(?1, ?2, ?3)",
    [LOG_RECORD_ROW] = "SELECT hashes, bytes FROM record WHERE idx=?1",
    [LOG_RECORD_LAST] = "SELECT max(idx) FROM record",
    [LOG_NODES] = "SELECT hashes FROM record WHERE idx=?1",
    [LOG_EVIDENCE_INSERT] = "INSERT INTO evidence(ref, bytes) VALUES(?1, ?2)",
    [LOG_DETAIL_INSERT] = "INSERT INTO detail(idx, salt, bytes) VALUES(?1, ?2, ?3)",
    [LOG_DETAIL_ERASE] = "DELETE FROM detail WHERE idx=?1",
    [LOG_DETAILS] = "SELECT idx, salt, bytes FROM detail WHERE idx>=?1 ORDER BY idx",
    [LOG_DETAIL_THERE] = "SELECT idx FROM detail WHERE idx=?1",
    [LOG_CHECKPOINT_INSERT] = "INSERT INTO checkpoint(size, note) VALUES(?1, ?2)",
    [LOG_CHECKPOINT_LAST] = "SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1",
    [LOG_COSIGNED_INSERT] = "INSERT INTO cosigned(size, note) VALUES(?1, ?2)",
    [LOG_COSIGNED_LAST] = "SELECT size, note FROM cosigned ORDER BY size DESC LIMIT 1",

    [STATE_RELEASE_GET] = DB_LOG_RELEASE_SELECT,
    [STATE_RELEASE_INSERT] =
        "INSERT INTO release(id,product,version,channel,environment,submitter,sequence,expires_s,"
        "submitted_leaf,manifest,statement,policy,dead) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [STATE_PROGRESS_INSERT] = "INSERT INTO progress(id,state,version_tag,intent,unknown,signed_idx,"
                              "last_idx) VALUES(?1,?2,?3,?4,?5,?6,?7)",
    [STATE_PROGRESS_UPDATE] =
        "UPDATE progress SET state=?1, version_tag=version_tag+1, intent=?2, unknown=?3, "
        "signed_idx=?4, last_idx=?5 WHERE id=?6 AND version_tag=?7 AND state=?8",
    [STATE_PROGRESS_THERE] = "SELECT state FROM progress WHERE id=?1",
    [STATE_OPEN] = "INSERT INTO open(expires_s, id) VALUES(?1, ?2)",
    [STATE_CLOSE] = "DELETE FROM open WHERE expires_s=?1 AND id=?2",
    [STATE_DEAD] = "UPDATE release SET dead=1 WHERE id=?1",
    [STATE_RELEASE_BY_VERSION] =
        "SELECT id FROM release WHERE product=?1 AND version=?2 AND channel=?3 "
        "AND dead=0 ORDER BY id DESC LIMIT 1",
    [STATE_SIGNED_VERSION] = "SELECT id FROM release JOIN progress USING(id) WHERE product=?1 AND "
                             "version=?2 AND dead=0 AND state=?3 LIMIT 1",
    [STATE_EXPIRED] = "SELECT o.id FROM open o JOIN progress p ON p.id=o.id WHERE o.expires_s<=?1 "
                      "AND p.state IN (?2, ?3) ORDER BY o.expires_s LIMIT ?4",
    [STATE_SIGNING] = "SELECT id FROM progress WHERE state=3 AND id>?1 ORDER BY id LIMIT ?2",
    [STATE_APPROVAL_CLASH] =
        "SELECT count(*), coalesce(sum(principal=?2 OR key=?3), 0) FROM approval "
        "WHERE release=?1",
    [STATE_APPROVAL_INSERT] =
        "INSERT INTO approval(release, record, principal, key) VALUES(?1, ?2, ?3, ?4)",
    [STATE_APPROVALS] =
        "SELECT record, principal, key FROM approval WHERE release=?1 ORDER BY record",
    [STATE_ARTIFACT_GET] =
        "SELECT r.product, r.version FROM artifact a JOIN release r ON r.id=a.release "
        "WHERE a.digest=?1",
    [STATE_ARTIFACT_PUT] =
        "INSERT INTO artifact(digest, release) VALUES(?1, ?2) ON CONFLICT DO NOTHING",
    [STATE_CLASS_GET] = "SELECT sequence FROM class WHERE id=?1",
    [STATE_CLASS_PUT] = "INSERT INTO class(id, sequence) VALUES(?1, ?2) ON CONFLICT(id) "
                        "DO UPDATE SET sequence=excluded.sequence WHERE excluded.sequence>sequence",
    [STATE_SEQUENCE] = "UPDATE counter SET value=value+1 WHERE one=1 RETURNING value",
    [STATE_REQUEST_GET] = "SELECT record FROM request WHERE digest=?1",
    [STATE_REQUEST_PUT] = "INSERT INTO request(digest, expires_s, record) VALUES(?1, ?2, ?3)",
    [STATE_ANSWER_GET] = "SELECT body, status, release, record, at_s FROM answer WHERE key=?1",
    [STATE_ANSWER_PUT] = "INSERT INTO answer(key, body, status, release, record, at_s) "
                         "VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [STATE_FORGET_ANSWERS] = "DELETE FROM answer WHERE at_s<?1",
    [STATE_FORGET_REQUESTS] = "DELETE FROM request WHERE expires_s<?1",
    [STATE_META_GET] = "SELECT value FROM meta WHERE name=?1",
    [STATE_META_PUT] = "INSERT INTO meta(name, value) VALUES(?1, ?2) ON CONFLICT(name) "
                       "DO UPDATE SET value=excluded.value",

    [FACTS_LATEST_PUT] = "INSERT INTO latest(product, channel, release) VALUES(?1, ?2, ?3) "
                         "ON CONFLICT(product, channel) DO UPDATE SET release=excluded.release",
    [FACTS_LATEST_GET] = "SELECT release FROM latest WHERE product=?1 AND channel=?2",
    [FACTS_SIGNED_PUT] = "INSERT INTO signed(key, t_s, idx) VALUES(?1, ?2, ?3)",
    [FACTS_SIGNED_GET] =
        "SELECT t_s FROM signed WHERE key=?1 AND t_s>?2 ORDER BY t_s DESC, idx DESC LIMIT ?3",
    [FACTS_AGAIN_PUT] =
        "INSERT INTO artifact_again(digest, release) VALUES(?1, ?2) ON CONFLICT DO NOTHING",
    [FACTS_EARLIER] =
        "SELECT id FROM release JOIN progress USING(id) WHERE id IN (SELECT release FROM artifact "
        "WHERE digest=?1 UNION SELECT release FROM artifact_again WHERE digest=?1) "
        "AND environment=?2 AND signed_idx>0 ORDER BY signed_idx LIMIT ?3",
    [FACTS_EVIDENCE] = "SELECT bytes FROM evidence WHERE ref=?1",
};
