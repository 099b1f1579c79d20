/* in-toto statements. */
#include "schema/attest/hm_provenance.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum hm_statement_type type;
    struct hm_provenance p;
    struct hm_statement s;
    if (hm_statement_parse(hm_bytes_of(data, size), &s, NULL) == HM_OK &&
        (s.predicate[0] == '\0' || s.subject_count == 0))
        abort();
    if (hm_provenance_parse(hm_bytes_of(data, size), &type, &p, NULL) != HM_OK)
        return 0;
    if (type == HM_STATEMENT_SLSA_V1 &&
        (p.builder[0] == '\0' || p.subject_count == 0 || p.mark_count > HM_PROVENANCE_MARKS_MAX))
        abort();
    return 0;
}
