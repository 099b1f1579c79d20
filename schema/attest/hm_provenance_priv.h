/* What provenance says about parameters and dependencies, as marks. */
#ifndef SCHEMA_ATTEST_HM_PROVENANCE_PRIV_H
#define SCHEMA_ATTEST_HM_PROVENANCE_PRIV_H

#include "schema/attest/hm_provenance.h"

/* Every text, integer and boolean in it, however deep. */
void hm_provenance_mark_parameters(struct hm_provenance *p, const json_t *parameters);
/* digest: the DigestSet, NULL: none. */
void hm_provenance_mark_dependency(struct hm_provenance *p, const char *uri, const json_t *digest);

#endif
