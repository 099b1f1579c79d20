/* Records in words, for people. Thread: main. */
#ifndef CLIENT_CLI_STORY_H
#define CLIENT_CLI_STORY_H

#include "client/cli_reason.h"

/* How a record is to be looked at. */
enum cli_story_tone { CLI_STORY_PLAIN = 0, CLI_STORY_GOOD, CLI_STORY_BAD };
enum cli_story_tone cli_story_tone(const struct hm_record *r);
const char *cli_story_tone_name(enum cli_story_tone tone); /* "plain", "good", "bad" */
/* Whether the actor signed something; else it is only the caller whom the door named
 * (docs/formats/record.md). */
bool cli_story_actor_proven(enum hm_event event);

/* Appends one line, without its end: "approved by alice (Alice Example), key 0123456789abcdef".
 * Names come out of the policy that the record names. */
enum hm_err HM_MUST_USE cli_story_text(struct cli_papers *p, const struct hm_record *r,
                                       struct hm_buf *out, struct hm_why *why);
/* The lines of a reason: an array of texts, empty where there is nothing to say. New reference. */
json_t *cli_story_reason(const struct cli_reason *reason);

/* "alice (Alice Example)"; "the service" for nobody. */
void cli_story_person(const struct cli_policy *policy, const char *id, struct hm_buf *out);
/* "production 0123456789abcdef": its name in the policy, and the beginning of its id. */
void cli_story_key(const struct cli_policy *policy, const struct hm_digest *key_id,
                   struct hm_buf *out);

#endif
