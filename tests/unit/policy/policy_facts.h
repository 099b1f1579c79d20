/* For tests: facts written as JSON, documents read from tests/documents/policy, and edits on them.
 * Members that are absent stay absent facts. */
#ifndef TESTS_UNIT_POLICY_POLICY_FACTS_H
#define TESTS_UNIT_POLICY_POLICY_FACTS_H

#include "policy/policy_verdict.h"
#include "schema/json/hm_json.h"

#define FACTS_LIST 16  /* elements of a list about earlier releases */
#define FACTS_POOL 128 /* artifacts of all of them */

struct facts_doc {
    struct policy_facts
        facts; /* borrows from the members below and from the JSON it was read from */
    struct hm_digest key;
    struct hm_hardware hardware[HM_HARDWARE_MAX];
    struct hm_digest *artifacts;
    struct hm_provenance *statements;
    struct policy_fact_provenance *provenance;
    struct hm_statement *others;
    struct policy_fact_attestation *attestations;
    struct policy_fact_approval *approvals;
    const char **vetoes;
    struct policy_fact_last last;
    struct policy_fact_set same_version[FACTS_LIST];
    int64_t signed_at[FACTS_LIST];
    struct policy_fact_earlier earlier[FACTS_LIST];
    struct hm_digest pool[FACTS_POOL];
    size_t pool_used;
    struct policy_fact_prior *prior;
};
/* {"stage", "product", "version", "channel", "hardware": [{"model", "revision"}], "break_glass",
 * "submitter", "key": hex, "artifacts": [hex], "provenance": [{"builder", "subjects": [hex],
 * "sources":
 * [{"repository", …}], "key": key object}], "finished_s", "parameters": {pointer: value},
 * "dependencies": [{"uri", "sha256"}] beside these, "attestations": [{"predicate", "subjects":
 * [hex], "result", "key": key object}], "submitted_s", "now_s",
 * "size", "rollback_floor", "last": {"version", "rollback_floor", "size"}, "same_version": [[hex]],
 * "signed_at": [n], "earlier": [{"product", "environment", "channel", "submitter", "signed_s",
 * "artifacts": [hex]}], "approvals": [{"principal", "key": hex,
 * "record": n}], "vetoes": [id], "prior":
 * [{"artifact": hex, "product", "version"}]} false if anything is not of that form. Caller
 * facts_free()s in both cases. */
bool facts_read(const json_t *v, struct facts_doc *out);
void facts_free(struct facts_doc *d);
#define FACTS_AUTO __attribute__((cleanup(facts_free))) struct facts_doc

/* tests/documents/policy/<name>, NUL-terminated, in a buffer that the caller frees; NULL if it is
 * not there. */
char *document_text(const char *name);
json_t *document_json(const char *name); /* new reference, NULL if it is not there */

/* One edit: "path=value". path is member names and indices joined by '/'; the index after the last
 * one appends. value is JSON (' stands for "), "-" to remove, "@path" for a copy of another place,
 * or
 * "^path" for one of `other` (NULL allowed). Several edits are separated by ';'. false if a path
 * does not exist. */
bool document_edit(json_t *doc, const char *edits, json_t *other);

#endif
