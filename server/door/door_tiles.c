/* The log as C2SP tlog-tiles has it: checkpoint, tiles, entry bundles under /log. */
#include "server/door/door_conn.h"
#include "server/door/door_handlers.h"
#include "server/door/door_proof.h"
#include "server/door/door_tree.h"

#include "schema/core/hm_text.h"

#include <stdio.h>
#include <string.h>

#define ETAG_BYTES 16

/* What a tile's path names never changes. */
#define FOR_EVER "max-age=31536000, immutable"
#define FOR_A_MOMENT "max-age=2"

static bool known_to_caller(const struct door_req *r)
{
    const char *given = r->heads.if_none_match;
    return given != NULL && (strcmp(given, "*") == 0 || strstr(given, r->answer.etag) != NULL);
}

/* 200 with the out buffer, or 304. Where callers need an identity, no shared cache may answer in
 * our place. */
static void answer(struct door_req *r, const char *type, const char *cache)
{
    char hex[2 * ETAG_BYTES + 1];
    struct hm_digest d = hm_sha256(hm_buf_bytes(&r->conn->out));
    hm_hex(d.b, ETAG_BYTES, hex);
    door_ok(r, type, hm_buf_bytes(&r->conn->out));
    (void)snprintf(r->answer.etag, sizeof r->answer.etag, "\"%s\"", hex);
    (void)snprintf(r->answer.cache, sizeof r->answer.cache, "%s, %s",
                   r->door->config->public_log ? "public" : "private", cache);
    if (known_to_caller(r)) {
        r->answer.status = 304;
        r->answer.type[0] = '\0'; /* of a body that is not there */
        r->answer.body.len = 0;
    }
}

void door_get_log_checkpoint(struct door_req *r)
{
    if (door_checkpoint(r, r->door->witnesses != NULL))
        answer(r, "text/plain; charset=utf-8", FOR_A_MOMENT);
}

void door_get_tile(struct door_req *r)
{
    struct door_tree t;
    struct hm_tile tile;
    if (hm_tile_parse(hm_bytes_str(r->match.capture[0]), &tile) != HM_OK) {
        door_problem(r, DOOR_NOT_FOUND,
                     "no tile has this path; expected <L>/<N>[.p/<W>] or entries/<N>[.p/<W>]");
        return;
    }
    if (!door_tree_begin(r, &t))
        return;
    bool ok = door_tree_tile(r, &t, &tile, &r->conn->out);
    door_tree_end(r, &t);
    if (!ok)
        return;
    r->answer.has_log_size = false; /* the answer is the same at every size */
    answer(r, "application/octet-stream", FOR_EVER);
}
