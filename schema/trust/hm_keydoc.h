/* Key objects in JSON documents: {"pem": …} or {"ssh": …}, exactly one. Policy, guards and genesis
 * use it. */
#ifndef SCHEMA_TRUST_HM_KEYDOC_H
#define SCHEMA_TRUST_HM_KEYDOC_H

#include "schema/json/hm_json.h"
#include "schema/key/hm_key.h"

/* path is where the object stands, for errors. */
enum hm_err HM_MUST_USE hm_keydoc_read(const json_t *v, const char *path, struct hm_key *out,
                                       struct hm_why *why);
/* {"pem": …} for plain keys, {"ssh": …} for sk- keys. New reference. */
json_t *hm_keydoc_write(const struct hm_key *k);

#endif
