/* POST /v1/releases: the body goes to the registrar as it is. Artifacts that the registrar does
 * not have yet are handed over from the inbox as descriptors. */
#include "schema/io/hm_file.h"
#include "server/door/door_conn.h"
#include "server/door/door_handlers.h"
#include "server/door/door_inbox.h"
#include "server/door/door_registrar.h"

#define SLOWEST_HASH                                                                               \
    (UINT64_C(16) * 1024 * 1024 / 1000) /* bytes per ms that the registrar hashes */

void door_submit_begin(struct door_req *r)
{
    door_frame_begin(r);
    (void)door_frame_body(r);
}

/* HM_E_NOT_FOUND: the inbox has no such artifact. */
static enum hm_err hand_over(struct door_req *r, const struct hm_digest *d)
{
    HM_FD_AUTO fd = -1;
    HM_BUF_AUTO frame = {.limit = 256};
    uint64_t size = 0;
    enum hm_err err = door_inbox_read(r->door->inbox, d, &fd, &size, &r->why);
    if (err != HM_OK)
        return err;
    ipc_put_digest(&frame, d);
    ipc_put_u64(&frame, size);
    int64_t timeout_ms = (int64_t)(r->door->config->registrar_timeout_ms + size / SLOWEST_HASH);
    err = ipc_pool_call(r->door->registrar, REG_ARTIFACT_PUT, hm_buf_bytes(&frame), fd,
                        &r->conn->reply, NULL, timeout_ms, &r->why);
    if (err != HM_E_SIGNATURE)
        return err;
    /* The file is not what its name says: a damaged disk. Let it be uploaded again. */
    door_inbox_remove(r->door->inbox, d);
    return HM_E_NOT_FOUND;
}

static void say_missing(struct door_req *r, const struct door_missing *absent)
{
    HM_BUF_AUTO text = {.limit = 2048};
    for (size_t i = 0; i < absent->count; i++) {
        char hex[HM_SHA256_HEX];
        hm_digest_hex(&absent->digest[i], hex);
        hm_buf_printf(&text, "%sPUT /v1/artifacts/sha256:%s", i > 0 ? ", " : "", hex);
    }
    const char *list = hm_buf_str(&text);
    door_problem(r, DOOR_MISSING_ARTIFACT, "upload first: %s", list != NULL ? list : "");
}

static void hand_over_all(struct door_req *r, const struct door_missing *wanted)
{
    struct door_missing absent = {.count = 0};
    for (size_t i = 0; i < wanted->count; i++) {
        enum hm_err err = hand_over(r, &wanted->digest[i]);
        if (err == HM_E_NOT_FOUND) {
            absent.digest[absent.count++] = wanted->digest[i];
        } else if (err != HM_OK) {
            door_problem_of(r, err, &r->why);
            return;
        }
    }
    if (absent.count > 0)
        say_missing(r, &absent);
}

void door_submit_end(struct door_req *r)
{
    struct door_missing wanted = {.count = 0};
    struct door_missing still = {.count = 0};
    door_forward(r, REG_SUBMIT, &wanted);
    if (r->answer.status != 0)
        return;
    hand_over_all(r, &wanted);
    if (r->answer.status != 0)
        return;
    door_forward(r, REG_SUBMIT, &still);
    if (r->answer.status == 0)
        door_problem(r, DOOR_UNAVAILABLE, "the registrar did not keep the artifacts");
    for (size_t i = 0; r->answer.status < 300 && i < wanted.count; i++)
        door_inbox_remove(r->door->inbox, &wanted.digest[i]);
}
