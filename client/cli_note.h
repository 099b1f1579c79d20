/* A stored or published checkpoint, held against the records under it; and who signed it. Two
 * steps, because the second costs as much as replaying a hundred records. Pure; any thread. */
#ifndef CLIENT_CLI_NOTE_H
#define CLIENT_CLI_NOTE_H

#include "client/cli_fault.h"
#include "schema/log/hm_cosignature.h"

#define CLI_NOTE_ANY UINT64_MAX

/* Form, origin and size: everything that needs no key. `size`: what it has to be over;
 * CLI_NOTE_ANY: whatever it says. Kinds checkpoint-malformed, -origin, -size. */
enum hm_err HM_MUST_USE cli_note_read(struct hm_bytes note, const char *origin, uint64_t size,
                                      struct hm_checkpoint *out, struct cli_fault *f,
                                      struct hm_why *why);

struct cli_note_keys {
    const struct hm_vkey *log;
    const struct hm_cosigners *witnesses; /* those that the caller believes; NULL: none */
};
/* The log's signature, and each cosignature by a witness that the caller named; at least `required`
 * of those. *cosigned, where not NULL, gets how many there are. A note that cli_note_read took.
 * Kinds checkpoint-malformed, checkpoint-signature, cosignature, witnesses. */
enum hm_err HM_MUST_USE cli_note_signatures(struct hm_bytes note, const struct cli_note_keys *keys,
                                            size_t required, size_t *cosigned, struct cli_fault *f,
                                            struct hm_why *why);

#endif
