/* The policy against the guards of its keys (docs/formats/guards.md). Pure. */
#ifndef POLICY_POLICY_GUARDS_H
#define POLICY_POLICY_GUARDS_H

#include "policy/policy.h"
#include "schema/trust/hm_guards.h"

/* HM_E_CONFIG with path and reason: a release key without guard, or with one of another
 * environment; a rule that asks for fewer people than the guard of its key, or for people of whom
 * too few have a key that the guard lists. */
enum hm_err HM_MUST_USE policy_check_guards(const struct policy *p, const struct hm_guards *guards,
                                            struct hm_why *why);

#endif
