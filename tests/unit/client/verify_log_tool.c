/* Writes the small log of the verification tests into DIR: log.db, log.jsonl, checkpoint.txt,
 * log.vkey, witnesses (one verifier key per line). */
#include "tests/unit/client/verify_log.h"

#include "schema/io/hm_file.h"

#include <stdio.h>
#include <stdlib.h>

static void put(const char *dir, const char *name, struct hm_bytes data)
{
    char path[512];
    struct hm_why why = {""};
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    if (hm_file_write_atomic(path, data, 0644, &why) != HM_OK) {
        (void)fprintf(stderr, "verify_log_tool: %s\n", why.text);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    struct verify_log l;
    HM_BUF_AUTO database = {.limit = 0};
    HM_BUF_AUTO lines = {.limit = 0};
    HM_BUF_AUTO keys = {.limit = 0};
    HM_BUF_AUTO key = {.limit = 0};
    if (argc != 2)
        return 2;
    verify_log_make(&l);
    verify_log_export(&l, &lines);
    hm_vkey_write(&l.key.vkey, &key);
    hm_buf_putc(&key, '\n');
    for (size_t i = 0; i < l.witnesses.count; i++) {
        hm_cosigner_write(&l.witnesses.of[i], &keys);
        hm_buf_putc(&keys, '\n');
    }
    if (hm_file_read(l.path, HM_BUF_LIMIT_DEFAULT, &database, NULL) != HM_OK)
        return 1;
    put(argv[1], "log.db", hm_buf_bytes(&database));
    put(argv[1], "log.jsonl", hm_buf_bytes(&lines));
    put(argv[1], "checkpoint.txt", verify_log_note(&l));
    put(argv[1], "log.vkey", hm_buf_bytes(&key));
    put(argv[1], "witnesses", hm_buf_bytes(&keys));
    verify_log_free(&l);
    return 0;
}
