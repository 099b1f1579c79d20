/* Cases for the tests of policy/: a policy and facts, both as edits of full.json, and what must
 * come out. */
#ifndef TESTS_UNIT_POLICY_POLICY_CASES_H
#define TESTS_UNIT_POLICY_POLICY_CASES_H

#include <stddef.h>

/* expect: "allow RULE", "deny CHECK" (the first that fails) or "error PATH" (beginning of the
 * loader's error). says: somewhere in the text of that finding or error; NULL: anything. policy and
 * facts: document_edit's edits, NULL: as they are; in the facts "^path" copies out of the policy.
 */
struct policy_case {
    const char *name;
    const char *policy;
    const char *facts;
    const char *expect;
    const char *says;
};
/* Runs them as cmocka tests of one group; the exit status of main. */
int policy_cases_run(const char *group, const struct policy_case *cases, size_t count);

#endif
