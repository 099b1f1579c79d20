/* The time zones that a policy names, compared with what this machine's tzdata says of them. A
 * remark for people: the policy's own rule is what counts, wherever it is evaluated. */
#ifndef CLIENT_CLI_ZONE_H
#define CLIENT_CLI_ZONE_H

#include <jansson.h>
#include <stdint.h>

/* One text for each rule whose time zone is not what tzdata says now or later, or cannot be
 * compared: an array of strings, the caller's. doc: of a policy that policy_load took. now_s: Unix
 * seconds. The files lie in $TZDIR, or /usr/share/zoneinfo (tzset(3)). NULL without memory. */
json_t *cli_zone_remarks(const json_t *doc, int64_t now_s);

#endif
