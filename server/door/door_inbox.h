/* Artifacts that were uploaded and not yet handed to the registrar: one file per digest
 * (`sha256-HEX`), and `tmp-*` while one is being received. Thread-safe. */
#ifndef SERVER_DOOR_DOOR_INBOX_H
#define SERVER_DOOR_DOOR_INBOX_H

#include "schema/core/hm_hash.h"

struct door_inbox;
/* Makes the folder if need be and removes leftovers of uploads that were cut off. */
enum hm_err HM_MUST_USE door_inbox_open(const char *dir, uint64_t quota, struct door_inbox **out,
                                        struct hm_why *why);
void door_inbox_close(struct door_inbox *b);
/* Opens a whole artifact for reading. HM_E_NOT_FOUND. */
enum hm_err HM_MUST_USE door_inbox_read(struct door_inbox *b, const struct hm_digest *d, int *fd,
                                        uint64_t *size, struct hm_why *why);
void door_inbox_remove(struct door_inbox *b, const struct hm_digest *d);
/* Removes artifacts that nobody submitted within this time; returns how many. */
size_t door_inbox_expire(struct door_inbox *b, uint64_t ttl_s);
uint64_t door_inbox_used(struct door_inbox *b); /* bytes, whole artifacts and reserved ones */

#define DOOR_TMP_NAME 40
/* Reserves size bytes of the quota and makes an empty tmp file. HM_E_FULL, HM_E_IO. Ends with
 * door_inbox_keep or door_inbox_drop. */
enum hm_err HM_MUST_USE door_inbox_begin(struct door_inbox *b, uint64_t size,
                                         char name[static DOOR_TMP_NAME], int *fd,
                                         struct hm_why *why);
/* Renames the synced tmp file to its digest and syncs the folder. *new_one: false if another
 * upload of the same bytes was quicker. The tmp file is gone afterwards, also on failure. */
enum hm_err HM_MUST_USE door_inbox_keep(struct door_inbox *b, const char *name, uint64_t size,
                                        const struct hm_digest *d, bool *new_one,
                                        struct hm_why *why);
void door_inbox_drop(struct door_inbox *b, const char *name, uint64_t size);

#endif
